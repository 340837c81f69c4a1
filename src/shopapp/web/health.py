"""Alive and ready: for load balancers and monitoring."""

import logging
from typing import Any

from pyramid.request import Request
from pyramid.view import view_config
from sqlalchemy.exc import DBAPIError

from shopapp.http import error_body
from shopapp.redis import EVICTION_REMEDY, StoreUnavailable, client_of, evicting_policies, unavailable_on_error
from shopapp.schema import SchemaError, advice_on, check_schema
from shopapp.web.errors import RETRY_AFTER_SECONDS

log = logging.getLogger(__name__)


@view_config(route_name="healthz", request_method="GET", renderer="json")
def healthz(_request: Request) -> dict[str, str]:
    """The process answers. It asks nothing else, so an outage of Redis restarts no app."""
    return {"status": "ok"}


@view_config(route_name="readyz", request_method="GET", renderer="json")
def readyz(request: Request) -> dict[str, Any]:
    """Redis and the database answer and are as expected; else 503, which says which of them is not ready. Why is in the
    log alone.
    """
    wrong = {name: "not ready" for name, look in LOOKS.items() if not look(request)}
    if not wrong:
        return {"status": "ready"}
    request.response.status_int = 503
    request.response.retry_after = RETRY_AFTER_SECONDS
    return error_body("unavailable", f"Not ready: {' and '.join(wrong)}. The log says why.", wrong)


def _redis_is_ready(request: Request) -> bool:
    client = client_of(request)
    try:
        with unavailable_on_error(client):
            client.ping()
        settings = request.registry["shopapp.settings"].sessions
        policies = [] if settings.allow_eviction else evicting_policies(client)
    except StoreUnavailable as error:
        log.error("store_unavailable path=/readyz error=%r", str(error))
        return False
    if policies:
        log.error("redis_not_ready maxmemory-policy is %s: %s", " and ".join(policies), EVICTION_REMEDY)
    return not policies


def _database_is_ready(request: Request) -> bool:
    try:
        check_schema(request.dbsession.connection())
    except SchemaError as error:
        reason = str(error)
    except DBAPIError as error:
        reason = f"{error.orig} {advice_on(error)}"
    else:
        return True
    log.error("database_not_ready %s", " ".join(reason.split()))
    return False


LOOKS = {"redis": _redis_is_ready, "the database": _database_is_ready}
