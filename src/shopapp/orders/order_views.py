"""The pages of orders: one's list, and one order."""

from hmac import compare_digest
from typing import Any

from pyramid.request import Request
from pyramid.view import view_config

from shopapp.accounts.security import SIGNED_IN
from shopapp.dates import moment_in
from shopapp.http import NoSuchThingError, asked_page, count_pages, query
from shopapp.orders.forms import country_names
from shopapp.orders.models import Order
from shopapp.orders.pages import order_json, order_path, status_text
from shopapp.orders.payment import PROVIDER
from shopapp.orders.store import is_theirs, order_by_number, orders_of

PAGE_SIZE = 20
NO_SUCH_ORDER = "There is no such order, or it is not yours. A guest's order opens with the whole link of its mail."


@view_config(
    route_name="orders",
    request_method="GET",
    accept="text/html",
    permission=SIGNED_IN,
    renderer="shopapp:orders/templates/orders.jinja2",
)
def show_orders(request: Request) -> dict[str, Any]:
    """The list of a person's orders."""
    orders, page, pages = _listing(request)

    def page_url(number: int) -> str:
        path: str = request.route_path("orders", _query={"page": number} if number > 1 else {})
        return path

    return {"orders": orders, "page": page, "pages": pages, "page_url": page_url, **_words(request)}


@view_config(
    route_name="orders", request_method="GET", accept="application/json", permission=SIGNED_IN, renderer="json"
)
def show_orders_json(request: Request) -> dict[str, Any]:
    """The list of a person's orders as JSON."""
    orders, page, pages = _listing(request)
    return {"orders": [order_json(each, request.script_name) for each in orders], "page": page, "pages": pages}


@view_config(
    route_name="order", request_method="GET", accept="text/html", renderer="shopapp:orders/templates/order.jinja2"
)
def show_order(request: Request) -> dict[str, Any]:
    """One order: a person's own, or a guest's with its key. Raises NoSuchThingError."""
    return {"order": _order(request), **_words(request)}


@view_config(route_name="order", request_method="GET", accept="application/json", renderer="json")
def show_order_json(request: Request) -> dict[str, Any]:
    """One order as JSON. Raises NoSuchThingError."""
    return order_json(_order(request), request.script_name)


def _order(request: Request) -> Order:
    """Return the order of the address. Raises NoSuchThingError: the same for one that is not theirs and for none."""
    request.response.cache_control = "no-store"  # a guest comes without a session
    key, order = query(request).get("key", ""), order_by_number(request.dbsession, request.matchdict["number"])
    if order:
        if compare_digest(key.encode("utf-8", "replace"), order.key.encode()):
            return order
        identity = request.identity
        if identity and is_theirs(request.dbsession, order, identity.user_id):
            return order
    raise NoSuchThingError(NO_SUCH_ORDER)


def _listing(request: Request) -> tuple[list[Order], int, int]:
    """Return a page of the person's orders, which page it is, and of how many. Raises HTTPBadRequest and
    NoSuchThingError.
    """
    page = asked_page(request)
    orders, total = orders_of(request.dbsession, request.identity.user_id, max(0, page - 1) * PAGE_SIZE, PAGE_SIZE)
    return orders, page, count_pages(page, total, PAGE_SIZE)


def _words(request: Request) -> dict[str, Any]:
    shop = request.registry["shopapp.settings"].shop
    return {
        "moment": moment_in(shop.locale),
        "status_text": status_text,
        "payment": request.registry[PROVIDER].label,
        "countries": dict(country_names(shop)),
        "order_url": lambda order: request.script_name + order_path(order),
    }
