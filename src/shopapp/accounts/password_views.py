"""Changing one's password. Whoever else knew the old one is signed out by the subscribers of PasswordChanged."""

from datetime import UTC, datetime
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from shopapp.accounts.forms import PasswordForm
from shopapp.accounts.links import kill_links_of
from shopapp.accounts.models import User
from shopapp.accounts.owed import owe_sign_out
from shopapp.accounts.pages import is_weak, not_now
from shopapp.accounts.passwords import hash_password, verify_password
from shopapp.accounts.proving import count_proof, note_proof, place_to_hash
from shopapp.accounts.security import SIGNED_IN
from shopapp.accounts.store import replace_password_hash
from shopapp.accounts.validity import end_earlier_sessions, mark_of
from shopapp.accounts.views import ACCOUNT_PAGE, account_json, account_page
from shopapp.events import PasswordChanged, UserLoggedIn, UserLoginFailed
from shopapp.http import BusyError, InvalidFormError, TooOftenError, submitted
from shopapp.mail import post, send_soon
from shopapp.throttle.tries import Tries

CHANGED = "Your password is changed. All other devices are signed out."
WRONG_PASSWORD = "This is not your current password."  # noqa: S105 - a message
SAME_PASSWORD = "This is the password you have. Please choose another one."  # noqa: S105 - a message


@view_config(route_name="password", request_method="GET", accept="text/html")
def show_account(request: Request) -> Response:
    """The address that a browser shows after a form with an error: the form is on the account's page."""
    return HTTPSeeOther(request.route_path("account"))


@view_config(
    route_name="password", request_method="POST", accept="text/html", permission=SIGNED_IN, renderer=ACCOUNT_PAGE
)
def change_password(request: Request) -> dict[str, Any] | Response:
    """Change the password from the form: 303 to the account, or 422 with the error beside the field; 429 or 503 if it
    cannot be done now.
    """
    form = PasswordForm(submitted(request))
    try:
        if _change(request, form):
            request.session.flash(CHANGED, "success")
            return HTTPSeeOther(request.route_path("account"))
        request.response.status_int = 422
    except (TooOftenError, BusyError) as error:
        not_now(request, form, error)
    return account_page(request, form)


@view_config(
    route_name="password", request_method="POST", accept="application/json", permission=SIGNED_IN, renderer="json"
)
def change_password_json(request: Request) -> dict[str, Any]:
    """Change the password by JSON; answers the account. Raises InvalidFormError (422), TooOftenError (429) and
    BusyError (503).
    """
    form = PasswordForm(submitted(request))
    if not _change(request, form):
        raise InvalidFormError(form)
    return account_json(request.identity)


def _change(request: Request, form: PasswordForm) -> bool:
    """Store the new password and announce it; False, with the form's errors filled in, if that cannot be.

    Raises TooOftenError, BusyError and StoreUnavailable.
    """
    if not form.validate():
        return False
    tries = count_proof(request)
    with place_to_hash(request, tries):
        return _change_it(request, form, tries)


def _change_it(request: Request, form: PasswordForm, tries: Tries) -> bool:
    identity, new_password = request.identity, form.new_password.data
    user = request.dbsession.get(User, identity.user_id)
    if not verify_password(user.password_hash if user else None, form.current_password.data):
        if user and verify_password(user.password_hash, new_password):
            return _is_done_already(request, user)
        # A guess like one at the login, so it is told like one: or whoever finds a browser signed in could guess on.
        request.registry.notify(UserLoginFailed(request, identity.email))
        form.current_password.errors = [WRONG_PASSWORD]
        return False
    tries.succeed()
    note_proof(request)
    if is_weak(request, form.new_password, name=user.name, email=user.email):
        pass  # the field says why
    elif verify_password(user.password_hash, new_password):
        form.new_password.errors = [SAME_PASSWORD]
    elif not replace_password_hash(request.dbsession, user, hash_password(new_password)):
        request.dbsession.refresh(user)
        if verify_password(user.password_hash, new_password):
            return _is_done_already(request, user)
        form.current_password.errors = [WRONG_PASSWORD]  # any more: it was changed on another device just now
    else:
        _announce(request, user)
        return True
    return False


def _is_done_already(request: Request, user: User) -> bool:
    """The same form was sent twice, and the browser has dropped the first answer, with the cookie that is good now. It
    has shown the new password, so this is a sign-in with that.
    """
    sessions = request.registry["shopapp.settings"].sessions
    is_kept = request.session.timeout == sessions.kept_timeout
    event = UserLoggedIn(request, user.id, user.email, user.name, keep=is_kept, mark=mark_of(user))
    request.registry.notify(event)
    return True


def _announce(request: Request, user: User) -> None:
    """Tell it. Its subscribers end the other sessions after the commit: a change that is rolled back ends nobody's.

    Redis may be away by then. So the change itself notes that this is owed, and the note goes once no other session is
    left; until then each sign-in tries again.
    """
    kill_links_of(request.dbsession, user.id)
    end_earlier_sessions(request, user)
    request.registry.notify(PasswordChanged(request, user.id))
    owe_sign_out(request, user, stays=True)
    post(request.dbsession, "password_changed", user.email, user=user.id, at=datetime.now(UTC).isoformat())
    send_soon(request)
