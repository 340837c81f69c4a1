"""How an amount in minor units is written as a price."""

import pytest

from shopapp.money import money_filter
from shopapp.settings.shop import ShopSettings


@pytest.mark.parametrize(
    ("currency", "locale", "amount", "price"),
    [
        ("EUR", "en_IE", 0, "€0.00"),
        ("EUR", "en_IE", 5, "€0.05"),
        ("EUR", "en_IE", 1999, "€19.99"),
        ("EUR", "en_IE", 123456789, "€1,234,567.89"),
        ("EUR", "de_DE", 123456, "1.234,56€"),
        ("USD", "en_US", 1999, "$19.99"),
        ("JPY", "ja_JP", 1999, "￥1,999"),
        ("KWD", "en_US", 1999, "KWD1.999"),
        # More than a float holds exactly.
        ("EUR", "en_IE", 9007199254740993, "€90,071,992,547,409.93"),
    ],
)
def test_an_amount_is_written_with_the_currencys_own_digits(
    currency: str, locale: str, amount: int, price: str
) -> None:
    money = money_filter(ShopSettings(currency=currency, locale=locale))

    assert money(amount).replace("\xa0", "") == price
