"""Refuses forms that another site sends in a visitor's name, by what the browser says of where they come from.

Sec-Fetch-Site first, then Origin, as OWASP's cheat sheet on cross-site request forgery accepts in place of tokens. A
request with neither header is not from a browser of the last years; the cookie's SameSite=Lax still guards it.
"""

from collections.abc import Callable

from pyramid.httpexceptions import HTTPForbidden
from pyramid.registry import Registry
from pyramid.request import Request
from pyramid.response import Response

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class CrossSiteRequestError(HTTPForbidden):
    """An unsafe request that another site made."""


def cross_site_check_factory(handler: Callable[[Request], Response], registry: Registry) -> Callable:
    """Check before any view runs and before any session is read. Raises CrossSiteRequestError."""
    trusted = registry["shopapp.settings"].shop.trusted_origins

    def cross_site_check(request: Request) -> Response:
        if request.method not in SAFE_METHODS and not _is_own(request) and request.headers.get("Origin") not in trusted:
            raise CrossSiteRequestError("This form was sent from another site, so nothing was done.")
        return handler(request)

    return cross_site_check


def _is_own(request: Request) -> bool:
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        return site in ("same-origin", "none")
    return origin is None or origin == request.host_url
