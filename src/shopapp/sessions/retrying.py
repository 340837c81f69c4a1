"""What pyramid_retry has to do with sessions: a conflict runs a request again, where it can."""

import time
from random import random

from pyramid.httpexceptions import HTTPConflict
from pyramid.request import Request
from pyramid_retry import RetryableException, is_error_retryable, is_last_attempt

MOST_MILLISECONDS = 16


class SessionConflictError(HTTPConflict, RetryableException):
    """Another request has changed the same value of the session; nothing was written.

    ``pyramid_retry`` runs the request again, on what is stored. Where it cannot (any more) this is raised only with
    ``redis.sessions.conflict = error``, and is 409 for whoever asked.
    """


def may_run_again(request: Request) -> bool:
    """Whether the app has pyramid_retry, and this is not the last attempt."""
    return not is_last_attempt(request)


def runs_again(request: Request, error: Exception | None) -> bool:
    """Whether the error has pyramid_retry run the request again."""
    return error is not None and is_error_retryable(request, error)


def let_others_pass(request: Request) -> None:
    """Wait a moment, longer with each attempt: requests that run again at once would meet again."""
    attempt = request.environ.get("retry.attempt", 0)
    time.sleep(random() * min(MOST_MILLISECONDS, 2 + attempt) / 1000)  # noqa: S311 - no secret
