"""An add that is sent again because its answer was lost counts once: whatever sends it gives the press a name."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import redis
from webtest import TestApp, TestResponse

from observing import cookie_of, fail_at, text_of
from shopapp.cart.store import MOST_PRESSES, PRESS_SECONDS
from shopapp.catalog import demo
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

CREDENTIALS = {"email": demo.EMAIL, "password": demo.PASSWORD}

MUG, PEN = "stoneware-mug", "brass-pen"


def add(browser: TestApp, press: str, sku: str = MUG, quantity: int = 1, **options: Any) -> TestResponse:
    fields = {"sku": sku, "quantity": quantity, "press": press}
    headers = {**JSON, **options.pop("headers", {})}
    return browser.post("/cart/items", fields, headers=headers, **options)


def contents(browser: TestApp) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in browser.get("/cart", headers=JSON).json["lines"]}


def count_of_presses(shop_redis: ObservedRedis) -> int:
    return sum(shop_redis.zcard(key) for key in shop_redis.keys("cart:*:presses"))


def test_the_same_press_counts_once_and_is_answered_with_the_cart_as_it_is(visitor: TestApp) -> None:
    first = add(visitor, "one", MUG, 2)
    again = add(visitor, "one", MUG, 2)
    add(visitor, "two", MUG, 2)

    assert first.json == again.json
    assert contents(visitor) == {MUG: 4}


def test_without_a_name_each_add_counts(visitor: TestApp) -> None:
    for _ in range(2):
        add(visitor, "")

    assert contents(visitor) == {MUG: 2}


@pytest.mark.parametrize("key", ["8e03978e-40d5", '"8e03978e-40d5"'])
def test_programs_name_it_in_a_header(visitor: TestApp, key: str) -> None:
    for _ in range(2):
        visitor.post_json("/cart/items", {"sku": MUG, "quantity": 1}, headers={**JSON, "Idempotency-Key": key})

    assert contents(visitor) == {MUG: 1}


@pytest.mark.parametrize("other", [{"sku": PEN}, {"quantity": 2}])
def test_the_same_name_with_other_contents_is_a_conflict_and_changes_nothing(
    visitor: TestApp, other: dict[str, Any]
) -> None:
    add(visitor, "one")

    error = add(visitor, "one", **other, status=409).json["error"]

    assert error["code"] == "conflict"
    assert contents(visitor) == {MUG: 1}
    page = visitor.post("/cart/items", {"sku": PEN, "press": "one"}, status=409)
    assert "This was sent before with other contents." in text_of(page)


@pytest.mark.parametrize("name", ["a b", "x" * 65, "ä", "a\nb", " "])
def test_a_name_that_is_none_is_refused_and_changes_nothing(
    visitor: TestApp, shop_redis: ObservedRedis, name: str
) -> None:
    assert "at most 64 letters" in add(visitor, name, status=422).json["error"]["fields"]["press"]
    assert "at most 64 letters" in text_of(visitor.post("/cart/items", {"sku": MUG, "press": name}, status=422))
    assert shop_redis.keys() == []


@pytest.mark.parametrize("name", ["a b", "x" * 65, '"', '"a b"', "\xe4"])
def test_a_header_that_names_nothing_is_refused(visitor: TestApp, shop_redis: ObservedRedis, name: str) -> None:
    error = add(visitor, "", headers={"Idempotency-Key": name}, status="*")

    assert error.status_int == 400 or name == '"'
    assert name == '"' or shop_redis.keys() == []


def test_what_was_refused_may_be_sent_again_once_it_can_be_done(
    visitor: TestApp, stock: Callable[[str, int], None]
) -> None:
    add(visitor, "one", PEN, 4, status=409)
    stock(PEN, 4)
    add(visitor, "one", PEN, 4)
    stock(PEN, 2)  # which the press knows nothing of: it is done

    assert add(visitor, "one", PEN, 4).json["count"] == 4


def test_a_press_that_comes_again_after_its_line_was_removed_does_not_bring_it_back(visitor: TestApp) -> None:
    add(visitor, "one")
    visitor.post(f"/cart/items/{MUG}", {"quantity": 0}, headers=JSON)

    assert add(visitor, "one").json["count"] == 0
    page = visitor.post("/cart/items", {"sku": MUG, "quantity": 1, "press": "one"}, status=303).follow()
    assert "is in your cart" not in page


def test_the_answer_of_a_form_that_comes_again_is_the_same(visitor: TestApp) -> None:
    fields = {"sku": MUG, "quantity": 1, "press": "one"}
    answers = [visitor.post("/cart/items", fields, status=303) for _ in range(2)]

    assert {answer.location for answer in answers} == {"http://localhost/cart"}
    assert text_of(answers[0].follow()).count("Stoneware Mug, Moss is in your cart.") == 1
    assert contents(visitor) == {MUG: 1}


@pytest.mark.parametrize("signed_in", [False, True])
def test_an_add_whose_answer_is_lost_at_any_command_counts_once(
    visitor: TestApp, shop_redis: ObservedRedis, signed_in: bool
) -> None:
    """Redis does the command, and the connection breaks before it can say so."""
    if signed_in:
        log_in(visitor)
    add(visitor, "first")
    commands: list[str] = []
    shop_redis.before = commands.append
    add(visitor, "second")
    shop_redis.before = lambda _command: None
    assert len(commands) == 2  # the session, and the cart

    for number in range(2):
        press = f"lost-{number}"
        _lose_answer(shop_redis, number)
        lost = add(visitor, press, status="*")
        del shop_redis.execute_command
        assert lost.status_int in (200, 503)
        add(visitor, press)

        assert contents(visitor) == {MUG: 3 + number}


def _lose_answer(shop_redis: ObservedRedis, number: int) -> None:
    """Have the answer to the command of this number, and to all that come after it, not arrive."""
    send, seen = type(shop_redis).execute_command, []

    def lose(*arguments: Any, **options: Any) -> Any:
        seen.append(arguments)
        answer = send(shop_redis, *arguments, **options)
        if len(seen) > number:
            raise redis.ConnectionError("the line broke")
        return answer

    shop_redis.execute_command = lose  # type: ignore[method-assign]


@pytest.mark.parametrize("signed_in", [False, True])
def test_threads_that_send_one_press_at_once_add_once(
    visitor: TestApp, new_visitor: Callable[[], TestApp], signed_in: bool
) -> None:
    if signed_in:
        log_in(visitor)
    add(visitor, "", PEN)
    cookie = cookie_of(visitor)

    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: add(new_visitor(), "one", headers=cookie).json["count"], range(24))

    assert set(answers) == {2}
    assert contents(visitor) == {MUG: 1, PEN: 1}


def test_presses_are_kept_for_some_minutes_and_a_bounded_number_of_them(
    visitor: TestApp, shop_redis: ObservedRedis
) -> None:
    for number in range(MOST_PRESSES + 8):
        add(visitor, f"press-{number}")
    (key,) = shop_redis.keys("cart:*:presses")

    assert shop_redis.zcard(key) == MOST_PRESSES
    assert 0 < shop_redis.ttl(key) <= PRESS_SECONDS
    add(visitor, f"press-{MOST_PRESSES + 7}")
    assert contents(visitor) == {MUG: MOST_PRESSES + 8}
    shop_redis.delete(key)
    add(visitor, f"press-{MOST_PRESSES + 7}")
    assert contents(visitor) == {MUG: MOST_PRESSES + 9}


def test_what_was_kept_for_too_long_goes_with_the_next(visitor: TestApp, shop_redis: ObservedRedis) -> None:
    add(visitor, "old")
    (key,) = shop_redis.keys("cart:*:presses")
    shop_redis.zincrby(key, -PRESS_SECONDS - 1, shop_redis.zrange(key, 0, 0)[0])

    add(visitor, "new")

    assert [member.split()[0] for member in shop_redis.zrange(key, 0, -1)] == [b"new"]


def test_presses_take_no_line_of_the_cart(shop_with: Callable[..., TestApp]) -> None:
    visitor = shop_with({"shop.cart_max_lines": "2"})
    add(visitor, "one")
    add(visitor, "two")
    add(visitor, "three", PEN)

    assert contents(visitor) == {MUG: 2, PEN: 1}


def test_marks_take_no_line_of_the_cart(shop_with: Callable[..., TestApp], shop_redis: ObservedRedis) -> None:
    visitor = shop_with({"shop.cart_max_lines": "2"})
    add(visitor, "")
    (key,) = shop_redis.keys("cart:*")
    shop_redis.hset(key, mapping={":order:a": "1", ":order:b": "1"})

    add(visitor, "", PEN)
    add(visitor, "", "oak-clock", status=422)

    assert contents(visitor) == {MUG: 1, PEN: 1}


@pytest.mark.parametrize("kind", ["text", "hash"])
def test_rubbish_in_place_of_the_presses_is_never_an_error(
    visitor: TestApp, shop_redis: ObservedRedis, kind: str
) -> None:
    add(visitor, "one")
    (key,) = shop_redis.keys("cart:*:presses")
    shop_redis.delete(key)
    shop_redis.set(key, "x") if kind == "text" else shop_redis.hset(key, "x", "x")

    add(visitor, "two")
    log_in(visitor)

    assert contents(visitor) == {MUG: 2}


# Signing in in between


def test_a_press_comes_along_at_login(visitor: TestApp) -> None:
    add(visitor, "one")
    log_in(visitor)

    add(visitor, "one")

    assert contents(visitor) == {MUG: 1}


def test_a_press_that_is_sent_again_between_any_two_commands_of_the_login_counts_once(
    new_visitor: Callable[[], TestApp], shop_redis: ObservedRedis
) -> None:
    expected, number = 0, 0
    log_in(new_visitor())  # Redis learns the scripts
    while True:
        visitor, again = new_visitor(), new_visitor()
        add(visitor, f"press-{number}")
        cookie, seen = cookie_of(visitor), []

        send_again = partial(add, again, f"press-{number}", headers=cookie, status="*")
        _before_command(shop_redis, number, seen, send_again)
        log_in(visitor)
        shop_redis.before = lambda _command: None
        add(visitor, f"press-{number}")
        expected += 1
        assert contents(visitor) == {MUG: expected}, f"sent again before command {number}"
        if len(seen) <= number:
            break
        number += 1

    assert number >= 4


def _before_command(shop_redis: ObservedRedis, number: int, seen: list[str], act: Callable[[], Any]) -> None:
    """Note the commands from here on, and act just before that of this number, counted from 0."""

    def note(command: str) -> None:
        seen.append(command)
        if len(seen) == number + 1:
            shop_redis.before = lambda _command: None
            act()
            shop_redis.before = seen.append

    shop_redis.before = note


def test_a_login_that_failed_half_way_forgets_no_press(
    new_visitor: Callable[[], TestApp], shop_redis: ObservedRedis
) -> None:
    expected, failed_at = 0, 0
    while True:
        visitor = new_visitor()
        add(visitor, f"press-{failed_at}")

        fail_at(shop_redis, failed_at)
        login = visitor.post("/login", CREDENTIALS, headers=JSON, status="*")
        shop_redis.before = lambda _command: None
        if login.status_int == 503:
            log_in(visitor)
        add(visitor, f"press-{failed_at}")
        expected += 1
        assert contents(visitor) == {MUG: expected}, f"failed at command {failed_at}"
        if login.status_int == 200:
            break
        failed_at += 1

    assert failed_at >= 3


def test_the_press_costs_no_round_trip_more(visitor: TestApp, shop_redis: ObservedRedis) -> None:
    add(visitor, "one")
    add(visitor, "two")
    for press in ("three", "three"):
        shop_redis.commands.clear()
        add(visitor, press)
        assert len(shop_redis.commands) == 2
