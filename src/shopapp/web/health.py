"""Alive, ready, and counted: for load balancers and monitoring."""

from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config
from sqlalchemy import text

from shopapp.redis import client_of, unavailable_on_error


@view_config(route_name="healthz", request_method="GET", renderer="json")
def healthz(_request: Request) -> dict[str, str]:
    """The process answers. It asks nothing else, so an outage of Redis restarts no app."""
    return {"status": "ok"}


@view_config(route_name="readyz", request_method="GET", renderer="json")
def readyz(request: Request) -> dict[str, Any]:
    """Redis and the database answer. Raises StoreUnavailable (503) or whatever the database says (500)."""
    client = client_of(request)
    with unavailable_on_error(client):
        client.ping()
    request.dbsession.execute(text("SELECT 1"))
    return {"status": "ready"}


@view_config(route_name="metrics", request_method="GET")
def metrics(_request: Request) -> Response:
    """Counters of this process, for Prometheus. Keep it from the public: see docs/deployment.md."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
