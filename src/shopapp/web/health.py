"""Alive and ready: for load balancers and monitoring."""

import logging
from typing import Any

from pyramid.request import Request
from pyramid.view import view_config
from sqlalchemy.exc import DBAPIError

from shopapp.http import error_body
from shopapp.redis import client_of, unavailable_on_error
from shopapp.schema import SchemaError, advice_on, check_schema
from shopapp.web.errors import RETRY_AFTER_SECONDS

log = logging.getLogger(__name__)


@view_config(route_name="healthz", request_method="GET", renderer="json")
def healthz(_request: Request) -> dict[str, str]:
    """The process answers. It asks nothing else, so an outage of Redis restarts no app."""
    return {"status": "ok"}


@view_config(route_name="readyz", request_method="GET", renderer="json")
def readyz(request: Request) -> dict[str, Any]:
    """Redis and the database answer, and the database is as expected; else 503. What is wrong is in the log alone.

    Raises StoreUnavailable.
    """
    client = client_of(request)
    with unavailable_on_error(client):
        client.ping()
    try:
        check_schema(request.dbsession.connection())
    except SchemaError as error:
        return _not_ready(request, str(error))
    except DBAPIError as error:
        return _not_ready(request, f"{str(error.orig).strip()} {advice_on(error)}".rstrip())
    return {"status": "ready"}


def _not_ready(request: Request, reason: str) -> dict[str, Any]:
    log.error("database_not_ready %s", " ".join(reason.split()))
    request.response.status_int = 503
    request.response.retry_after = RETRY_AFTER_SECONDS
    return error_body("unavailable", "The database is not ready. The log says why.")
