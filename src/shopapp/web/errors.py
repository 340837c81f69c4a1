"""Every error as a page for people or as JSON for programs; the cause goes to the log, never to the page."""

import logging
from typing import Any

from markupsafe import Markup
from pyramid.exceptions import PredicateMismatch, URLDecodeError
from pyramid.httpexceptions import HTTPError, HTTPForbidden, HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import exception_view_config, forbidden_view_config, notfound_view_config

from shopapp.db import DatabaseUnavailable
from shopapp.http import (
    BusyError,
    InvalidFormError,
    NoSuchThingError,
    ProofNeededError,
    RefusedError,
    TooOftenError,
    error_body,
    lookout_of,
    path_for_log,
    wants_json,
)
from shopapp.redis import StoreUnavailable
from shopapp.sessions import session_has_ended
from shopapp.web.cross_site import CrossSiteRequestError
from shopapp.web.request_id import request_id_of
from shopapp.web.shell import Shell, Viewer, personal_parts, viewer_of

log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5

TITLES = {
    400: ("bad_request", "That did not work"),
    401: ("unauthorized", "Please sign in"),
    403: ("forbidden", "That is not allowed"),
    404: ("not_found", "Page not found"),
    405: ("method_not_allowed", "That did not work"),
    406: ("not_acceptable", "That did not work"),
    409: ("conflict", "Please try that again"),
    422: ("invalid", "Please check what you entered"),
    429: ("too_many_tries", "Please wait a moment"),
    500: ("internal_error", "Something went wrong"),
    503: ("unavailable", "Back in a moment"),
}


@notfound_view_config()
def on_not_found(error: Any, request: Request) -> Response:
    """404, with the view's own words if it had any."""
    message = error.detail if isinstance(error, NoSuchThingError) else "There is no page at this address."
    return _answer(request, 404, message)


@exception_view_config(PredicateMismatch)
def on_predicate_mismatch(_error: PredicateMismatch, request: Request) -> Response:
    """The address exists: 405 for a method that it does not take, 406 for a format that it does not have."""
    allowed = _allowed_methods(request)
    if request.method in allowed:
        return _answer(request, 406, "This address cannot answer in the format that was asked for.")
    response = _answer(request, 405, f"This address takes {' and '.join(sorted(allowed))} only.")
    response.allow = sorted(allowed)
    return response


@forbidden_view_config()
def on_forbidden(_error: HTTPForbidden, request: Request) -> Response:
    """A page for people who have signed in: a visitor is sent to sign in, a program is told 401."""
    if request.identity:
        return _answer(request, 403, "Your account may not see this page.")
    if wants_json(request):
        return _answer(request, 401, "Please sign in first.")
    target = request.path_qs if request.method == "GET" else request.route_path("home")
    asked = {"next": target, "ended": "1"} if session_has_ended(request) else {"next": target}
    return HTTPSeeOther(request.route_path("login", _query=asked))


@exception_view_config(CrossSiteRequestError)
def on_cross_site_request(error: CrossSiteRequestError, request: Request) -> Response:
    """403, and a line in the log: it is an attack, or a proxy that hides the host's name."""
    log.warning("cross_site_request_refused path=%s origin=%r", path_for_log(request), request.headers.get("Origin"))
    return _answer(request, 403, error.detail)


@exception_view_config(HTTPError)
def on_http_error(error: HTTPError, request: Request) -> Response:
    """Whatever error a view raised as its answer."""
    return _answer(request, error.status_int, error.detail or error.explanation)


@exception_view_config(InvalidFormError)
def on_invalid_form(error: InvalidFormError, request: Request) -> Response:
    """422 with each field's message."""
    message = next(iter(error.fields.values()), "The form is not complete.")
    return _answer(request, 422, message, error.fields)


@exception_view_config(RefusedError)
def on_refused(error: RefusedError, request: Request) -> Response:
    """409 with the view's own code and what it has to say beside it."""
    response = _answer(request, 409, error.message)
    if wants_json(request):
        body = error_body(error.code, error.message, error.fields)
        body["error"] |= error.facts
        response.json_body = body
    return response


@exception_view_config(TooOftenError)
def on_too_often(error: TooOftenError, request: Request) -> Response:
    """429, to be tried again later."""
    return _answer(request, 429, str(error), retry_after=error.seconds)


