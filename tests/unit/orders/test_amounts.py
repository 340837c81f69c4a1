"""What an order costs."""

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from shopapp.orders.amounts import amounts_of, tax_in
from shopapp.settings.shop import ShopSettings

SHOP = ShopSettings(delivery_fee=490, free_delivery_from=5000, tax_rate=Decimal(23))


@dataclass(frozen=True)
class Line:
    unit_price: int
    quantity: int


def test_goods_and_delivery_add_up() -> None:
    amounts = amounts_of([Line(1000, 2), Line(50, 1)], SHOP)

    assert (amounts.subtotal, amounts.shipping, amounts.total) == (2050, 490, 2540)


@pytest.mark.parametrize(("price", "shipping"), [(0, 490), (1, 490), (4999, 490), (5000, 0), (5001, 0)])
def test_delivery_is_free_from_the_amount_of_the_settings_on(price: int, shipping: int) -> None:
    assert amounts_of([Line(price, 1)], SHOP).shipping == shipping


def test_delivery_is_never_free_where_the_settings_say_so() -> None:
    assert amounts_of([Line(10**9, 1)], replace(SHOP, free_delivery_from=None)).shipping == 490


def test_an_empty_cart_costs_nothing() -> None:
    assert amounts_of([], SHOP).total == 0


@pytest.mark.parametrize(
    ("total", "rate", "tax"),
    [(12300, "23", 2300), (100, "0", 0), (4190, "23", 783), (113, "13.5", 13), (1, "23", 0), (3, "23", 1)],
)
def test_the_tax_is_a_part_of_the_total_and_rounded_half_up(total: int, rate: str, tax: int) -> None:
    assert tax_in(total, Decimal(rate)) == tax


@given(some.integers(0, 10**15), some.decimals(0, 99, places=2))
def test_the_tax_is_exact_to_half_a_unit(total: int, rate: Decimal) -> None:
    assert abs(tax_in(total, rate) * (100 + rate) - total * rate) * 2 <= 100 + rate
