"""Takes the README's pictures of the shop with its demo data, anew at every run. Needs the extra ``test`` and Chromium.

PYTHONPATH=tests .venv/bin/python docs/screenshots.py
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy.orm import Session

import shopapp
from browsing import (
    PROGRAMS,
    add_to_cart,
    fill_in_checkout,
    find_chromium,
    is_ordered,
    launch_chromium,
    order_button,
    serve,
)
from shopapp.catalog import demo
from shopapp.db import create_engine_from
from shopapp.embedded import stop_servers
from shopapp.migrations import upgrade
from shopapp.settings.shop import load_settings
from shopapp.testing import TEST_SECRET

IMAGES = Path(__file__).with_name("images")
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


def main() -> None:
    """Write all pictures. Exits with a message if there is no browser."""
    program = find_chromium()
    if program is None:
        sys.exit(f"no browser to take the pictures with: none of {', '.join(PROGRAMS)} is installed")
    IMAGES.mkdir(exist_ok=True)
    with open_shop() as url, sync_playwright() as playwright:
        browser = launch_chromium(playwright, program)
        take_all(browser, url)
        browser.close()


@contextmanager
def open_shop() -> Iterator[str]:
    """Serve the shop with its demo data; the value is its URL. Nothing of it is left afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with serve(make_shop(Path(folder))) as url:
                yield url
        finally:
            stop_servers()


def make_shop(folder: Path) -> Any:
    """Return the shop as a WSGI application, with everything it stores in ``folder``."""
    raw = {
        "redis.sessions.redis_url": f"embedded:{folder / 'valkey'}",
        "redis.sessions.secret": TEST_SECRET,
        "shop.database_url": f"sqlite:///{folder / 'shop.sqlite'}",
        "mail.url": f"folder:{folder / 'mail'}",
        "mail.thread": "false",
    }
    engine = create_engine_from(load_settings(raw, {}).shop)
    with engine.connect() as connection:
        upgrade(connection)
    with Session(engine) as dbsession, dbsession.begin():
        demo.fill(dbsession)
    engine.dispose()
    return shopapp.main({}, **raw)


def take_all(browser: Browser, url: str) -> None:
    """Go through the shop and take a picture of each page worth one."""
    page = browser.new_page(base_url=url, viewport=DESK)
    page.goto("/")
    take(page, "home")
    page.goto("/products/gooseneck-kettle")
    take(page, "product")
    page.goto("/login")
    take(page, "login")
    for sku in ("gooseneck-kettle", "stoneware-mug", "stoneware-mug", "lambswool-throw"):
        add_to_cart(page, sku)
    page.reload()  # without the message about what was added last
    take(page, "cart")
    page.goto("/checkout")
    fill_in_checkout(page, email="ann@example.com")
    page.evaluate("document.activeElement.blur()")
    take(page, "checkout")
    order_button(page).click()
    is_ordered(page)
    take(page, "order")

    phone = browser.new_page(base_url=url, viewport=PHONE)
    phone.goto("/")
    take(phone, "home-phone")
    add_to_cart(phone, "stoneware-mug")
    phone.goto("/checkout")
    take(phone, "checkout-phone")


def take(page: Page, name: str) -> None:
    """Take a picture of what a person sees first of the page."""
    page.wait_for_load_state("networkidle")  # the pictures of the products are there
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