@exception_view_config(ProofNeededError)
def on_proof_needed(error: ProofNeededError, request: Request) -> Response:
    """403, to be sent again with the password."""
    return _answer(request, 403, str(error), code="password_needed")


@exception_view_config(BusyError)
def on_busy(error: BusyError, request: Request) -> Response:
    """503, to be tried again very soon. Nothing is wrong with what was sent."""
    return _answer(request, 503, str(error), code="busy", retry_after=error.seconds)


@exception_view_config(URLDecodeError)
def on_bad_address(_error: URLDecodeError, request: Request) -> Response:
    """An address that is not UTF-8."""
    return _answer(request, 400, "The address could not be read: it is not valid UTF-8.")


@exception_view_config(StoreUnavailable)
def on_store_unavailable(error: StoreUnavailable, request: Request) -> Response:
    """Redis is away: 503, to be tried again soon."""
    log.error("store_unavailable path=%s error=%r", path_for_log(request), str(error))
    message = f"Carts and accounts are not available right now. {_what_now(request)}"
    return _answer(request, 503, message, retry_after=RETRY_AFTER_SECONDS)


@exception_view_config(DatabaseUnavailable)
def on_database_unavailable(error: DatabaseUnavailable, request: Request) -> Response:
    """The database is away, or cannot do it now: 503, to be tried again soon. Of an outage the log has one line."""
    level = logging.DEBUG if error.told else logging.ERROR
    log.log(level, "database_unavailable path=%s error=%r", path_for_log(request), error.reason)
    message = f"The shop cannot do that right now. {_what_now(request)}"
    return _answer(request, 503, message, retry_after=RETRY_AFTER_SECONDS)


@exception_view_config(Exception)
def on_unexpected_error(error: Exception, request: Request) -> Response:
    """A fault of ours: all of it in the log, nothing of it on the page."""
    log.error("unexpected_error path=%s", path_for_log(request), exc_info=error)
    advice = _what_now(request) if lookout_of(request) else "Please try again in a moment."
    return _answer(request, 500, f"This is our fault, and we have been told. {advice}")


def _what_now(request: Request) -> str:
    """What is true after a failure: whether something may have been done, or nothing was, or nothing was to be."""
    lookout = lookout_of(request)
    if lookout and lookout.may_be_repeated:
        return (
            "It may have been done all the same. You may send it again, as it is: it is done once, however often it is"
            f" sent. Or look at {lookout.name}."
        )
    if lookout:
        return f"It may have been done all the same: please look at {lookout.name} before you try again."
    return "Nothing is lost; please try again."


def _allowed_methods(request: Request) -> set[str]:
    """The methods of the views at this address; each of ours is for one method."""
    views = (each["introspectable"] for each in request.registry.introspector.get_category("views"))
    methods = {view["request_methods"] for view in views if view["route_name"] == request.matched_route.name}
    return methods | {"HEAD"} if "GET" in methods else methods


def _answer(
    request: Request,
    status: int,
    message: str,
    fields: dict[str, str] | None = None,
    *,
    code: str = "",
    retry_after: int | None = None,
) -> Response:
    """Answer with the status' own title and code, or another code; ``retry_after``: after so many seconds."""
    usual, title = TITLES.get(status, ("error", "That did not work"))
    if wants_json(request):
        response = render_to_response("json", error_body(code or usual, message, fields), request)
    else:
        page = {"status": status, "title": title, "message": message, "shell": _shell(request, status)}
        page["lookout"] = lookout_of(request) if status >= 500 else None
        page["request_id"] = request_id_of(request)
        response = render_to_response("shopapp:web/templates/error.jinja2", page, request)
    response.status_int = status
    response.retry_after = retry_after
    return response


def _shell(request: Request, status: int) -> Shell:
    """The frame of an error page. It has no categories, for the database may be what failed, and no messages: a picture
    that is missing must not take the one meant for the page around it. After a failure it asks for nothing at all.
    """
    viewer = Viewer(degraded=True) if status >= 500 else viewer_of(request, takes_flashes=False)
    return Shell(personal_parts(request, viewer)[0], Markup())
