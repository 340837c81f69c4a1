"""A real browser in front of the real shop: Debian's Chromium, servers on loopback, and what people do on a page."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, Playwright
from waitress import create_server
from waitress.wasyncore import close_all

from shopapp.catalog import demo

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--disable-gpu",
)
"""The browser talks to nobody but the shop, and needs no graphics hardware."""

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1400, "height": 900}


def find_chromium() -> str | None:
    """Return the path of the machine's Chromium, None if it has none."""
    return next((path for path in map(shutil.which, PROGRAMS) if path), None)


def launch_chromium(playwright: Playwright, program: str, **options: Any) -> Browser:
    """Start the browser without a window. Chromium refuses its sandbox to root."""
    return playwright.chromium.launch(
        executable_path=program, chromium_sandbox=os.geteuid() != 0, args=list(QUIET), **options
    )


@contextmanager
def serve(app: Callable[..., Any]) -> Iterator[str]:
    """Serve a WSGI application by waitress, as production does, on a free loopback port; the value is its URL."""
    sockets: dict[int, Any] = {}
    server = create_server(app, map=sockets, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.trigger.pull_trigger(lambda: close_all(sockets))  # in the server's own thread, which then ends
        thread.join()
        server.task_dispatcher.shutdown()


def log_in(page: Page, *, password: str = demo.PASSWORD, keep: bool = False) -> None:
    """Sign the demo customer in, on the login page that the browser shows already or goes to."""
    if "/login" not in page.url:
        page.goto("/login")
    page.get_by_label("E-mail").fill(demo.EMAIL)
    page.get_by_label("Password").fill(password)
    page.get_by_label("Keep me signed in").set_checked(keep)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def add_to_cart(page: Page, sku: str) -> None:
    """Add one unit on the product's page."""
    page.goto(f"/products/{sku}")
    page.get_by_role("button", name="Add to cart").click()
