"""The shop in a browser. Whatever the browser complains of fails the test, unless the test says that it must."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, WebError, sync_playwright

from browsing import find_chromium, launch_chromium, serve

PATIENCE_MILLISECONDS = 10_000


class Complaints:
    """What browsers complained of: console messages (broken rules of the CSP are among them), errors, failed requests.

    A page that answers with an error status is a message of the console too.
    """

    def __init__(self) -> None:
        self.found: list[str] = []
        self._expected: list[str] = []

    def watch(self, context: BrowserContext) -> None:
        """Note what any page of this browser complains of from now on."""
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("requestfailed", self._on_failed_request)

    def expect(self, text: str) -> None:
        """A complaint with this text must come, as often as it likes."""
        self._expected.append(text)

    def unexpected(self) -> list[str]:
        """Return what came and was not expected, and what was expected and did not come."""
        surprises = [each for each in self.found if not any(text in each for text in self._expected)]
        missing = [text for text in self._expected if not any(text in each for each in self.found)]
        return surprises + [f"did not come: {text}" for text in missing]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.text.endswith('/logout\': Cleared data types: "storage".'):
            return  # it says that it did what it was told to
        self.found.append(f"console {message.type}: {message.text}")

    def _on_error(self, error: WebError) -> None:
        self.found.append(f"error: {error.error}")

    def _on_failed_request(self, request: Request) -> None:
        if request.failure == "net::ERR_ABORTED":
            return  # whoever leaves a page calls off what it was still loading
        self.found.append(f"failed: {request.method} {request.url} {request.failure}")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser's program."""
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium on this machine: install Debian's package chromium")
    return program


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """The running browser, shared by all tests; what people have of their own is a context of it."""
    with sync_playwright() as playwright:
        running = launch_chromium(playwright, chromium)
        yield running
        running.close()


@pytest.fixture
def stock(shop_settings: dict[str, Any]) -> Callable[[str, int], None]:
    """A function that says how many units of a product there are from now on."""

    def set_stock(sku: str, units: int) -> None:
        path = shop_settings["shop.database_url"].removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("UPDATE product SET stock = ? WHERE sku = ?", [units, sku])

    return set_stock


@pytest.fixture
def shop_url(chromium: str, shop_app: Callable[..., Any]) -> Iterator[str]:
    """Where the shop is served."""
    with serve(shop_app) as url:
        yield url


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """The complaints of all browsers of this test, which must be those that it expects."""
    complaints = Complaints()
    yield complaints
    assert complaints.unexpected() == []


@pytest.fixture
def new_page(complaints: Complaints, browser: Browser, shop_url: str) -> Iterator[Callable[..., Page]]:
    """A function that returns an empty page of somebody's who has never been in the shop. Takes a context's options."""
    contexts: list[BrowserContext] = []

    def open_page(**options: Any) -> Page:
        context = browser.new_context(**{"base_url": shop_url, "locale": "en-IE", **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        complaints.watch(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """The page of somebody who has never been in the shop."""
    return new_page()
