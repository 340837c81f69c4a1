"""The request of the shop: Pyramid's, but what depends on nothing but its words is worked out once."""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from pyramid.config import Configurator
from pyramid.interfaces import IRequestExtensions, IRequestFactory
from pyramid.registry import Registry
from pyramid.request import Request
from webob.acceptparse import create_accept_header

ADDRESSES = "shopapp.addresses"
"""Where in the registry the app's :class:`Addresses` are."""

Pairs = tuple[Any, ...]

PLAIN = (str, int)
"""Types of which two values that are equal look alike in an address, unlike 1 and True."""

MAX_PART = 100
"""Characters of a part of an address that is remembered: what somebody has sent may be in it."""

MAX_HEADER = 512
"""A longer Accept header is no browser's, and is not remembered."""


class Accept:
    """What the Accept header says of the formats on offer."""

    __slots__ = ("_header",)

    def __init__(self, header: str | None) -> None:
        self._header = header

    def acceptable_offers(self, offers: Sequence[str]) -> list[tuple[str, float]]:
        """Return the offers that are acceptable, each with its quality, the best first, as WebOb does."""
        understand = _understood if len(self._header or "") <= MAX_HEADER else _understood.__wrapped__
        return understand(self._header, tuple(offers))


@lru_cache(256)
def _understood(header: str | None, offers: tuple[str, ...]) -> list[tuple[str, float]]:
    return create_accept_header(header).acceptable_offers(offers)


class ShopRequest(Request):
    """A request whose addresses and accept header are looked up rather than made."""

    @property
    def accept(self) -> Accept:
        """The Accept header, for Pyramid's choice among the views of an address."""
        return Accept(self.environ.get("HTTP_ACCEPT"))

    def route_path(self, route_name: str, *elements: str, **kw: Any) -> str:
        """Return the path of a route, as Pyramid does; remembered where its parts are short texts or numbers."""
        query = kw.get("_query", {})
        parts = [(name, value) for name, value in kw.items() if name != "_query"]
        if not isinstance(query, dict) or not _is_short_and_plain([*parts, *query.items()]):
            return super().route_path(route_name, *elements, **kw)
        script_name, asked = self.environ.get("SCRIPT_NAME", ""), tuple(query.items())
        made: str = self.registry[ADDRESSES].route(script_name, route_name, elements, tuple(parts), asked)
        return made

    def static_path(self, path: str, **kw: Any) -> str:
        """Return the path of a static file, named as ``package:path``."""
        if kw:
            return super().static_path(path, **kw)
        made: str = self.registry[ADDRESSES].static(self.environ.get("SCRIPT_NAME", ""), path)
        return made


def _is_short_and_plain(parts: list[tuple[str, Any]]) -> bool:
    return all(type(value) in PLAIN and len(str(value)) <= MAX_PART for _, value in parts)


class Addresses:
    """The addresses on this site, each made once: Pyramid joins and quotes one anew each time it is asked for."""

    def __init__(self, registry: Registry) -> None:
        self.route = lru_cache(20_000)(partial(_route_path, registry))
        self.static = lru_cache(5_000)(partial(_static_path, registry))


def _route_path(registry: Registry, script_name: str, name: str, elements: Pairs, parts: Pairs, query: Pairs) -> str:
    return _blank(registry, script_name).route_path(name, *elements, **dict(parts), _query=query)


def _static_path(registry: Registry, script_name: str, path: str) -> str:
    return _blank(registry, script_name).static_path(path)


def _blank(registry: Registry, script_name: str) -> Request:
    request = Request({"SCRIPT_NAME": script_name})
    request.registry = registry
    return request


def make_request_class(config: Configurator) -> None:
    """Put what the parts of the app add to its requests (``dbsession``, ``tm``) into one class, made here.

    Pyramid would make a new class for each request to put it in, which takes a tenth of the time of a page from memory.
    """
    added = config.registry.getUtility(IRequestExtensions).descriptors
    config.registry.registerUtility(type("ShopRequest", (ShopRequest,), dict(added)), IRequestFactory)
    added.clear()
