"""Signing up: a form, a mail, one click. Whatever address is entered, the answer is the same, and so is its work."""

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from shopapp.accounts.entry import let_in
from shopapp.accounts.forms import RegisterForm, TokenForm
from shopapp.accounts.links import find_link, new_link, use_registration
from shopapp.accounts.models import AccountLink, User
from shopapp.accounts.pages import GONE_PAGE, SENT_PAGE, asked_token, guard_token, is_weak, not_now, sent_page
from shopapp.accounts.passwords import hash_password
from shopapp.accounts.proving import place_to_hash
from shopapp.accounts.security import Identity
from shopapp.accounts.store import add_registered
from shopapp.accounts.views import account_json, flash_welcome
from shopapp.http import BusyError, InvalidFormError, NoSuchThingError, TooOftenError, local_path, query, submitted
from shopapp.mail import post, send_soon
from shopapp.throttle.tries import Tries

REGISTER_PAGE = "shopapp:accounts/templates/register.jinja2"
CONFIRM_PAGE = "shopapp:accounts/templates/register_confirm.jinja2"
SENT = "We have sent you a mail. Open the link in it to finish signing up; it is good for a day."
GONE = "This link is not good any more. It works once, for a day. If you have used it, please sign in."


@view_config(route_name="register", request_method="GET", accept="text/html", renderer=REGISTER_PAGE)
def show_register(request: Request) -> dict[str, Any] | Response:
    """The form; whoever is signed in goes on to where they wanted to go."""
    target = query(request).get("next", "")
    if request.identity:
        return HTTPSeeOther(local_path(target, request.route_path("home")))
    return _register_page(RegisterForm(data={"next": target}))


@view_config(route_name="register", request_method="POST", accept="text/html", renderer=REGISTER_PAGE)
def register(request: Request) -> dict[str, Any]:
    """Sign up from the form: 202, or 422 with the errors beside the fields; 429 or 503 if it cannot be done now."""
    form = RegisterForm(submitted(request))
    try:
        if not _register(request, form):
            request.response.status_int = 422
            return _register_page(form)
    except (TooOftenError, BusyError) as error:
        not_now(request, form, error)
        return _register_page(form)
    request.override_renderer = SENT_PAGE
    return sent_page(request, form.email.data, SENT)


@view_config(route_name="register", request_method="POST", accept="application/json", renderer="json")
def register_json(request: Request) -> dict[str, Any]:
    """Sign up by JSON: 202. Raises InvalidFormError (422), TooOftenError (429) and BusyError (503)."""
    form = RegisterForm(submitted(request))
    if not _register(request, form):
        raise InvalidFormError(form)
    request.response.status_int = 202
    return {"message": SENT}


@view_config(route_name="confirm_registration", request_method="GET", accept="text/html", renderer=CONFIRM_PAGE)
def show_confirm(request: Request) -> dict[str, Any] | Response:
    """Where the link leads: who is to be signed up, and a button. It changes nothing: programs open links, too."""
    asked = query(request)
    if "token" not in asked:
        return HTTPSeeOther(request.route_path("register"))
    guard_token(request)
    link = find_link(request.dbsession, "register", asked_token(asked))
    if link is None:
        return _gone(request)
    return {"link": link, "form": TokenForm(data={"token": asked["token"], "next": asked.get("next", "")})}


@view_config(route_name="confirm_registration", request_method="GET", accept="application/json", renderer="json")
def show_confirm_json(request: Request) -> dict[str, Any]:
    """Who is to be signed up. Raises NoSuchThingError."""
    guard_token(request)
    link = find_link(request.dbsession, "register", asked_token(query(request)))
    if link is None:
        raise NoSuchThingError(GONE)
    return {"email": link.email, "name": link.name}


@view_config(route_name="confirm_registration", request_method="POST", accept="text/html", renderer=GONE_PAGE)
def confirm(request: Request) -> dict[str, Any] | Response:
    """Make the account and sign in: 303 onwards, or 404 with the way on for a link that is good no more."""
    form = TokenForm(submitted(request))
    guard_token(request)
    user = _confirm(request, form)
    if user is None:
        return _gone(request)
    flash_welcome(request, user, is_new=True)
    return HTTPSeeOther(local_path(form.next.data, request.route_path("home")))


@view_config(route_name="confirm_registration", request_method="POST", accept="application/json", renderer="json")
def confirm_json(request: Request) -> dict[str, Any]:
    """Make the account and sign in, by JSON; answers the account. Raises NoSuchThingError."""
    user = _confirm(request, TokenForm(submitted(request)))
    if user is None:
        raise NoSuchThingError(GONE)
    return account_json(Identity(user.id, user.email, user.name))


def _register(request: Request, form: RegisterForm) -> bool:
    """Note who wants to sign up and have the mail sent; False, with the form's errors filled in, if that cannot be.

    It never looks whether there is an account: only the letter does, when it is written, and so only its reader knows.
    Raises TooOftenError, BusyError and StoreUnavailable.
    """
    if not form.validate():
        return False
    email, name = form.email.data, form.name.data
    tries = Tries(request, "register").by_address("mail")  # before the judge, who takes a while
    if is_weak(request, form.password, name=name, email=email):
        return False
    tries.by_mail(email)
    with place_to_hash(request, tries):
        password_hash = hash_password(form.password.data)
    link = new_link("register", email, name=name, password_hash=password_hash)
    request.dbsession.add(link)
    request.dbsession.flush()
    post(request.dbsession, "confirm", email, link=link.id, next=local_path(form.next.data, ""))
    send_soon(request)
    return True


def _confirm(request: Request, form: TokenForm) -> User | None:
    """Make the account and sign its person in; None if the link is good no more.

    The account is committed first. Were its session stored before it, and the commit failed, SQLite would give the
    number of the account that is not there to the next one, and that session would open it.
    """
    if not form.validate() or not form.token.data:
        return None
    request.session.get("user")  # raises StoreUnavailable before the link is used up
    with request.registry["shopapp.sessionmaker"].begin() as dbsession:
        link = find_link(dbsession, "register", form.token.data)
        user_id = _add(dbsession, link) if link else None
    user = request.dbsession.get(User, user_id) if user_id is not None else None
    return user if user and let_in(request, user, is_first=True) else None


def _add(dbsession: Any, link: AccountLink) -> int | None:
    """The first registration that is confirmed gets the address; all others of it are good for nothing."""
    user_id = add_registered(dbsession, link)
    is_unused = use_registration(dbsession, link)
    if user_id is not None and not is_unused:
        dbsession.rollback()  # it was used in this very moment
        return None
    return user_id


def _register_page(form: RegisterForm) -> dict[str, Any]:
    form.password.data = ""
    return {"form": form, "next_url": form.next.data}


def _gone(request: Request) -> dict[str, Any]:
    request.override_renderer, request.response.status_int = GONE_PAGE, 404
    ways = [(request.route_path("login"), "Sign in"), (request.route_path("register"), "Sign up")]
    return {"title": "This link is not good any more", "message": GONE, "ways": ways}
