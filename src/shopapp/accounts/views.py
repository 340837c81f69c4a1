"""The pages of accounts. A view says that something happened; subscribers do the rest."""

from secrets import token_urlsafe
from typing import Any

from pyramid.httpexceptions import HTTPConflict, HTTPNoContent, HTTPSeeOther, HTTPUnauthorized
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from shopapp.accounts.addresses import normalize_email
from shopapp.accounts.entry import let_in
from shopapp.accounts.forms import EmailForm, LoginForm, PasswordForm
from shopapp.accounts.models import User
from shopapp.accounts.owed import pay_after_change
from shopapp.accounts.pages import not_now
from shopapp.accounts.passwords import hash_password, needs_rehash, verify_password
from shopapp.accounts.proving import count_login, place_to_hash
from shopapp.accounts.security import SIGNED_IN, Identity
from shopapp.accounts.store import find_user, replace_password_hash
from shopapp.events import UserLoggedOut, UserLoginFailed
from shopapp.http import BusyError, InvalidFormError, TooOftenError, local_path, query, submitted
from shopapp.sessions import session_was_replaced

WRONG_CREDENTIALS = "E-mail or password is not right. Please check both."
TRY_AGAIN = "You have just signed in, or changed something, in another tab. Please load the page and try again."
LOGIN_PAGE = "shopapp:accounts/templates/login.jinja2"
ACCOUNT_PAGE = "shopapp:accounts/templates/account.jinja2"
LOGOUT_PAGE = "shopapp:accounts/templates/logout.jinja2"
CLEAR_SITE_DATA = ("Clear-Site-Data", '"storage"')
"""What a browser is to forget at logout: what our script has noted. Not "cookies": that of the session is deleted by
name, and the device's is not to be lost, nor one that a newer sign-in has just set. Not "cache": there is no page of a
person in it (no-store), and Chromium keeps whoever signs out waiting for seconds while it looks through all of it.
"""

DAY = 24 * 60 * 60

REASONS = {
    "ended": "You are not signed in any more: your session has ended, here or from another device.",
    "reset": "Your password is changed, and you are signed out everywhere. Please sign in with the new one.",
    "email": "Your e-mail address is changed. Please sign in with the new one.",
}
"""Why somebody is led to the login page, by a word in its address: it needs no session to say so."""


@view_config(route_name="login", request_method="GET", accept="text/html", renderer=LOGIN_PAGE)
def show_login(request: Request) -> dict[str, Any] | Response:
    """The login page; whoever is signed in already goes on to where they wanted to go."""
    asked = query(request)
    target = asked.get("next", "")
    if request.identity:
        return HTTPSeeOther(local_path(target, request.route_path("home")))
    reason = REASONS.get("ended" if "ended" in asked else asked.get("after", ""))
    return _login_page(request, LoginForm(data={"next": target, "form": token_urlsafe(16)}), reason)


@view_config(route_name="login", request_method="POST", accept="text/html", renderer=LOGIN_PAGE)
def log_in(request: Request) -> dict[str, Any] | Response:
    """Sign in from the form: 303 onwards, 422 for a form with gaps, 401 for wrong credentials, 429 for too many of
    them, 503 if too many people sign in at the moment.
    """
    form = LoginForm(submitted(request))
    try:
        if not form.validate():
            request.response.status_int = 422
        elif user := _authenticate(request, form):
            flash_welcome(request, user)
            return HTTPSeeOther(local_path(form.next.data, request.route_path("home")))
        else:
            form.form_errors.append(WRONG_CREDENTIALS)
            request.response.status_int = 401
    except (TooOftenError, BusyError) as error:
        not_now(request, form, error)
    return _login_page(request, form)


@view_config(route_name="login", request_method="POST", accept="application/json", renderer="json")
def log_in_json(request: Request) -> dict[str, Any]:
    """Sign in by JSON. Raises InvalidFormError (422), HTTPUnauthorized (401), TooOftenError (429), BusyError (503)."""
    form = LoginForm(submitted(request))
    if not form.validate():
        raise InvalidFormError(form)
    user = _authenticate(request, form)
    if user is None:
        raise HTTPUnauthorized(WRONG_CREDENTIALS)
    return account_json(Identity(user.id, user.email, user.name))


