"""The pages of the checkout."""

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther, HTTPUnauthorized
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from shopapp.http import InvalidFormError, RefusedError, TooOftenError, submitted
from shopapp.orders.checkout import DRAFT, Review, SignedOutError, new_token, review, submit
from shopapp.orders.forms import CheckoutForm
from shopapp.orders.models import BUYER
from shopapp.orders.pages import order_json, order_path
from shopapp.orders.payment import PROVIDER, pay_url
from shopapp.orders.store import orders_of
from shopapp.throttle.tries import admit_cart

CHECKOUT_PAGE = "shopapp:orders/templates/checkout.jinja2"
LINE = ("sku", "name", "quantity", "unit_price", "line_total", "available")
"""What JSON shows of a line."""

SIGNED_OUT = "You are not signed in any more. Please sign in, and your order goes on where it was."


@view_config(route_name="checkout", request_method="GET", accept="text/html", renderer=CHECKOUT_PAGE)
def show_checkout(request: Request) -> dict[str, Any] | Response:
    """The checkout's page; whoever has nothing in the cart is sent there."""
    seen = review(request)
    if not seen.held:
        return HTTPSeeOther(request.route_path("cart"))
    return _page(request, seen, _form(request, data=_known(request)))


@view_config(route_name="checkout", request_method="GET", accept="application/json", renderer="json")
def show_checkout_json(request: Request) -> dict[str, Any]:
    """The checkout as JSON."""
    seen = review(request)
    lines = [{name: getattr(line, name) for name in LINE} for line in seen.lines]
    amounts = {name: getattr(seen.amounts, name) for name in ("subtotal", "shipping", "tax", "total")}
    currency = request.registry["shopapp.settings"].shop.currency
    return {"form": new_token(request, seen), "lines": lines, **amounts, "currency": currency, "changes": seen.changes}


@view_config(route_name="checkout", request_method="POST", accept="text/html", renderer=CHECKOUT_PAGE)
def order(request: Request) -> dict[str, Any] | Response:
    """Order from the form: 303 to the order, or the page again with what stands against it, and all that was typed."""
    typed = submitted(request)
    form = _form(request, typed)
    if typed.get("then") in ("sign-in", "cart"):
        return _go_away(request, form, typed["then"])
    problem, status = "", 409
    try:
        placed, _ = submit(request, form)
        return HTTPSeeOther(pay_url(request, placed) or request.script_name + order_path(placed))
    except SignedOutError:
        request.session.flash(SIGNED_OUT, "info", allow_duplicate=False)
        return _go_away(request, form, "sign-in")
    except InvalidFormError as error:
        status, problem = 422, error.fields.get("form", "")
    except RefusedError as refusal:
        problem = refusal.message
    except TooOftenError as error:
        status, problem = 429, str(error)
        request.response.headers["Retry-After"] = str(error.seconds)
    seen = review(request)
    if seen.held:  # else there is nothing to come back for, and who sends rubbish without a cookie starts no session
        _keep(request, form)
    request.response.status_int = status
    return _page(request, seen, form, problem)


@view_config(route_name="checkout", request_method="POST", accept="application/json", renderer="json")
def order_as_json(request: Request) -> dict[str, Any]:
    """Order by JSON: 201 and the order, 200 if this form was ordered before.

    Raises InvalidFormError (422), RefusedError (409), HTTPUnauthorized (401) and TooOftenError (429).
    """
    try:
        placed, is_new = submit(request, _form(request, submitted(request)))
    except SignedOutError:
        raise HTTPUnauthorized(SIGNED_OUT) from None
    request.response.status_int = 201 if is_new else 200
    return {**order_json(placed, request.script_name), "pay_url": pay_url(request, placed)}


def _form(request: Request, typed: Any = None, data: dict[str, Any] | None = None) -> CheckoutForm:
    identity = request.identity
    shop = request.registry["shopapp.settings"].shop
    return CheckoutForm(shop, typed, data=data, email=identity.email if identity else "")


def _page(request: Request, seen: Review, form: CheckoutForm, problem: str = "") -> dict[str, Any]:
    """Return what the page shows. Its form is always a new one, made for what it shows now."""
    settings, provider = request.registry["shopapp.settings"].shop, request.registry[PROVIDER]
    return {
        "review": seen,
        "form": form,
        "token": new_token(request, seen),
        "problem": problem,
        "payment": provider.label,
        "tax_rate": settings.tax_rate,
    }


def _known(request: Request) -> dict[str, Any]:
    """Return what is known of the person: what they typed before, or where their last order went."""
    draft: dict[str, Any] | None = request.session.get(DRAFT)
    if draft:
        return draft
    identity = request.identity
    home = {"country": request.registry["shopapp.settings"].shop.countries[0]}
    if identity is None:
        return home
    last, _ = orders_of(request.dbsession, identity.user_id, 0, 1)
    if last:
        return {name: getattr(last[0], name) for name in BUYER if name != "email"}
    return {"name": identity.name, **home}


def _keep(request: Request, form: CheckoutForm) -> None:
    """Keep what was typed in the session, as far as it could be an address. Raises TooOftenError where too many
    visitors from the same network have begun one.
    """
    typed = {name: form[name].data for name in BUYER if name in form and form[name].data and not form[name].errors}
    if request.session.new and not request.identity:
        admit_cart(request)
    if request.session.get(DRAFT, {}) != typed:
        request.session[DRAFT] = typed


def _go_away(request: Request, form: CheckoutForm, whither: str) -> Response:
    """Send the person to another page, from which they come back to what they have typed."""
    form.validate()
    _keep(request, form)
    if whither == "cart":
        return HTTPSeeOther(request.route_path("cart"))
    return HTTPSeeOther(request.route_path("login", _query={"next": request.route_path("checkout")}))
