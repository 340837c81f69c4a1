"""The tween that saves the session before the response leaves, where a failure still gets an error page."""

from collections.abc import Callable

from pyramid.events import NewResponse
from pyramid.registry import Registry
from pyramid.request import Request
from pyramid.response import Response

from shopapp.sessions.retrying import runs_again
from shopapp.sessions.session import RESPONSE, Session


def loaded_session(request: Request) -> Session | None:
    """Return the request's session if it has looked at it, else None."""
    # Pyramid keeps what it has made there. To ask for request.session would load it.
    session = request.__dict__.get("session")
    return session if isinstance(session, Session) else None


def on_new_response(event: NewResponse) -> None:
    """Keep the response for a session that is first looked at from here on: no response callback will be called."""
    event.request.__dict__[RESPONSE] = event.response


def save_session_factory(handler: Callable[[Request], Response], _registry: Registry) -> Callable[[Request], Response]:
    """Stand over the error views and under the transaction.

    The session is saved first and the database commits after: a session that cannot be saved takes what the view did to
    the database with it, and a failed save never follows a commit. A request that failed (an exception, or a 5xx)
    saves nothing.
    """

    def save_session(request: Request) -> Response:
        try:
            response = handler(request)
        except Exception:
            session = loaded_session(request)
            if session:
                session.abandon()
            raise
        session = loaded_session(request)
        if session is None:
            return response
        try:
            if response.status_int >= 500 or runs_again(request, request.exception):
                session.abandon()
            else:
                session.save(response)
        except Exception as error:
            session.abandon()
            if runs_again(request, error):
                raise  # the transaction is rolled back, and pyramid_retry runs the request again
            return request.invoke_exception_view(reraise=True)
        return response

    return save_session
