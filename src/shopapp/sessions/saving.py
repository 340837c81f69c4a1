"""The tween that saves the session before the response leaves, where a failure still gets an error page."""

from collections.abc import Callable

from pyramid.registry import Registry
from pyramid.request import Request
from pyramid.response import Response
from pyramid_retry import is_error_retryable

from shopapp.sessions.session import Session


def loaded_session(request: Request) -> Session | None:
    """Return the request's session if it has looked at it, else None."""
    # Pyramid keeps what it has made there. To ask for request.session would load it.
    session = request.__dict__.get("session")
    return session if isinstance(session, Session) else None


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
            if response.status_int >= 500 or _runs_again(request):
                session.abandon()
            else:
                session.save(response)
        except Exception as error:
            session.abandon()
            if is_error_retryable(request, error):
                raise  # the transaction is rolled back, and pyramid_retry runs the request again
            return request.invoke_exception_view(reraise=True)
        return response

    return save_session


def _runs_again(request: Request) -> bool:
    """Whether an error view has answered for what pyramid_retry is about to try again."""
    return request.exception is not None and is_error_retryable(request, request.exception)