@view_config(route_name="logout", request_method="GET", accept="text/html", renderer=LOGOUT_PAGE)
def show_logout(request: Request) -> dict[str, Any]:
    """Tell a visitor that they are signed out, and show everybody else the button: a link signs nobody out."""
    return {"identity": request.identity}


@view_config(route_name="logout", request_method="POST", accept="text/html")
def log_out(request: Request) -> Response:
    """Sign out, and say so. Whoever is not signed in is told the same."""
    _announce_logout(request)
    return HTTPSeeOther(request.route_path("logout"), headers=[CLEAR_SITE_DATA])


@view_config(route_name="logout", request_method="POST", accept="application/json")
def log_out_json(request: Request) -> Response:
    """Sign out by JSON."""
    _announce_logout(request)
    return HTTPNoContent(headers=[CLEAR_SITE_DATA])


@view_config(
    route_name="account", request_method="GET", accept="text/html", permission=SIGNED_IN, renderer=ACCOUNT_PAGE
)
def show_account(request: Request) -> dict[str, Any]:
    """The account's page."""
    pay_after_change(request, request.identity.user_id)
    return account_page(request, PasswordForm())


@view_config(
    route_name="account", request_method="GET", accept="application/json", permission=SIGNED_IN, renderer="json"
)
def show_account_json(request: Request) -> dict[str, Any]:
    """The account as JSON."""
    pay_after_change(request, request.identity.user_id)
    return account_json(request.identity)


def account_page(request: Request, form: PasswordForm, email_form: EmailForm | None = None) -> dict[str, Any]:
    """Return what the account's page shows."""
    return {"identity": request.identity, "form": form, "email_form": email_form or EmailForm()}


def account_json(identity: Identity) -> dict[str, Any]:
    """Return the account as JSON shows it."""
    return {"user_id": identity.user_id, "email": identity.email, "name": identity.name}


def flash_welcome(request: Request, user: User, *, is_new: bool = False) -> None:
    """Say who is signed in."""
    words = "Welcome! Your account is there, and you are" if is_new else "You are"
    request.session.flash(f"{words} signed in as {user.name}.", "success", allow_duplicate=False)


def kept_days(request: Request) -> int | None:
    """Return for how many whole days "keep me signed in" keeps a person who stays away; None if for ever."""
    sessions = request.registry["shopapp.settings"].sessions
    clocks = [seconds for seconds in (sessions.kept_timeout, sessions.kept_absolute_timeout) if seconds is not None]
    return min(clocks) // DAY if clocks else None


def _authenticate(request: Request, form: LoginForm) -> User | None:
    """Check the password and announce how that went. An unknown address, a disabled account and a wrong password take
    the same time and get the same answer. Raises TooOftenError, BusyError and StoreUnavailable.
    """
    email, password = normalize_email(form.email.data), form.password.data
    tries = count_login(request, email)
    with place_to_hash(request, tries):
        user = find_user(request.dbsession, email)
        is_right = verify_password(user.password_hash if user else None, password)
        if user is None or not is_right or user.disabled_at is not None:
            request.registry.notify(UserLoginFailed(request, email))
            return None
        tries.succeed()
        if not let_in(
            request,
            user,
            keep=form.keep.data,
            form=form.form.data or "",
            is_still_right=lambda: _is_still_right(request, user, email, password),
        ):
            request.registry.notify(UserLoginFailed(request, email))
            return None
        if needs_rehash(user.password_hash):
            replace_password_hash(request.dbsession, user, hash_password(password))
        return user


def _is_still_right(request: Request, user: User, email: str, password: str) -> bool:
    """Whether the hash was only made anew meanwhile, by another sign-in with the same password."""
    request.dbsession.refresh(user)
    return user.disabled_at is None and user.email == email and verify_password(user.password_hash, password)


def _announce_logout(request: Request) -> None:
    """Raises HTTPConflict for a cookie that was replaced a moment ago: the browser has another one, or will have."""
    identity = request.identity
    if identity is None and session_was_replaced(request):
        raise HTTPConflict(TRY_AGAIN)
    if identity:
        request.registry.notify(UserLoggedOut(request, identity.user_id))


def _login_page(request: Request, form: LoginForm, reason: str | None = None) -> dict[str, Any]:
    form.password.data = ""
    request.response.cache_control = "no-store"  # each sign-in has a form of its own
    return {"form": form, "next_url": form.next.data, "kept_days": kept_days(request), "reason": reason}
