"""Prices as text."""

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache

from babel.numbers import format_currency, get_currency_precision

from shopapp.settings.shop import ShopSettings

MAX_PRICES = 10_000
"""Amounts whose text is remembered: Babel takes 20 us to write one."""


def money_filter(shop: ShopSettings) -> Callable[[int], str]:
    """Return the function, for templates, that writes an amount in minor units as a price."""
    precision = get_currency_precision(shop.currency)

    @lru_cache(MAX_PRICES)
    def money(amount: int) -> str:
        return format_currency(Decimal(amount).scaleb(-precision), shop.currency, locale=shop.locale)

    return money
