"""A name for every request: in its answer's header, in each of its lines in the log and on its error page, so that what
a person quotes leads to what happened. It is never part of a page that is remembered.
"""

import re
from secrets import token_hex
from typing import Any

from pyramid.config import Configurator
from pyramid.interfaces import IExecutionPolicy
from pyramid.request import Request
from pyramid.response import Response
from pyramid.router import Router, default_execution_policy

from shopapp.logs import REQUEST_ID

HEADER = "X-Request-ID"

REQUEST_ID_KEY = "shopapp.request_id"
"""Where in the WSGI environment it is. No client can write there."""

WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")
"""Nothing that a line of a log, a header or a page could take for anything else. nginx's are 32 hexadecimal digits."""

FROM_A_TRUSTED_HOP = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED")
"""One of them is there only if the server believes whom the request came from: waitress, and what stands in for it on
granian, take both away from everybody but ``trusted_proxy``."""


def request_id_of(request: Request) -> str:
    """Return the request's id; empty for one that came by no server, as a command line makes it."""
    found: str = request.environ.get(REQUEST_ID_KEY, "")
    return found


def name_requests(config: Configurator) -> None:
    """Have every request named. Around everything else, ``pyramid_retry`` and the callbacks after an answer included:
    a request that is run again keeps its name.
    """
    registry = config.registry
    run = registry.queryUtility(IExecutionPolicy) or default_execution_policy
    believes_proxy = registry["shopapp.settings"].shop.request_id_from_proxy

    def run_named(environ: dict[str, Any], router: Router) -> Response:
        environ[REQUEST_ID_KEY] = name = (believes_proxy and _given(environ)) or token_hex(16)
        token = REQUEST_ID.set(name)
        try:
            response = run(environ, router)
        finally:
            REQUEST_ID.reset(token)
        response.headerlist.append((HEADER, name))
        return response

    registry.registerUtility(run_named, IExecutionPolicy)


def _given(environ: dict[str, Any]) -> str | None:
    """Return the id that a trusted proxy has sent, None if there is none that is fit to be one."""
    given: str = environ.get("HTTP_X_REQUEST_ID", "")
    is_trusted = any(header in environ for header in FROM_A_TRUSTED_HOP)
    return given if is_trusted and WELL_FORMED.fullmatch(given) else None
