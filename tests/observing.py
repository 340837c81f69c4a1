"""What tests look at: the forms and messages of a page, a browser's cookie, everything that is stored, and how often a
node was left alone; and how they have Redis go away.
"""

from contextlib import closing
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
import redis
from webtest import Form, TestApp, TestResponse

from on_database import Database
from shopapp.redis.nodes import Node
from shopapp.testing import Observed


def form_to(page: TestResponse, action: str) -> Form:
    """Return the page's last form that is sent to ``action``: the search form and the frame's own come first."""
    forms = [form for form in page.forms.values() if form.action == action]
    assert forms, f"no form is sent to {action}"
    return forms[-1]


def text_of(page: TestResponse) -> str:
    """Return what a person reads in the page's main part, with the white space of a line of text."""
    words = _Words()
    words.feed(page.text)
    return " ".join("".join(words.found).split())


def cookie_of(browser: TestApp) -> dict[str, str]:
    """Return the header with which the same browser sends another request, from another thread or later on."""
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}


def times_away(caplog: pytest.LogCaptureFixture, node: Node) -> int:
    """Return how often the log says that from now on nothing is sent to the node."""
    return sum(line.startswith(f"redis_node_away node={node.address} ") for line in caplog.messages)


def send(browser: TestApp, method: str, address: str, headers: dict[str, str]) -> TestResponse:
    """Send what WebTest refuses to: a path that is not UTF-8."""
    path, _, query = address.partition("?")
    request = browser.RequestClass.blank("/", method=method, headers={**headers, **cookie_of(browser)})
    request.environ.update(PATH_INFO=unquote_to_bytes(path).decode("latin-1"), QUERY_STRING=query)
    response = request.get_response(browser.app)
    response.request = request
    return response


def headers_of(response: TestResponse) -> list[tuple[str, str]]:
    """Return an answer's headers but its request's name, which no two have in common."""
    return sorted((name, value) for name, value in response.headers.items() if name != "X-Request-ID")


def everything_stored(client: redis.Redis, settings: dict[str, Any]) -> dict[str, Any]:
    """Return all keys and values of Redis, but for the tries that are counted there, and all rows of the database. It
    is not noted among the shop's commands.
    """
    plain = redis.Redis(connection_pool=client.connection_pool)
    with closing(Database(settings["shop.database_url"])) as database:
        return {
            "redis": {key: plain.dump(key) for key in sorted(plain.keys()) if not key.startswith(b"throttle:")},
            "database": database.everything(),
        }


def fail_at(shop_redis: Observed, number: int) -> None:
    """Have Redis go away for the command of this number, counted from 0, and if it is sent again for that too."""
    seen: list[str] = []

    def fail(command: str) -> None:
        seen.append(command)
        if number < len(seen) <= number + 2:
            raise redis.ConnectionError("gone")

    shop_redis.before = fail


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_main = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_main = self._in_main or tag == "main"

    def handle_endtag(self, tag: str) -> None:
        self._in_main = self._in_main and tag != "main"

    def handle_data(self, data: str) -> None:
        if self._in_main:
            self.found.append(data)
