"""Many people, and impatient ones, order at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from webtest import TestApp, TestResponse

from buying import LAMP, MUG, fill, in_cart, look, order, orders, sent, set_product, stock
from observing import cookie_of
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, Mailbox, log_in

PEOPLE, PIECES, SENDS = 50, 10, 10


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Do it so many times at the same moment; return what came of each."""
    barrier = Barrier(count)

    def one(number: int) -> Any:
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count), timeout=120))


def test_of_50_people_who_race_for_10_pieces_10_get_one_and_40_are_told_kindly(
    new_visitor: Callable[[], TestApp], shop_settings: dict[str, Any], mailbox: Mailbox
) -> None:
    set_product(shop_settings, stock=PIECES)
    people = [new_visitor() for _ in range(PEOPLE)]
    fields = []
    for number, browser in enumerate(people):
        browser.extra_environ["REMOTE_ADDR"] = f"192.0.{number}.1"  # from one address fewer may order at once
        fill(browser, quantity=1)
        fields.append(sent(look(browser), email=f"person{number}@example.com"))

    answers = at_once(PEOPLE, lambda number: order(people[number], fields[number], status="*"))

    placed = [answer for answer in answers if answer.status_int == 201]
    refused = [answer for answer in answers if answer.status_int == 409]
    assert (len(placed), len(refused)) == (PIECES, PEOPLE - PIECES)
    assert {answer.json["error"]["code"] for answer in refused} == {"short"}
    assert all(answer.json["error"]["available"] == {MUG: 0} for answer in refused)
    assert all("Please change your cart" in answer.json["error"]["message"] for answer in refused)
    assert (len(orders(shop_settings)), stock(shop_settings)) == (PIECES, 0)
    for browser, answer in zip(people, answers, strict=True):
        assert in_cart(browser) == ({} if answer in placed else {MUG: 1})
    assert len(mailbox.letters()) == PIECES


@pytest.mark.parametrize("signed_in", [False, True], ids=["guest", "customer"])
def test_ten_parallel_sends_of_one_form_are_one_order_and_all_are_told_so(
    visitor: TestApp,
    new_visitor: Callable[[], TestApp],
    shop_settings: dict[str, Any],
    mailbox: Mailbox,
    signed_in: bool,
) -> None:
    if signed_in:
        log_in(visitor)
        mailbox.letters()
    letters = len(mailbox.letters())
    set_product(shop_settings, stock=2)
    fill(visitor)
    fields, cookie = sent(look(visitor)), cookie_of(visitor)

    def send(_number: int) -> TestResponse:
        return new_visitor().post("/checkout", fields, headers={**JSON, **cookie}, status="*")

    answers = at_once(SENDS, send)

    assert sorted(answer.status_int for answer in answers) == [200] * (SENDS - 1) + [201]
    assert len({answer.json["number"] for answer in answers}) == 1
    assert (len(orders(shop_settings)), stock(shop_settings), in_cart(visitor)) == (1, 0, {})
    assert len(mailbox.letters()) == letters + 1


def test_two_tabs_with_different_forms_of_one_cart_order_it_once(
    visitor: TestApp, new_visitor: Callable[[], TestApp], shop_settings: dict[str, Any]
) -> None:
    for _ in range(5):
        fill(visitor)
        before, cookie = len(orders(shop_settings)), cookie_of(visitor)
        forms = [sent(look(visitor)) for _ in range(2)]

        def send(number: int, forms: Any = forms, cookie: Any = cookie) -> TestResponse:
            return new_visitor().post("/checkout", forms[number], headers={**JSON, **cookie}, status="*")

        answers = at_once(2, send)

        assert sorted(answer.status_int for answer in answers) == [201, 409]
        assert len(orders(shop_settings)) - before == 1
        assert in_cart(visitor) == {}


@pytest.mark.parametrize("signed_in", [False, True], ids=["guest", "customer"])
def test_a_form_that_another_one_overtakes_at_any_step_orders_nothing_that_is_gone(
    visitor: TestApp,
    new_visitor: Callable[[], TestApp],
    shop_settings: dict[str, Any],
    shop_redis: ObservedRedis,
    signed_in: bool,
) -> None:
    if signed_in:
        log_in(visitor)
    for step in range(1, 8):
        fill(visitor)
        before, cookie, seen, told = len(orders(shop_settings)), cookie_of(visitor), [], []
        forms = [sent(look(visitor), email=f"guest{step}{number}@example.com") for number in range(2)]

        def be_overtaken(name: str, seen: Any = seen, told: Any = told, form: Any = forms[0], step: int = step) -> None:
            seen.append(name)
            if len(seen) == step:
                shop_redis.before = lambda _name: None
                told.append(order(visitor, form, status="*").status_int)

        shop_redis.before = be_overtaken
        answer = new_visitor().post("/checkout", forms[1], headers={**JSON, **cookie}, status="*")

        shop_redis.before = lambda _name: None
        assert sorted([*told, answer.status_int]) == ([201, 409] if told else [201])
        assert len(orders(shop_settings)) - before == 1
        assert in_cart(visitor) == {}
    assert not told  # every step was tried


def test_a_form_that_was_under_way_twice_takes_nothing_out_that_was_put_in_since(
    visitor: TestApp, new_visitor: Callable[[], TestApp], shop_settings: dict[str, Any], shop_redis: ObservedRedis
) -> None:
    fill(visitor)
    fields, cookie = sent(look(visitor)), cookie_of(visitor)

    def be_overtaken(name: str) -> None:
        if name == "EVALSHA":  # the note in the cart: it was seen before that this form has ordered nothing yet
            shop_redis.before = lambda _name: None
            order(visitor, fields)
            fill(visitor, quantity=3)

    shop_redis.before = be_overtaken
    answer = new_visitor().post("/checkout", fields, headers={**JSON, **cookie})

    assert answer.status_int == 200
    assert (len(orders(shop_settings)), in_cart(visitor)) == (1, {MUG: 3})


def test_two_tabs_one_after_the_other_order_the_cart_once(visitor: TestApp, shop_settings: dict[str, Any]) -> None:
    fill(visitor)
    first, second = sent(look(visitor)), sent(look(visitor))
    order(visitor, first)

    answer = order(visitor, second, status=409)

    assert answer.json["error"]["code"] == "cart_empty"
    assert len(orders(shop_settings)) == 1


def test_orders_of_the_same_things_in_another_order_all_go_through(
    new_visitor: Callable[[], TestApp], shop_settings: dict[str, Any]
) -> None:
    set_product(shop_settings, stock=100)
    set_product(shop_settings, LAMP, stock=100)
    people = [new_visitor() for _ in range(16)]
    fields = []
    for number, browser in enumerate(people):
        for sku in (MUG, LAMP) if number % 2 else (LAMP, MUG):
            fill(browser, sku, 1)
        fields.append(sent(look(browser), email=f"guest{number}@example.com"))

    at_once(len(people), lambda number: order(people[number], fields[number]))

    assert (stock(shop_settings), stock(shop_settings, LAMP)) == (84, 84)
