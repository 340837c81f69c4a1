"""Alive, ready, and counted: for load balancers and monitoring."""

import logging
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config
from sqlalchemy.exc import DBAPIError

from shopapp.http import error_body
from shopapp.redis import EVICTION_REMEDY, client_of, evicting_policies, unavailable_on_error
from shopapp.schema import SchemaError, advice_on, check_schema
from shopapp.web.errors import RETRY_AFTER_SECONDS

log = logging.getLogger(__name__)


@view_config(route_name="healthz", request_method="GET", renderer="json")
def healthz(_request: Request) -> dict[str, str]:
    """The process answers. It asks nothing else, so an outage of Redis restarts no app."""
    return {"status": "ok"}


@view_config(route_name="readyz", request_method="GET", renderer="json")
def readyz(request: Request) -> dict[str, Any]:
    """Redis and the database answer and are as expected; else 503. What is wrong is in the log alone.

    Raises StoreUnavailable.
    """
    client = client_of(request)
    with unavailable_on_error(client):
        client.ping()
    settings = request.registry["shopapp.settings"].sessions
    if not settings.allow_eviction and (policies := evicting_policies(client)):
        log.error("redis_not_ready maxmemory-policy is %s: %s", " and ".join(policies), EVICTION_REMEDY)
        return _not_ready(request, "Redis")
    try:
        check_schema(request.dbsession.connection())
    except SchemaError as error:
        return _database_not_ready(request, str(error))
    except DBAPIError as error:
        return _database_not_ready(request, f"{str(error.orig).strip()} {advice_on(error)}".rstrip())
    return {"status": "ready"}


def _database_not_ready(request: Request, reason: str) -> dict[str, Any]:
    log.error("database_not_ready %s", " ".join(reason.split()))
    return _not_ready(request, "The database")


def _not_ready(request: Request, what: str) -> dict[str, Any]:
    request.response.status_int = 503
    request.response.retry_after = RETRY_AFTER_SECONDS
    return error_body("unavailable", f"{what} is not ready. The log says why.")


@view_config(route_name="metrics", request_method="GET")
def metrics(_request: Request) -> Response:
    """Counters of this process, for Prometheus. Keep it from the public: see docs/deployment.md."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
