"""A forgotten password: a mail, and a new password by the link in it. Nobody is signed in by it."""

from datetime import UTC, datetime
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config
from sqlalchemy import select

from shopapp.accounts.forms import ForgottenForm, ResetForm
from shopapp.accounts.links import find_link, kill_links_of
from shopapp.accounts.models import User
from shopapp.accounts.owed import owe_sign_out
from shopapp.accounts.pages import GONE_PAGE, SENT_PAGE, asked_token, guard_token, is_weak, not_now, sent_page
from shopapp.accounts.passwords import hash_password
from shopapp.accounts.proving import count_forgotten, place_to_hash
from shopapp.accounts.validity import end_earlier_sessions
from shopapp.accounts.views import REASONS
from shopapp.events import PasswordChanged, UserLoggedOut
from shopapp.http import BusyError, InvalidFormError, NoSuchThingError, TooOftenError, query, submitted
from shopapp.mail import post, send_soon
from shopapp.throttle.tries import Tries

FORGOTTEN_PAGE = "shopapp:accounts/templates/forgotten.jinja2"
RESET_PAGE = "shopapp:accounts/templates/reset.jinja2"
SENT = (
    "If there is an account with this address, we have sent it a mail. Open the link in it to choose a new password; "
    "it is good for an hour."
)
GONE = "This link is not good any more. It works once, for an hour, and until the password or address changes."


@view_config(route_name="forgotten", request_method="GET", accept="text/html", renderer=FORGOTTEN_PAGE)
def show_forgotten(_request: Request) -> dict[str, Any]:
    """The form that asks for the address."""
    return {"form": ForgottenForm()}


@view_config(route_name="forgotten", request_method="POST", accept="text/html", renderer=FORGOTTEN_PAGE)
def forgotten(request: Request) -> dict[str, Any]:
    """Have the link mailed: 202 whoever it is, 422 for what is no address, 429 if that was done too often."""
    form = ForgottenForm(submitted(request))
    try:
        if not _ask(request, form):
            request.response.status_int = 422
            return {"form": form}
    except TooOftenError as error:
        not_now(request, form, error)
        return {"form": form}
    request.override_renderer = SENT_PAGE
    return sent_page(request, form.email.data, SENT)


@view_config(route_name="forgotten", request_method="POST", accept="application/json", renderer="json")
def forgotten_json(request: Request) -> dict[str, Any]:
    """Have the link mailed, by JSON: 202. Raises InvalidFormError (422) and TooOftenError (429)."""
    form = ForgottenForm(submitted(request))
    if not _ask(request, form):
        raise InvalidFormError(form)
    request.response.status_int = 202
    return {"message": SENT}


@view_config(route_name="reset", request_method="GET", accept="text/html", renderer=RESET_PAGE)
def show_reset(request: Request) -> dict[str, Any] | Response:
    """Where the link leads: the form for the new password."""
    asked = query(request)
    if "token" not in asked:
        return HTTPSeeOther(request.route_path("forgotten"))
    guard_token(request)
    form = ResetForm(data={"token": asked_token(asked)})
    user = _user_of(request, form.token.data)
    return {"form": form, "email": user.email} if user else _gone(request)


@view_config(route_name="reset", request_method="POST", accept="text/html", renderer=RESET_PAGE)
def reset(request: Request) -> dict[str, Any] | Response:
    """Set the new password: 303 to sign in, 422 with the error beside the field, 404 for a link that is no good, 503 if
    too many passwords are hashed at the moment.
    """
    form = ResetForm(submitted(request))
    guard_token(request)
    try:
        if _reset(request, form):
            return HTTPSeeOther(request.route_path("login", _query={"after": "reset"}))
    except NoSuchThingError:
        return _gone(request)
    except BusyError as error:
        not_now(request, form, error)
    else:
        request.response.status_int = 422
    user = _user_of(request, form.token.data)
    return {"form": form, "email": user.email if user else ""}


@view_config(route_name="reset", request_method="POST", accept="application/json", renderer="json")
def reset_json(request: Request) -> dict[str, Any]:
    """Set the new password by JSON. Raises InvalidFormError (422), BusyError (503) and NoSuchThingError."""
    form = ResetForm(submitted(request))
    if not _reset(request, form):
        raise InvalidFormError(form)
    return {"message": REASONS["reset"]}


def _ask(request: Request, form: ForgottenForm) -> bool:
    """Only the letter looks whether there is an account, when it is written: the answer cannot tell, but to a
    browser that has signed in to it. Raises TooOftenError and StoreUnavailable.
    """
    if not form.validate():
        return False
    count_forgotten(request, form.email.data)
    post(request.dbsession, "new_password", form.email.data)
    send_soon(request)
    return True


def _user_of(request: Request, token: str | None) -> User | None:
    link = find_link(request.dbsession, "reset", token or "")
    user = request.dbsession.get(User, link.user_id) if link else None
    return user if user and user.disabled_at is None else None


def _reset(request: Request, form: ResetForm) -> bool:
    """Store the new password and announce it; False, with the form's errors filled in, if it will not do: the link is
    as good as before then. Raises NoSuchThingError for a link that is good no more, and BusyError.
    """
    is_filled = form.validate()
    user = _user_of(request, form.token.data) if "token" not in form.errors else None
    if user is None:
        raise NoSuchThingError(GONE)
    if not is_filled or is_weak(request, form.new_password, name=user.name, email=user.email):
        return False
    with place_to_hash(request, Tries(request, "reset")):
        password_hash = hash_password(form.new_password.data)
    _use_up(request, user, form.token.data)
    user.password_hash = password_hash
    if request.authenticated_userid == user.id:
        request.registry.notify(UserLoggedOut(request, user.id))
    end_earlier_sessions(request, user)
    request.registry.notify(PasswordChanged(request, user.id))
    owe_sign_out(request, user, stays=False)
    post(request.dbsession, "password_changed", user.email, user=user.id, at=datetime.now(UTC).isoformat())
    send_soon(request)
    return True


def _use_up(request: Request, user: User, token: str) -> None:
    """Take away all links of the person. Raises NoSuchThingError if the one with the token is not there any more."""
    statement = select(User).where(User.id == user.id).with_for_update()
    request.dbsession.scalar(statement.execution_options(populate_existing=True))
    link = find_link(request.dbsession, "reset", token)
    link_id = link.id if link else None
    if user.disabled_at is not None or link_id not in kill_links_of(request.dbsession, user.id):
        raise NoSuchThingError(GONE)


def _gone(request: Request) -> dict[str, Any]:
    request.override_renderer, request.response.status_int = GONE_PAGE, 404
    ways = [(request.route_path("forgotten"), "Get another link"), (request.route_path("login"), "Sign in")]
    return {"title": "This link is not good any more", "message": GONE, "ways": ways}
