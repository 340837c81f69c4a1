"""The pages that show people on which devices they are signed in, and sign them out. No session id is shown here."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pyramid.httpexceptions import HTTPNoContent, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from shopapp.accounts.devices import device_name
from shopapp.accounts.forms import ProofForm
from shopapp.accounts.models import User
from shopapp.accounts.owed import pay_after_change
from shopapp.accounts.pages import not_now
from shopapp.accounts.proving import needs_proof, prove
from shopapp.accounts.security import SIGNED_IN
from shopapp.accounts.validity import end_earlier_sessions
from shopapp.dates import moment_in
from shopapp.events import UserLoggedOut
from shopapp.http import (
    BusyError,
    InvalidFormError,
    NoSuchThingError,
    ProofNeededError,
    TooOftenError,
    asked_page,
    count_pages,
    submitted,
)
from shopapp.sessions import end_others, end_session, page_of_sessions, session_name

SESSIONS_PAGE = "shopapp:accounts/templates/sessions.jinja2"
PROOF_PAGE = "shopapp:accounts/templates/proof.jinja2"
PAGE_SIZE = 20
NO_SUCH_SESSION = "You are not signed in on that device, or not any more."


@dataclass(frozen=True)
class Device:
    """Where a person is signed in. ``handle`` names the session and opens nothing."""

    handle: str
    current: bool
    created_at: datetime
    last_used_at: datetime
    address: str
    device: str

    def __json__(self, _request: Request) -> dict[str, Any]:
        times = {name: getattr(self, name).isoformat() for name in ("created_at", "last_used_at")}
        return {**asdict(self), **times}


@view_config(
    route_name="sessions", request_method="GET", accept="text/html", permission=SIGNED_IN, renderer=SESSIONS_PAGE
)
def show_sessions(request: Request) -> dict[str, Any]:
    """The list of devices."""
    devices, page, pages = _devices(request)

    def page_url(number: int) -> str:
        return request.route_path("sessions", _query={"page": number} if number > 1 else {})

    moment = moment_in(request.registry["shopapp.settings"].shop.locale)
    return {"devices": devices, "moment": moment, "page": page, "pages": pages, "page_url": page_url}


@view_config(
    route_name="sessions", request_method="GET", accept="application/json", permission=SIGNED_IN, renderer="json"
)
def show_sessions_json(request: Request) -> dict[str, Any]:
    """The list of devices as JSON."""
    devices, page, pages = _devices(request)
    return {"sessions": devices, "page": page, "pages": pages}


@view_config(route_name="end_session", request_method="GET", accept="text/html")
@view_config(route_name="end_other_sessions", request_method="GET", accept="text/html")
def show_list(request: Request) -> Response:
    """The addresses that a browser shows after a form with an error: the forms are on the list."""
    return HTTPSeeOther(request.route_path("sessions"))


@view_config(
    route_name="end_session", request_method="POST", accept="text/html", permission=SIGNED_IN, renderer=PROOF_PAGE
)
def end_one(request: Request) -> dict[str, Any] | Response:
    """Sign one device out: back to the list, or out if it was this one; or the form for the password, if that is needed
    first. Raises NoSuchThingError.
    """
    asked = _proof_page(request)
    if asked:
        return asked
    if _end(request):
        return HTTPSeeOther(request.route_path("logout"))
    request.session.flash("That device is signed out.", "success", allow_duplicate=False)
    return HTTPSeeOther(request.route_path("sessions"))


@view_config(
    route_name="end_session", request_method="POST", accept="application/json", permission=SIGNED_IN, renderer="json"
)
def end_one_json(request: Request) -> dict[str, Any] | Response:
    """Sign one device out by JSON; answers the list, or 204 if it was this one. Raises NoSuchThingError, and what
    :func:`_prove` raises.
    """
    _prove(request)
    return HTTPNoContent() if _end(request) else show_sessions_json(request)


@view_config(
    route_name="end_other_sessions",
    request_method="POST",
    accept="text/html",
    permission=SIGNED_IN,
    renderer=PROOF_PAGE,
)
def end_all_others(request: Request) -> dict[str, Any] | Response:
    """Sign all devices out but this one; or the form for the password, if that is needed first."""
    asked = _proof_page(request)
    if asked:
        return asked
    _end_others(request)
    request.session.flash("You are signed out everywhere else.", "success", allow_duplicate=False)
    return HTTPSeeOther(request.route_path("sessions"))


@view_config(
    route_name="end_other_sessions",
    request_method="POST",
    accept="application/json",
    permission=SIGNED_IN,
    renderer="json",
)
def end_all_others_json(request: Request) -> dict[str, Any]:
    """Sign all devices out but this one by JSON; answers the new list. Raises what :func:`_prove` raises."""
    _prove(request)
    _end_others(request)
    return show_sessions_json(request)


def _proof_page(request: Request) -> dict[str, Any] | None:
    """Return what the page shows that asks for the password, and makes it a 403; None if nothing stands in the way."""
    form = ProofForm()
    try:
        _prove(request)
    except ProofNeededError:
        request.response.status_int = 403
    except InvalidFormError as error:
        request.response.status_int = 422
        form.current_password.errors = list(error.fields.values())
    except (TooOftenError, BusyError) as error:
        not_now(request, form, error)
    else:
        return None
    return {"form": form}


def _prove(request: Request) -> None:
    """Let pass whoever has shown their password a short while ago, or shows it with this request; and everybody to the
    session that they are in, which is a logout.

    Raises ProofNeededError (403), InvalidFormError (422), TooOftenError (429), BusyError (503) and StoreUnavailable.
    """
    if request.matchdict.get("handle") == session_name(request) or not needs_proof(request):
        return
    form = ProofForm(submitted(request))
    if not form.current_password.data:
        raise ProofNeededError
    if not form.validate() or not prove(request, form.current_password):
        raise InvalidFormError(form)


def _devices(request: Request) -> tuple[list[Device], int, int]:
    """Return a page of the person's devices by the time of login, on it this one first, then the one used last; which
    page it is, and of how many. Raises HTTPBadRequest and NoSuchThingError.
    """
    page = asked_page(request) if request.method == "GET" else 1
    pay_after_change(request, request.identity.user_id)
    found, total = page_of_sessions(request, request.identity.user_id, max(0, page - 1) * PAGE_SIZE, PAGE_SIZE)
    pages = count_pages(page, total, PAGE_SIZE)
    here = session_name(request)
    devices = [
        Device(
            handle=info.handle,
            current=info.handle == here,
            created_at=info.created_at,
            last_used_at=info.last_used_at,
            address=info.address,
            device=device_name(info.agent),
        )
        for info in found
    ]
    return sorted(devices, key=lambda device: not device.current), page, pages


def _end_others(request: Request) -> None:
    """End all but this one: those that the list names at once, and any that it has lost by the account's record."""
    user = request.dbsession.get(User, request.identity.user_id)
    if user:
        end_earlier_sessions(request, user)
    end_others(request, request.identity.user_id)


def _end(request: Request) -> bool:
    """End the session that the address names and tell whether it was this request's own. Raises NoSuchThingError."""
    handle, user_id = request.matchdict["handle"], request.identity.user_id
    if handle == session_name(request):
        request.registry.notify(UserLoggedOut(request, user_id))
        return True
    if not end_session(request, user_id, handle):
        raise NoSuchThingError(NO_SUCH_SESSION)
    return False
