"""The tween that saves the session before the response leaves, where a failure still gets an error page."""

from collections.abc import Callable

from pyramid.registry import Registry
from pyramid.request import Request
from pyramid.response import Response

from shopapp.sessions.keeper import loaded_keeper


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
            keeper = loaded_keeper(request)
            if keeper:
                keeper.abandon()
            raise
        keeper = loaded_keeper(request)
        if keeper is None:
            return response
        try:
            if response.status_int >= 500:
                keeper.abandon()
            else:
                keeper.save(response)
        except Exception:
            keeper.abandon()
            return request.invoke_exception_view(reraise=True)
        finally:
            keeper.close()
        return response

    return save_session
