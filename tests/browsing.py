"""A real browser in front of the real shop: Debian's Chromium, servers on loopback, and what people do on a page."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Playwright, expect

from shopapp.catalog import demo
from waitress_site import waitress

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

WHERE = {"Name": "Ann Lee", "Street and number": "1 Harbour Road", "Postcode": "D02 XY45", "City": "Dublin"}

IS_SEEN = """element => {
  const style = getComputedStyle(element), box = element.getBoundingClientRect()
  const hasOutline = style.outlineStyle === 'solid' && parseFloat(style.outlineWidth) >= 2
  const isDrawn = style.outlineColor !== 'rgba(0, 0, 0, 0)' && style.opacity === '1'
  return hasOutline && isDrawn && box.width > 1 && box.top < innerHeight && box.bottom > 0
}"""
"""Whether the element in focus is seen to be."""

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
def serve(app: Callable[..., Any], **options: Any) -> Iterator[str]:
    """Serve a WSGI application by waitress, as production does, on a free loopback port; the value is its URL."""
    with waitress(app, **options) as server:
        yield f"http://127.0.0.1:{server.effective_port}"


def tab_stops(page: Page) -> Iterator[Locator]:
    """Go through the page by Tab; each stop is the element in focus."""
    while True:
        page.keyboard.press("Tab")
        yield page.locator("*:focus")


def go_by_tab(page: Page, wanted: Locator) -> None:
    """Press Tab until the element is in focus, and see that it is shown to be."""
    element = wanted.element_handle()
    assert any(stop.evaluate("(stop, wanted) => stop === wanted", element) for stop in islice(tab_stops(page), 30))
    assert wanted.evaluate(IS_SEEN)


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


def fill_in_checkout(page: Page, *, email: str | None = None) -> None:
    """Fill in where the things go, and a guest's address of mail, on the checkout's page that is shown."""
    if email:
        page.get_by_label("E-mail").fill(email)
    for label, value in WHERE.items():
        page.get_by_label(label, exact=True).fill(value)


def order_button(page: Page) -> Locator:
    """The button that orders: it says the total."""
    return page.get_by_role("button", name="Order for")


def is_ordered(page: Page) -> str:
    """The browser has arrived at the page of an order; return its number."""
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"^Order \d{3}-\d{3}-\d{4}$"))
    return page.get_by_role("heading", level=1).inner_text().removeprefix("Order ")


def badge(page: Page) -> Locator:
    """The number on the cart in the page's head; there is none on an empty cart."""
    return page.get_by_role("banner").locator(".badge")
