"""What every page's frame shows: who is signed in, how full the cart is, messages, categories. And prices as text."""

import logging
from collections.abc import Callable
from decimal import Decimal
from functools import cached_property

from babel.numbers import format_currency, get_currency_precision
from pyramid.events import BeforeRender
from pyramid.request import Request

from shopapp.accounts.security import Identity
from shopapp.cart.contents import quantities
from shopapp.catalog.snapshots import CategorySnapshot
from shopapp.catalog.store import list_categories
from shopapp.http import path_for_log
from shopapp.redis import StoreUnavailable
from shopapp.settings.shop import ShopSettings

log = logging.getLogger(__name__)

FLASH_QUEUES = ("success", "info", "error")


class Shell:
    """The frame around a page. Where Redis is away it says so and shows the rest."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.degraded = False
        self.identity: Identity | None = None
        self.cart_count = 0
        self.flashes: list[tuple[str, str]] = []
        try:
            self.identity = request.identity
            self.cart_count = sum(quantities(request).values())
            self.flashes = self._take_flashes()
        except StoreUnavailable:
            self.degraded = True
            log.warning("store_unavailable page=%s", path_for_log(request))

    def _take_flashes(self) -> list[tuple[str, str]]:
        if self._request.method != "GET":  # what answers HEAD is not seen by anybody
            return []
        return [(queue, text) for queue in FLASH_QUEUES for text in self._request.session.pop_flash(queue)]

    @cached_property
    def categories(self) -> list[CategorySnapshot]:
        """All categories, for the navigation."""
        return list_categories(self._request.dbsession.connection())


class ErrorShell(Shell):
    """The frame of an error page: the transaction is over, so it asks the database nothing."""

    categories: list[CategorySnapshot] = []  # noqa: RUF012 - overrides a property

    def _take_flashes(self) -> list[tuple[str, str]]:
        return []  # a picture that is missing must not take the message meant for the page around it


class BareShell:
    """The frame of a page about a failure: it needs nothing that may have just failed."""

    identity = None
    cart_count = 0
    flashes: tuple[tuple[str, str], ...] = ()
    categories: tuple[CategorySnapshot, ...] = ()
    degraded = True


def on_before_render(event: BeforeRender) -> None:
    """Give every template its frame."""
    if str(event.get("renderer_name", "")).endswith(".jinja2") and "shell" not in event.rendering_val:
        event["shell"] = Shell(event["request"])


def money_filter(shop: ShopSettings) -> Callable[[int], str]:
    """Return the template filter that writes an amount in minor units as a price."""
    precision = get_currency_precision(shop.currency)

    def money(amount: int) -> str:
        return format_currency(Decimal(amount).scaleb(-precision), shop.currency, locale=shop.locale)

    return money
