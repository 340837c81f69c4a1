"""Which cart a cookie leads to is guessed before the session says so; a wrong guess shows nobody's cart to anybody."""

from collections.abc import Callable

import pytest
import redis
from webtest import TestApp

from shopapp.cart.ids import CartId
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in


def skus(browser: TestApp) -> list[str]:
    return sorted(line["sku"] for line in browser.get("/cart", headers=JSON).json["lines"])


def test_who_signs_in_and_out_always_sees_the_cart_that_is_theirs(
    visitor: TestApp, new_visitor: Callable[[], TestApp]
) -> None:
    other = new_visitor()
    log_in(other)
    other.post("/cart/items", {"sku": "hand-trowel"}, headers=JSON)

    visitor.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)
    assert skus(visitor) == ["brass-pen"]
    log_in(visitor)
    assert skus(visitor) == skus(visitor) == ["brass-pen", "hand-trowel"]
    visitor.post("/logout", headers=JSON)
    assert skus(visitor) == []
    visitor.post("/cart/items", {"sku": "oak-clock"}, headers=JSON)
    assert skus(visitor) == ["oak-clock"]
    assert skus(other) == ["brass-pen", "hand-trowel"]


@pytest.mark.parametrize("cart", [CartId.of_user(99), CartId.of_session("another")])
def test_a_wrong_guess_is_not_looked_at(
    customer: TestApp, shop_app: object, shop_redis: ObservedRedis, cart: CartId
) -> None:
    customer.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)
    shop_redis.hset(cart.key, "hand-trowel", 5)
    carts = shop_app.registry["shopapp.cart.guesses"]._carts
    skus(customer)  # now the process knows
    (handle,) = carts

    carts[handle] = cart

    assert skus(customer) == ["brass-pen"]
    assert carts[handle] == CartId.of_user(1)


def test_what_a_visitor_of_before_left_behind_is_not_shown_to_the_person(
    visitor: TestApp, new_visitor: Callable[[], TestApp], shop_redis: ObservedRedis
) -> None:
    """The visitor's cart key may be filled again by a request on its way; the person's page reads the person's own."""
    visitor.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)
    (key,) = shop_redis.keys("cart:*")
    log_in(visitor)
    shop_redis.delete(key)
    shop_redis.hset(key, "hand-trowel", 5)

    assert skus(visitor) == ["brass-pen"]


def test_a_message_waits_until_the_cart_can_be_read(
    customer: TestApp, shop_app: object, shop_redis: ObservedRedis
) -> None:
    customer.post("/cart/items", {"sku": "brass-pen"})
    shop_app.registry["shopapp.cart.guesses"]._carts.clear()  # as in a process that does not know them

    def fail(command: str) -> None:
        if command == "HGETALL":
            raise redis.ConnectionError("away")

    shop_redis.before = fail
    assert "taking a short break" in customer.get("/")
    shop_redis.before = lambda _command: None

    assert "is in your cart." in customer.get("/")
