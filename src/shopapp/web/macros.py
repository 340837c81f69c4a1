"""The macros that all templates have, and that are remembered."""

from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import Any

from cachetools import LRUCache, cached
from jinja2 import Environment
from pyramid.config import Configurator
from pyramid.registry import Registry
from pyramid.request import Request
from pyramid_jinja2 import IJinja2Environment

DRAWINGS = {"shopapp:web/templates/icons.jinja2": ("icon", "mark", "landscape")}
PARTS = {
    "shopapp:web/templates/frame.jinja2": ("wordmark", "search_form", "categories_nav", "tools", "site_footer"),
    "shopapp:catalog/templates/card.jinja2": ("product_card",),
    "shopapp:cart/templates/line.jinja2": ("cart_line",),
}
"""Template: its macros that are the same for the same arguments, so that each is made once. Those of ``PARTS`` take a
request first, for its addresses and for nothing else.
"""

MAX_REMEMBERED = 2_000
"""Of one macro; the longest makes some 2 kB."""


def templates_of(registry: Registry) -> Environment:
    """Return the app's Jinja environment."""
    found: Environment = registry.getUtility(IJinja2Environment, name=".jinja2")
    return found


def remember_macros(config: Configurator) -> None:
    """Give all templates the shop's settings, the macros that are remembered, and that for messages, which is not."""
    templates = templates_of(config.registry)
    templates.globals["shop"] = config.registry["shopapp.settings"].shop

    def macro(source: str, name: str) -> Callable[..., Any]:
        # Looked up for each call, in what Jinja has parsed: while templates are being written, it parses them anew.
        return lambda *arguments: getattr(templates.get_template(source).module, name)(*arguments)

    drawn, made = (_as_it_is, _as_it_is) if templates.auto_reload else (lru_cache(None), remembered)
    for source, names in DRAWINGS.items():
        templates.globals |= {name: drawn(macro(source, name)) for name in names}
    for source, names in PARTS.items():
        templates.globals |= {name: made(macro(source, name)) for name in names}
    templates.globals["messages"] = macro("shopapp:web/templates/frame.jinja2", "messages")


def remembered(macro: Callable[..., Any]) -> Callable[..., Any]:
    """Return a macro that takes a request and is made once for the path under which the app is mounted."""
    return cached(LRUCache(MAX_REMEMBERED), key=_key, lock=Lock())(macro)


def _as_it_is(macro: Callable[..., Any]) -> Callable[..., Any]:
    return macro


def _key(request: Request, *arguments: Any) -> tuple[Any, ...]:
    return request.environ.get("SCRIPT_NAME"), *arguments
