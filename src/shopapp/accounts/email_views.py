"""Changing one's e-mail address: with the password, and by a link that is mailed to the new one."""

from datetime import UTC, datetime
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from shopapp.accounts.forms import EmailForm, PasswordForm, TokenForm
from shopapp.accounts.links import find_link, kill_links_of, new_link
from shopapp.accounts.models import User
from shopapp.accounts.owed import owe_sign_out
from shopapp.accounts.pages import GONE_PAGE, asked_token, guard_token, not_now
from shopapp.accounts.proving import prove, refuse_proof
from shopapp.accounts.security import SIGNED_IN
from shopapp.accounts.store import stays_as_read
from shopapp.accounts.validity import end_earlier_sessions
from shopapp.accounts.views import ACCOUNT_PAGE, account_page
from shopapp.events import EmailChanged
from shopapp.http import BusyError, InvalidFormError, NoSuchThingError, TooOftenError, query, submitted
from shopapp.mail import post, send_soon
from shopapp.throttle.tries import Tries

CONFIRM_PAGE = "shopapp:accounts/templates/email_confirm.jinja2"
SENT = "We have sent a mail to the new address. Open the link in it to change to that; it is good for an hour."
SAME_ADDRESS = "This is the address that you have."
CHANGED = "Your e-mail address is changed. All other devices are signed out."
GONE = (
    "This link is not good any more. It works once, for an hour, until the password changes, and if nobody else has "
    "the address."
)


@view_config(route_name="change_email", request_method="GET", accept="text/html")
def show_account(request: Request) -> Response:
    """The address that a browser shows after a form with an error: the form is on the account's page."""
    return HTTPSeeOther(request.route_path("account"))


@view_config(
    route_name="change_email", request_method="POST", accept="text/html", permission=SIGNED_IN, renderer=ACCOUNT_PAGE
)
def change_email(request: Request) -> dict[str, Any] | Response:
    """Have the link mailed to the new address: 303 to the account, or 422 with the error beside the field; 429 or 503
    if it cannot be done now.
    """
    form = EmailForm(submitted(request))
    try:
        if _ask(request, form):
            request.session.flash(SENT, "info", allow_duplicate=False)
            return HTTPSeeOther(request.route_path("account"))
        request.response.status_int = 422
    except (TooOftenError, BusyError) as error:
        not_now(request, form, error)
    return account_page(request, PasswordForm(), form)


@view_config(
    route_name="change_email", request_method="POST", accept="application/json", permission=SIGNED_IN, renderer="json"
)
def change_email_json(request: Request) -> dict[str, Any]:
    """Have the link mailed to the new address, by JSON: 202. Raises InvalidFormError (422), TooOftenError (429) and
    BusyError (503).
    """
    form = EmailForm(submitted(request))
    if not _ask(request, form):
        raise InvalidFormError(form)
    request.response.status_int = 202
    return {"message": SENT}


@view_config(route_name="confirm_email", request_method="GET", accept="text/html", renderer=CONFIRM_PAGE)
def show_confirm(request: Request) -> dict[str, Any] | Response:
    """Where the link leads: the new address, and a button. It changes nothing: programs open links, too."""
    asked = query(request)
    if "token" not in asked:
        return HTTPSeeOther(request.route_path("account"))
    guard_token(request)
    link = find_link(request.dbsession, "email", asked_token(asked))
    return {"link": link, "form": TokenForm(data={"token": asked["token"]})} if link else _gone(request)


@view_config(route_name="confirm_email", request_method="POST", accept="text/html", renderer=GONE_PAGE)
def confirm(request: Request) -> dict[str, Any] | Response:
    """Change the address: 303 to the account, or to sign in; 404 with the way on for a link that is good no more."""
    guard_token(request)
    try:
        user = _confirm(request, TokenForm(submitted(request)))
    except NoSuchThingError:
        return _gone(request)
    if request.authenticated_userid == user.id:
        request.session.flash(CHANGED, "success")
        return HTTPSeeOther(request.route_path("account"))
    return HTTPSeeOther(request.route_path("login", _query={"after": "email"}))


@view_config(route_name="confirm_email", request_method="POST", accept="application/json", renderer="json")
def confirm_json(request: Request) -> dict[str, Any]:
    """Change the address by JSON; answers it. Raises NoSuchThingError."""
    return {"email": _confirm(request, TokenForm(submitted(request))).email}


def _ask(request: Request, form: EmailForm) -> bool:
    """Note the wish and have the link mailed; False, with the form's errors filled in, if that cannot be. Only the
    letter looks whether somebody has the new address already. Raises TooOftenError, BusyError and StoreUnavailable.
    """
    if not form.validate():
        return False
    email, user = form.email.data, prove(request, form.current_password)
    if user is None:
        return False
    if email == user.email:
        form.email.errors = [SAME_ADDRESS]
    # A change of the password takes away the links that it finds: a link that comes after it must not be.
    elif not stays_as_read(request.dbsession, user):
        refuse_proof(request, form.current_password)
    else:
        # Not given back, as the password's are: else one account sends letters to any number of strangers.
        Tries(request, "email").by_address("mail").by_sender(user.id).by_mail(email)
        link = new_link("email", email, user_id=user.id)
        request.dbsession.add(link)
        request.dbsession.flush()
        post(request.dbsession, "new_address", email, link=link.id)
        send_soon(request)
        return True
    return False


def _confirm(request: Request, form: TokenForm) -> User:
    """Change the address and announce it. Raises NoSuchThingError for a link that is good no more."""
    link = find_link(request.dbsession, "email", form.token.data or "") if form.validate() else None
    user = request.dbsession.get(User, link.user_id) if link else None
    if link is None or user is None:
        raise NoSuchThingError(GONE)
    old, new, link_id = user.email, link.email, link.id
    where = (User.id == user.id, User.disabled_at.is_(None))
    try:
        changed = request.dbsession.execute(update(User).where(*where).values(email=new, owes_sign_out=True))
    except IntegrityError:  # somebody else has confirmed it first
        raise NoSuchThingError(GONE) from None
    if not changed.rowcount or link_id not in kill_links_of(request.dbsession, user.id):
        raise NoSuchThingError(GONE)
    end_earlier_sessions(request, user)
    request.registry.notify(EmailChanged(request, user.id, old, new))
    owe_sign_out(request, user, stays=request.authenticated_userid == user.id)
    post(request.dbsession, "address_changed", old, user=user.id, at=datetime.now(UTC).isoformat())
    send_soon(request)
    return user


def _gone(request: Request) -> dict[str, Any]:
    request.override_renderer, request.response.status_int = GONE_PAGE, 404
    return {
        "title": "This link is not good any more",
        "message": GONE,
        "ways": [(request.route_path("account"), "Go to your account")],
    }
