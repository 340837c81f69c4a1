"""The name of a request: what a person quotes from an error page is found in the log, and nobody else chooses it."""

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
import redis
from pyramid_retry import RetryableException
from webtest import TestApp

from shopapp.catalog import views
from shopapp.logs import Formatter
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON

OURS = re.compile(r"[0-9a-f]{32}")
GIVEN = "1f0c9d2e-proxy.7"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of the log from here on, as the ini's formatter writes them."""
    written: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Lines()
    handler.setFormatter(Formatter("%(name)s %(request_id)s %(message)s"))
    root = logging.getLogger()
    caplog.set_level(logging.INFO)
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)


@pytest.fixture
def behind_proxy(shop_with: Callable[..., TestApp]) -> TestApp:
    """A browser that comes by the trusted proxy: the server lets its X-Forwarded-For through, and no one else's."""
    browser = shop_with({"shop.request_id_from_proxy": "true"})
    browser.extra_environ["HTTP_X_FORWARDED_FOR"] = "192.0.2.7"
    return browser


def id_of(answer: Any) -> str:
    (found,) = answer.headers.getall("X-Request-ID")
    return str(found)


def test_every_answer_has_a_name_of_its_own_also_of_a_page_from_memory(visitor: TestApp) -> None:
    page = visitor.get("/")
    answers = [
        page,
        visitor.get("/"),
        visitor.get("/", headers={"If-None-Match": page.headers["ETag"]}, status=304),
        visitor.get("/", headers=JSON),
        visitor.get("/static/shop.css"),
        visitor.get("/nothing-here", status=404),
        visitor.post("/logout", status=303),
    ]

    names = [id_of(answer) for answer in answers]

    assert all(OURS.fullmatch(name) for name in names)
    assert len(set(names)) == len(names)
    assert not any(name in answer.text for name, answer in zip(names[:5], answers[:5], strict=True) if answer.body)
    assert answers[1].body == page.body


def test_an_error_page_shows_the_name_that_is_in_the_log_of_what_failed(
    customer: TestApp, shop_redis: ObservedRedis, lines: list[str]
) -> None:
    def fail(_command: str) -> None:
        raise redis.exceptions.ConnectionError("away")

    shop_redis.before = fail
    page = customer.get("/account", status=503)

    assert f"<code>{id_of(page)}</code>" in page
    (line,) = [line for line in lines if "store_unavailable" in line]
    assert line.startswith(f"shopapp.web.errors {id_of(page)} store_unavailable path=/account")


def test_whoever_writes_a_line_writes_it_with_the_name_and_nobody_does_afterwards(
    visitor: TestApp, lines: list[str]
) -> None:
    answer = visitor.post("/login", {"email": "a@example.com", "password": "wrong"}, headers=JSON, status=401)
    logging.getLogger("sqlalchemy.engine").warning("between two requests")

    assert f"shopapp.audit {id_of(answer)} event=UserLoginFailed" in "\n".join(lines)
    assert lines[-1] == "sqlalchemy.engine - between two requests"


def test_a_request_that_is_run_again_keeps_its_name(
    visitor: TestApp, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    related = views.related_products

    def fail_once(*arguments: Any) -> Any:
        tried.append(1)
        logging.getLogger("shopapp.tests").warning("tried")
        if len(tried) == 1:
            raise RetryableException("somebody was faster")
        return related(*arguments)

    monkeypatch.setattr(views, "related_products", fail_once)

    answer = visitor.get("/products/brass-pen", status=200)

    assert [line for line in lines if "tried" in line] == [f"shopapp.tests {id_of(answer)} tried"] * 2


def test_the_name_that_the_trusted_proxy_gives_is_taken(behind_proxy: TestApp, lines: list[str]) -> None:
    answer = behind_proxy.get("/nothing-here", headers={"X-Request-ID": GIVEN}, status=404)

    assert id_of(answer) == GIVEN
    assert f"<code>{GIVEN}</code>" in answer


@pytest.mark.parametrize(
    "given",
    ["", "short", "a" * 65, "with space", "line\tbreak", "<script>alert(1)</script>", 'quote"quote"', "wörter-wörter"],
)
def test_a_name_that_is_not_well_formed_is_nobodys(behind_proxy: TestApp, given: str) -> None:
    # As a server hands it over: the test client would refuse some of them.
    answer = behind_proxy.get("/nothing-here", extra_environ={"HTTP_X_REQUEST_ID": given}, status=404)

    assert OURS.fullmatch(id_of(answer))
    assert not given or given not in answer.text


def test_the_name_that_anybody_else_gives_counts_for_nothing(behind_proxy: TestApp, visitor: TestApp) -> None:
    given = {"X-Request-ID": GIVEN}
    assert OURS.fullmatch(id_of(visitor.get("/", headers={**given, "X-Forwarded-For": "192.0.2.7"})))  # not asked for

    del behind_proxy.extra_environ["HTTP_X_FORWARDED_FOR"]
    assert OURS.fullmatch(id_of(behind_proxy.get("/", headers=given)))
