"""A caching proxy in front of the shop: what everybody may see is kept for a second, and nobody sees another's page."""

import time
from collections.abc import Callable
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

import pytest

from on_database import Database
from shopapp.catalog import demo

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"
PAGES = ("/", "/?page=2", "/?category=garden", "/?q=mug", "/products/brass-pen")


class Browser:
    """Somebody's browser, whose own cache is not used."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))

    def get(self, path: str, **headers: str) -> Any:
        """Return the answer, with ``text``."""
        return self._send(Request(self._url + path, headers={"Accept": HTML} | headers))

    def post(self, path: str, **fields: str) -> Any:
        """Send a form, and go where it leads."""
        return self._send(Request(self._url + path, data=urlencode(fields).encode(), headers={"Accept": HTML}))

    def _send(self, request: Request) -> Any:
        try:
            answer: Any = self._opener.open(request)
        except HTTPError as error:
            answer = error
        with answer:
            answer.text = answer.read().decode()
        return answer


@pytest.fixture
def new_browser(cached_url: str) -> Callable[[], Browser]:
    """A function that returns another browser behind the proxy."""
    return lambda: Browser(cached_url)


@pytest.fixture
def visitor(new_browser: Callable[[], Browser]) -> Browser:
    """A browser that has not been here before."""
    return new_browser()


def log_in(browser: Browser) -> None:
    browser.post("/login", email=demo.EMAIL, password=demo.PASSWORD)


def kept(answer: Any) -> bool:
    """Whether the proxy had it, or had it confirmed."""
    return answer.headers["X-Cache"] in ("HIT", "REVALIDATED")


@pytest.mark.parametrize("path", PAGES)
def test_a_visitors_page_is_kept_for_a_second_and_asked_for_again_then(
    visitor: Browser, new_browser: Callable[[], Browser], path: str
) -> None:
    first, second = visitor.get(path), new_browser().get(path)
    time.sleep(2.1)
    third = visitor.get(path)

    assert [each.headers["X-Cache"] for each in (first, second, third)] == ["MISS", "HIT", "REVALIDATED"]
    assert first.text == second.text == third.text
    assert "Sign in" in first.text


def test_what_the_shopkeeper_changes_is_seen_when_the_second_is_over(visitor: Browser, database: Database) -> None:
    assert "€78.00" in visitor.get("/products/brass-pen").text

    database.execute("UPDATE product SET price = 4500 WHERE sku = 'brass-pen'")
    time.sleep(2.1)

    assert "€45.00" in visitor.get("/products/brass-pen").text


@pytest.mark.parametrize("path", [*PAGES, "/cart", "/login"])
def test_nobody_sees_the_page_of_a_person(visitor: Browser, new_browser: Callable[[], Browser], path: str) -> None:
    person = new_browser()
    log_in(person)
    person.post("/cart/items", sku="brass-pen", quantity="3")
    new_browser().get(path)  # the proxy has the visitor's page by now

    for _ in range(2):
        page = person.get(path)
        assert "Demo Customer" in page.text
        assert not kept(page)
        assert 'class="badge">3<' in page.text
        assert "Demo Customer" not in visitor.get(path).text
        assert 'class="badge"' not in visitor.get(path).text


def test_who_signs_out_sees_the_visitors_page_at_once(new_browser: Callable[[], Browser]) -> None:
    person = new_browser()
    log_in(person)
    person.get("/")

    person.post("/logout")

    assert "Demo Customer" not in person.get("/").text


def test_a_message_is_shown_once_and_to_nobody_else(visitor: Browser, new_browser: Callable[[], Browser]) -> None:
    buyer = new_browser()
    visitor.get("/cart")

    page = buyer.post("/cart/items", sku="brass-pen")  # and from there to the cart, where the message is

    assert "is in your cart." in page.text
    assert "is in your cart." not in visitor.get("/cart").text
    assert "is in your cart." not in buyer.get("/cart").text


@pytest.mark.parametrize("path", ["/", "/products/brass-pen"])
def test_json_and_html_of_an_address_are_kept_apart(visitor: Browser, path: str) -> None:
    for _ in range(2):
        assert visitor.get(path).headers["Content-Type"].startswith("text/html")
        assert visitor.get(path, Accept="application/json").headers["Content-Type"] == "application/json"
    assert kept(visitor.get(path))
    assert kept(visitor.get(path, Accept="application/json"))


def test_a_language_changes_nothing_that_is_kept(visitor: Browser) -> None:
    """The shop has one; a page that had several would have to vary by it."""
    pages = [visitor.get("/", **{"Accept-Language": language}) for language in ("de", "en", "de")]

    assert len({page.text for page in pages}) == 1
    assert '<html lang="en">' in pages[0].text


def test_a_page_that_is_missing_or_refused_is_not_kept(visitor: Browser) -> None:
    for path in ("/products/nope", "/?page=99", "/?page=abc"):
        answers = [visitor.get(path) for _ in range(2)]
        assert all(answer.status in (400, 404) and not kept(answer) for answer in answers), path
