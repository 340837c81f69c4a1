"""Redis forgets: people's carts come back out of the database, and what they bought or removed does not."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from sqlalchemy.exc import OperationalError
from webtest import TestApp

import shopapp
from buying import LAMP, MUG, fill, in_cart, look, order, sent
from on_database import Database
from shopapp.cart import copies as copies_of_carts
from shopapp.cart.copies import COPIES, Copies, Copy
from shopapp.cart.copying import copy_what_is_owed
from shopapp.redis import StoreUnavailable
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in


@pytest.fixture
def copies(shop_app: Any) -> Copies:
    return shop_app.registry[COPIES]


@pytest.fixture
def copy(shop_app: Any) -> Callable[[], bool]:
    """A function that copies what is owed, as the thread does."""
    return lambda: copy_what_is_owed(shop_app.registry)


@pytest.fixture
def forget(shop_redis: ObservedRedis, visitor: TestApp) -> Callable[[], None]:
    """A function by which Redis loses all, and the person signs in anew."""

    def forget() -> None:
        shop_redis.flushall()
        assert visitor.get("/account", headers=JSON, status=401)
        visitor.reset()
        log_in(visitor)

    return forget


def test_what_redis_refuses_to_show_stays_owed(
    customer: TestApp, copies: Copies, copy: Callable[[], bool], shop_redis: ObservedRedis
) -> None:
    fill(customer)
    shop_redis.execute_command("ACL SETUSER", "default", "-hgetall")
    try:
        with pytest.raises(StoreUnavailable):
            copy()
    finally:
        shop_redis.execute_command("ACL SETUSER", "default", "+@all")

    assert copies.read(1) is None
    assert copy()
    assert copies.read(1).lines == {MUG: 2}


def test_a_cart_comes_back_with_one_line_in_the_log_that_counts(
    customer: TestApp, copy: Callable[[], bool], forget: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    fill(customer)
    assert copy()
    fill(customer, LAMP, 1)
    assert copy()

    forget()

    assert in_cart(customer) == {MUG: 2, LAMP: 1}
    assert in_cart(customer) == {MUG: 2, LAMP: 1}
    assert [text for text in caplog.messages if "carts_lost" in text] == ["carts_lost_in_redis brought_back=1"]


@pytest.mark.parametrize("first", ["add", "set", "remove", "merge", "look"])
def test_whatever_comes_first_finds_it(
    customer: TestApp,
    new_visitor: Callable[[], TestApp],
    copy: Callable[[], bool],
    shop_redis: ObservedRedis,
    first: str,
) -> None:
    """Redis has lost the cart alone: it was evicted."""
    fill(customer)
    fill(customer, LAMP, 1)
    copy()
    shop_redis.delete("cart:{user:1}")

    match first:
        case "add":
            fill(customer, MUG, 1)
        case "set":
            customer.post(f"/cart/items/{MUG}", {"quantity": "3"}, headers=JSON)
        case "remove":
            customer.post(f"/cart/items/{LAMP}", {"quantity": "0"}, headers=JSON)
        case "merge":
            visitor = new_visitor()
            fill(visitor, MUG, 1)
            log_in(visitor)
        case "look":
            pass

    lamp = {} if first == "remove" else {LAMP: 1}
    assert in_cart(customer) == {MUG: 3 if first in ("add", "set", "merge") else 2} | lamp


def test_what_was_ordered_does_not_come_back_even_if_nothing_was_copied_since(
    customer: TestApp, copy: Callable[[], bool], forget: Callable[[], None], copies: Copies, shop_redis: ObservedRedis
) -> None:
    fill(customer)
    copy()
    fill(customer, MUG, 1)
    late = Copy({MUG: 3}, int(shop_redis.hget("cart:{user:1}", ":version")))
    order(customer, sent(look(customer), email=None))
    copies.write({1: late})  # by another process, which read the cart before it was ordered
    kept = copies.read(1)
    assert kept is not None
    assert (kept.lines, kept.version > late.version) == ({}, True)

    forget()

    assert in_cart(customer) == {}
    fill(customer, LAMP, 1)
    copy()
    forget()
    assert in_cart(customer) == {LAMP: 1}


def test_a_cart_that_is_being_ordered_is_not_copied_and_what_is_added_meanwhile_is_afterwards(
    customer: TestApp, copy: Callable[[], bool], copies: Copies, forget: Callable[[], None], shop_redis: ObservedRedis
) -> None:
    fill(customer)
    copy()
    seen = look(customer)
    plain = redis.Redis(connection_pool=shop_redis.connection_pool)
    found: list[Any] = []

    def add_once_it_is_committed(_command: str) -> None:
        if any(field.startswith(b":order:") for field in plain.hgetall("cart:{user:1}")) and not found:
            found.append(None)
            plain.hset("cart:{user:1}", LAMP, 1)
            plain.hincrby("cart:{user:1}", ":version", 1)
            copies.note(1)
            assert not copy()
            found.append(copies.read(1).lines)

    shop_redis.before = add_once_it_is_committed
    order(customer, sent(seen, email=None))
    shop_redis.before = lambda _command: None

    assert found == [None, {}]
    assert in_cart(customer) == {LAMP: 1}
    copy()
    forget()
    assert in_cart(customer) == {LAMP: 1}


def test_what_was_removed_does_not_come_back(
    customer: TestApp, copy: Callable[[], bool], forget: Callable[[], None]
) -> None:
    fill(customer)
    copy()
    customer.post(f"/cart/items/{MUG}", {"quantity": "0"}, headers=JSON)

    assert in_cart(customer) == {}  # empty, and not lost
    copy()
    forget()
    assert in_cart(customer) == {}


def test_what_a_killed_process_owed_is_copied_after_the_next_look(
    customer: TestApp, shop_settings: dict[str, Any], copies: Copies, forget: Callable[[], None]
) -> None:
    fill(customer)
    copies.owed(1000)  # it dies
    other = shopapp.main({}, **shop_settings)
    elsewhere = TestApp(other, cookiejar=customer.cookiejar)
    elsewhere.get("/")
    copy_what_is_owed(other.registry)
    assert other.registry[COPIES].owed(1000) == []
    elsewhere.get("/cart")
    assert other.registry[COPIES].owed(1000) == []

    forget()

    assert in_cart(customer) == {MUG: 2}


@pytest.fixture
def set_back(customer: TestApp, copy: Callable[[], bool], shop_redis: ObservedRedis) -> Callable[[], None]:
    """A function by which Redis loses all that has happened to the cart since there were two mugs in it, and copied."""
    fill(customer)
    copy()
    before = shop_redis.dump("cart:{user:1}")

    def set_back() -> None:
        shop_redis.delete("cart:{user:1}:presses")
        shop_redis.restore("cart:{user:1}", 0, before, replace=True)

    return set_back


@pytest.mark.parametrize("first", ["look", "add", "remove", "look in another process", "copy"])
def test_what_was_ordered_does_not_come_back_with_a_redis_that_lost_its_last_second(
    customer: TestApp,
    copy: Callable[[], bool],
    copies: Copies,
    set_back: Callable[[], None],
    shop_settings: dict[str, Any],
    first: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    order(customer, sent(look(customer), email=None))
    set_back()
    browser = customer

    match first:
        case "add":
            fill(customer, LAMP, 1)
        case "remove":
            customer.post(f"/cart/items/{LAMP}", {"quantity": "0"}, headers=JSON)
        case "look in another process":
            browser = TestApp(shopapp.main({}, **shop_settings), cookiejar=customer.cookiejar)
        case "copy":
            copies.note(1)
            assert copy()
            assert copies.owed(1) == []

    left = {LAMP: 1} if first == "add" else {}
    assert in_cart(browser) == left
    assert copy()
    kept = copies.read(1)
    assert kept is not None
    assert kept.lines == left
    copies.tell()
    assert [text for text in caplog.messages if "carts_lost" in text] == ["carts_lost_in_redis brought_back=1"]


def test_a_process_that_knows_the_person_finds_within_a_minute_what_another_one_has_sold(
    customer: TestApp, set_back: Callable[[], None], copies: Copies, shop_settings: dict[str, Any]
) -> None:
    assert in_cart(customer) == {MUG: 2}
    elsewhere = TestApp(shopapp.main({}, **shop_settings), cookiejar=customer.cookiejar)
    order(elsewhere, sent(look(elsewhere), email=None))
    set_back()
    assert in_cart(customer) == {MUG: 2}  # nobody told this process

    copies._known.clear()  # a minute later

    assert in_cart(customer) == {}


def test_what_was_lost_before_it_was_copied_is_lost_and_the_cart_goes_on(
    customer: TestApp, copy: Callable[[], bool], copies: Copies, set_back: Callable[[], None]
) -> None:
    fill(customer, LAMP, 1)
    set_back()

    assert in_cart(customer) == {MUG: 2}
    fill(customer, MUG, 1)
    assert copy()
    kept = copies.read(1)
    assert kept is not None
    assert kept.lines == {MUG: 3}


def test_a_cart_goes_on_above_the_version_of_an_empty_copy(
    customer: TestApp, copy: Callable[[], bool], copies: Copies, forget: Callable[[], None], database: Database
) -> None:
    """Another Redis made that version, whose clock was an hour ahead."""
    fill(customer)
    copy()
    database.execute("UPDATE cart_copy SET version = version + 3600000000, lines = '{}'")
    forget()

    fill(customer, LAMP, 1)
    assert copy()

    kept = copies.read(1)
    assert kept is not None
    assert kept.lines == {LAMP: 1}


def test_an_older_copy_never_takes_the_place_of_a_newer_one_and_nobody_is_copied_who_is_gone(
    copies: Copies, database: Database
) -> None:
    assert copies.write({1: Copy({MUG: 5}, 20), 99: Copy({MUG: 1}, 20)}) == {}
    assert copies.write({1: Copy({MUG: 4}, 19)}) == {1: Copy({MUG: 5}, 20)}
    assert copies.write({1: Copy({LAMP: 4}, 20)}) == {}

    assert copies.read(1) == Copy({MUG: 5}, 20)
    assert [row[0] for row in database.execute("SELECT user_id FROM cart_copy")] == [1]


def test_a_copy_is_kept_as_long_as_a_cart(copies: Copies, database: Database) -> None:
    copies.write({1: Copy({MUG: 5}, 20)})
    database.execute("UPDATE cart_copy SET changed_at = '2020-01-01 00:00:00'")
    assert copies.read(1) is None

    copies._purged_at = -copies_of_carts.PURGE_SECONDS
    copies.write({})
    assert database.execute("SELECT count(*) FROM cart_copy").scalar() == 0


def test_while_the_database_is_away_carts_live_and_what_was_lost_comes_back_with_it(
    customer: TestApp,
    copy: Callable[[], bool],
    copies: Copies,
    shop_redis: ObservedRedis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(customer)
    copy()
    shop_redis.delete("cart:{user:1}")
    with monkeypatch.context() as away:
        away.setattr(copies, "_sessions", lambda: (_ for _ in ()).throw(OperationalError("", {}, Exception())))
        fill(customer, LAMP, 1)
        assert in_cart(customer) == {LAMP: 1}
        copies.note(1)
        assert copy()  # a cart whose copy has not been read must not replace it

    assert in_cart(customer) == {LAMP: 1, MUG: 2}


def test_the_thread_copies_within_seconds_and_adds_cost_what_they_did(
    shop_settings: dict[str, Any], shop_redis: ObservedRedis
) -> None:
    app = shopapp.main({}, **{**shop_settings, "shop.cart_thread": "true"})
    customer = TestApp(app)
    log_in(customer)
    fill(customer)
    deadline = time.monotonic() + 30

    while app.registry[COPIES].read(1) is None and time.monotonic() < deadline:
        time.sleep(0.1)

    assert app.registry[COPIES].read(1).lines == {MUG: 2}
    assert [thread.name for thread in threading.enumerate()].count("cart-copies") == 1


def test_emptied_under_load_everybody_is_a_visitor_nothing_is_a_500_and_peoples_carts_are_there(
    shop_app: Any, shop_redis: ObservedRedis, copy: Callable[[], bool], customer: TestApp
) -> None:
    fill(customer, LAMP, 1)
    copy()
    over, statuses = threading.Event(), []

    def shop(_number: int) -> None:
        browser = TestApp(shop_app)
        while not over.is_set():
            for act in (
                lambda: browser.post("/cart/items", {"sku": MUG}, headers=JSON, status="*"),
                lambda: browser.get("/cart", status="*"),
                lambda: browser.get("/", status="*"),
                lambda: browser.get("/account", headers=JSON, status="*"),
            ):
                statuses.append(act().status_int)

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(shop, number) for number in range(4)]
        plain = redis.Redis(connection_pool=shop_redis.connection_pool)
        for number in range(1, 6):
            while len(statuses) < 8 * number:
                time.sleep(0.01)
            plain.flushall()
        over.set()
        for each in running:
            each.result()

    assert set(statuses) <= {200, 401}
    customer.get("/account", headers=JSON, status=401)
    log_in(customer)
    assert in_cart(customer)[LAMP] == 1
