"""A real browser in front of the real shop: Debian's Chromium, servers on loopback, and what people do on a page."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Playwright, expect
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
    "--renderer-process-limit=1",
)
"""The browser talks to nobody but the shop, needs no graphics hardware and starts few processes, which takes long."""

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1400, "height": 900}


def find_chromium() -> str | None:
    """Return the path of the machine's Chromium, None if it has none."""
    return next((path for path in map(shutil.which, PROGRAMS) if path), None)


def launch_chromium(playwright: Playwright, program: str) -> Browser:
    """Start the browser without a window."""
    return playwright.chromium.launch(
        executable_path=program,
        args=list(QUIET),
        chromium_sandbox=os.geteuid() != 0,  # Chromium does not start as root with it
        ignore_default_args=["--disable-back-forward-cache"],  # the back button as people have it
    )


@contextmanager
def serve(app: Callable[..., Any]) -> Iterator[str]:
    """Serve a WSGI application by waitress, as production does, on a free loopback port; the value is its URL."""
    sockets: dict[int, Any] = {}
    server = create_server(app, map=sockets, host="127.0.0.1", port=0, threads=8)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.trigger.pull_trigger(lambda: close_all(sockets))  # in the server's own thread, which then ends
        thread.join()
        server.task_dispatcher.shutdown()


def go_back(page: Page, path: str) -> None:
    """Press the back button, which leads to ``path``. Playwright's own waits for a load that a kept page never has."""
    page.evaluate("history.back()")
    page.wait_for_url(f"**{path}", wait_until="commit")


def fill_in_login(page: Page, *, password: str = demo.PASSWORD) -> None:
    """Fill in the demo customer on the login page: the one in front of the person, or else go there."""
    if "/login" not in page.url:
        page.goto("/login")
    page.get_by_label("E-mail").fill(demo.EMAIL)
    page.get_by_label("Password").fill(password)


def log_in(page: Page, *, password: str = demo.PASSWORD) -> None:
    """Sign the demo customer in, and see that it went well."""
    fill_in_login(page, password=password)
    sign_in_button(page).click()
    expect(page.get_by_role("link", name=f"Account of {demo.NAME}")).to_be_visible()


def sign_in_button(page: Page) -> Locator:
    """The button of the login form; in the page's head there is a link of that name."""
    return page.get_by_role("main").get_by_role("button", name="Sign in")


def add_to_cart(page: Page, sku: str) -> None:
    """Add one unit on the product's page, which leads to the cart."""
    page.goto(f"/products/{sku}")
    page.get_by_role("button", name="Add to cart").click()
    page.wait_for_url("**/cart")


def badge(page: Page) -> Locator:
    """The number on the cart in the page's head; there is none on an empty cart."""
    return page.get_by_role("banner").locator(".badge")
