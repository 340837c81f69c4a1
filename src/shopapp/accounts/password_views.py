"""Changing one's password. Whoever else knew the old one is signed out by the subscribers of PasswordChanged."""

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from shopapp.accounts.forms import PasswordForm
from shopapp.accounts.models import User, normalize_email
from shopapp.accounts.passwords import hash_password, verify_password
from shopapp.accounts.security import SIGNED_IN
from shopapp.accounts.views import ACCOUNT_PAGE, account_json, account_page
from shopapp.events import PasswordChanged, UserLoginFailed
from shopapp.http import InvalidFormError, submitted

CHANGED = "Your password is changed. All other devices are signed out."
WRONG_PASSWORD = "This is not your current password."  # noqa: S105 - a message
SAME_PASSWORD = "This is the password you have. Please choose another one."  # noqa: S105 - a message
OWN_EMAIL = "This is your e-mail address, which is the first thing to try. Please choose something else."


@view_config(
    route_name="password", request_method="POST", accept="text/html", permission=SIGNED_IN, renderer=ACCOUNT_PAGE
)
def change_password(request: Request) -> dict[str, Any] | Response:
    """Change the password from the form: 303 to the account, or 422 with the error beside the field."""
    form = PasswordForm(submitted(request))
    if _change(request, form):
        request.session.flash(CHANGED, "success")
        return HTTPSeeOther(request.route_path("account"))
    request.response.status_int = 422
    return account_page(request, form)


@view_config(
    route_name="password", request_method="POST", accept="application/json", permission=SIGNED_IN, renderer="json"
)
def change_password_json(request: Request) -> dict[str, Any]:
    """Change the password by JSON; answers the account. Raises InvalidFormError (422)."""
    form = PasswordForm(submitted(request))
    if not _change(request, form):
        raise InvalidFormError(form)
    return account_json(request.identity)


def _change(request: Request, form: PasswordForm) -> bool:
    """Store the new password and announce it; False, with the form's errors filled in, if that cannot be."""
    if not form.validate():
        return False
    identity, new_password = request.identity, form.new_password.data
    user = request.dbsession.get(User, identity.user_id)
    if not verify_password(user.password_hash if user else None, form.current_password.data):
        # A guess like one at the login, so it is told like one: or whoever finds a browser signed in could guess on.
        request.registry.notify(UserLoginFailed(request, identity.email))
        form.current_password.errors = [WRONG_PASSWORD]
    elif normalize_email(new_password) == user.email:
        form.new_password.errors = [OWN_EMAIL]
    elif verify_password(user.password_hash, new_password):
        form.new_password.errors = [SAME_PASSWORD]
    else:
        _store(request, user, new_password)
        return True
    return False


def _store(request: Request, user: User, new_password: str) -> None:
    user.password_hash = hash_password(new_password)
    # What the database refuses it refuses now. Sessions cannot wait for the commit, which comes after this view: if it
    # fails after all, the other devices are signed out and the old password goes on to open the account. A nuisance,
    # where the other order would leave a thief signed in after a change that was stored.
    request.dbsession.flush()
    request.registry.notify(PasswordChanged(request, user.id))
