"""PostgreSQL is stopped, frozen, or busy with somebody else: what needs it says so soon, and the rest goes on."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from webtest import TestApp

import shopapp
from browsing import serve
from buying import MUG, fill, look, order, orders, sent, stock
from observing import cookie_of
from postgresql import Server, running_server
from shopapp.catalog import memory
from shopapp.db import create_engine_from
from shopapp.db.watch import ANSWER_SECONDS
from shopapp.migrations import upgrade
from shopapp.orders import store
from shopapp.settings.shop import ShopSettings
from shopapp.testing.shop import JSON, fill_with_demo, log_in

THREADS, CONNECTIONS = 8, 7
"""Of which four are for transactions: so many requests a server that hangs may hold, and no more."""

PEOPLE = 12
"""More than there are threads."""

SOON_SECONDS = ANSWER_SECONDS + 1.0
"""How long an answer may take while the database hangs: all threads may wait once for as long as it takes to be sure.
The rest is for a machine that is busy.
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL of its own, with a shop's database in it: other tests need theirs."""
    with running_server() as server:
        with psycopg.connect(host=str(server.home), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE shop")
        engine = create_engine_from(ShopSettings(database_url=url_of(server)))
        with engine.connect() as connection:
            upgrade(connection)
        fill_with_demo(engine)
        engine.dispose()
        yield server


def url_of(server: Server) -> str:
    return f"postgresql://postgres@/shop?host={server.home}"


@pytest.fixture
def shop_settings(shop_settings: dict[str, Any], server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(memory, "LOOK_SECONDS", 1.0)  # as it is
    return {**shop_settings, "shop.database_url": url_of(server), "shop.database_connections": str(CONNECTIONS)}


@pytest.fixture
def shop_app(shop_settings: dict[str, Any]) -> Iterator[Callable[..., Any]]:
    app = shopapp.main({}, **shop_settings)
    yield app
    app.registry["shopapp.sessionmaker"].kw["bind"].dispose()


@pytest.fixture
def shopper(customer: TestApp) -> TestApp:
    """Somebody who is signed in, with a cart, and has seen the pages that they will look at."""
    customer.post("/cart/items", {"sku": MUG}, headers=JSON)
    for path in ("/", f"/products/{MUG}", "/cart", "/orders"):
        customer.get(path)
    return customer


def assert_unavailable(browser: TestApp, method: str, path: str, fields: dict[str, str] | None = None) -> None:
    """It says 503, to people and to programs, and when to try again."""
    for headers in ({}, JSON):
        answer = browser.request(
            path, method=method, headers=headers, POST=fields if method == "POST" else None, status=503
        )
        assert int(answer.headers["Retry-After"]) > 0
        assert "Nothing is lost" in answer
    assert answer.json["error"]["code"] == "unavailable"


def wait_for(path: str, browser: TestApp) -> float:
    """Return after how many seconds the page is there again."""
    start = time.monotonic()
    while browser.get(path, status="*").status_int != 200:
        assert time.monotonic() - start < 10
        time.sleep(0.02)
    return time.monotonic() - start


def test_while_it_is_stopped_the_catalogue_carts_and_sessions_go_on(
    shopper: TestApp, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.stop()
    try:
        for path in ("/", f"/products/{MUG}", "/cart", "/account", "/healthz"):
            assert shopper.get(path, status=200)
        assert shopper.post("/cart/items", {"sku": MUG}, headers=JSON).json["count"] == 2
        assert "Demo Customer" in shopper.get("/")
        time.sleep(1.1)  # another look at the catalogue is due
        assert shopper.get(f"/products/{MUG}", status=200)

        assert_unavailable(shopper, "GET", "/orders")
        assert_unavailable(shopper, "GET", "/checkout")
        assert_unavailable(shopper, "GET", "/?q=never-searched")
        assert_unavailable(
            TestApp(shopper.app), "POST", "/login", {"email": "demo@example.com", "password": "correct horse battery"}
        )
        not_ready = shopper.get("/readyz", status=503).json["error"]
        assert list(not_ready["fields"]) == ["the database"]
    finally:
        server.start()

    assert wait_for("/orders", shopper) < 1.5
    told = Counter(record.getMessage().split()[0] for record in caplog.records if record.levelno >= logging.WARNING)
    assert told.pop("database_not_ready") == 1  # /readyz was asked
    assert told == {"database_away": 1, "database_back": 1, "catalogue_not_looked_at": 1}
    assert [record for record in caplog.records if record.exc_info] == []
    wait_until_looked_at(shopper, caplog)


def wait_until_looked_at(browser: TestApp, caplog: pytest.LogCaptureFixture) -> None:
    deadline = time.monotonic() + 5
    while "catalogue_looked_at_again" not in caplog.text:
        assert time.monotonic() < deadline
        browser.get("/")
        time.sleep(0.1)


def test_while_it_is_frozen_nobody_who_does_not_need_it_waits_and_who_does_is_told_soon(
    shopper: TestApp, shop_app: Callable[..., Any], server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    cookie, stop, answers = cookie_of(shopper), threading.Event(), []

    def ask_on(address: str, path: str) -> None:
        while not stop.is_set():
            start = time.monotonic()
            connection = HTTPConnection(address, timeout=30)
            connection.request("GET", path, headers=cookie)
            status = connection.getresponse().status
            connection.close()
            answers.append((path, start, status, time.monotonic() - start))
            time.sleep(0.05)

    with serve(shop_app, threads=THREADS) as site, ThreadPoolExecutor(PEOPLE + 3) as pool:
        for path in ("/healthz", "/", "/cart", *["/orders"] * PEOPLE):
            pool.submit(ask_on, urlsplit(site).netloc, path)
        try:
            time.sleep(0.5)
            with server.frozen():
                frozen_at = time.monotonic()
                time.sleep(3.5)
            thawed_at = time.monotonic()
            time.sleep(1.5)
        finally:
            stop.set()

    while_frozen = [answer for answer in answers if frozen_at < answer[1] < thawed_at - 0.2]
    for path in ("/healthz", "/", "/cart"):
        taken = [seconds for where, _, status, seconds in while_frozen if where == path and status == 200]
        assert len(taken) == len([1 for where, *_ in while_frozen if where == path]) > 10
        assert max(taken) < SOON_SECONDS
    asked = [(status, seconds) for where, _, status, seconds in while_frozen if where == "/orders"]
    assert {status for status, _ in asked} == {503}
    assert sum(seconds > SOON_SECONDS for _, seconds in asked) <= CONNECTIONS
    assert max(seconds for _, seconds in asked) < 4
    back = [start for where, start, status, _ in answers if where == "/orders" and start > thawed_at and status == 200]
    assert min(back) - thawed_at < 1
    assert caplog.text.count("database_away") == 1
    assert [record for record in caplog.records if record.exc_info] == []


def test_a_connection_that_the_server_has_closed_is_replaced_before_it_is_used(
    shopper: TestApp, server: Server
) -> None:
    with psycopg.connect(url_of(server), autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

    shopper.get("/orders", status=200)


def test_an_order_that_waits_for_others_in_vain_may_be_sent_again_and_is_placed_once(
    visitor: TestApp, server: Server, shop_settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "STATEMENT_SECONDS", 1)
    fill(visitor)
    fields = sent(look(visitor))
    before = stock(shop_settings), len(orders(shop_settings))
    with psycopg.connect(url_of(server)) as other:
        other.execute("UPDATE product SET stock = stock WHERE sku = %s", [MUG])

        refused = order(visitor, fields, status=503)
        page = visitor.post("/checkout", fields, status=503)

    assert refused.json["error"]["code"] == "unavailable"
    assert "You may send it again" in refused.json["error"]["message"]
    assert "You may send it again" in page
    assert int(refused.headers["Retry-After"]) > 0
    assert order(visitor, fields).status_int == 201
    assert order(visitor, fields, status=200).json["status"] == "placed"
    assert (stock(shop_settings), len(orders(shop_settings))) == (before[0] - 2, before[1] + 1)


def test_who_signs_in_while_it_is_away_keeps_the_session_they_had(visitor: TestApp, server: Server) -> None:
    visitor.post("/cart/items", {"sku": MUG}, headers=JSON)
    session = visitor.cookies["session"]
    with server.frozen():
        visitor.post("/login", {"email": "demo@example.com", "password": "correct horse battery"}, status=503)

    assert visitor.cookies["session"] == session
    assert visitor.get("/cart", headers=JSON).json["count"] == 1
    wait_for("/readyz", visitor)
    log_in(visitor)
