"""What the pages of sign-up, forgotten password and change of address share."""

from collections.abc import Mapping
from typing import Any

from pyramid.request import Request

from shopapp.accounts.forms import MAX_TOKEN_LENGTH
from shopapp.accounts.strength import weakness_of
from shopapp.http import BusyError, TooOftenError

SENT_PAGE = "shopapp:accounts/templates/sent.jinja2"
GONE_PAGE = "shopapp:accounts/templates/gone.jinja2"


def sent_page(request: Request, email: str, message: str) -> dict[str, Any]:
    """Return what the page says after which to look into one's mail, and make it a 202."""
    request.response.status_int = 202
    return {"email": email, "message": message, "mail_page": _mail_page(request)}


def not_now(request: Request, form: Any, error: TooOftenError | BusyError) -> None:
    """Have the form say why it is not answered now, in place of an error page on which all that was typed is gone."""
    form.form_errors.append(str(error))
    request.response.status_int = 503 if isinstance(error, BusyError) else 429
    request.response.headers["Retry-After"] = str(error.seconds)


def asked_token(asked: Mapping[str, str]) -> str:
    """Return the token in a query string; empty if it cannot be one of ours."""
    token = asked.get("token", "")
    return token if len(token) <= MAX_TOKEN_LENGTH else ""


def guard_token(request: Request) -> None:
    """Have nothing keep the page, and no address that it leads to be told of the token in its own.

    Not "no-referrer": a form of such a page is sent with the origin "null", which the cross-site check refuses where
    the browser says nothing better.
    """
    request.response.headers["Referrer-Policy"] = "strict-origin"
    request.response.cache_control = "no-store"


def is_weak(request: Request, field: Any, *, name: str, email: str) -> bool:
    """Tell whether the new password in the field is too easy to guess; the field has the reason then."""
    shop = request.registry["shopapp.settings"].shop.name
    weakness = weakness_of(field.data, name=name, email=email, shop=shop)
    if weakness:
        field.errors = [weakness]
    return weakness is not None


def _mail_page(request: Request) -> str | None:
    """The address of the page that shows what was mailed, where there is one: in development."""
    try:
        return request.route_path("mail")
    except KeyError:
        return None
