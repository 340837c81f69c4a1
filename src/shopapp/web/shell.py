"""What every page's frame shows: who is signed in, how full the cart is, messages, categories."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from pyramid.events import BeforeRender
from pyramid.request import Request

from shopapp.accounts.security import Identity
from shopapp.cart.contents import quantities
from shopapp.cart.offers import Offer, take_removed
from shopapp.catalog.memory import catalogue_of
from shopapp.catalog.snapshots import CategorySnapshot
from shopapp.http import path_for_log
from shopapp.redis import StoreUnavailable
from shopapp.web.macros import templates_of

log = logging.getLogger(__name__)

FLASH_QUEUES = ("success", "info", "error")


@dataclass(frozen=True, slots=True)
class Shell:
    """The frame around a page. ``tools`` and ``messages`` are the personal parts of it, as HTML."""

    tools: Markup
    messages: Markup
    categories: Sequence[CategorySnapshot] = ()


@dataclass(frozen=True, slots=True)
class Viewer:
    """What the frame says of whoever looks at it. ``degraded``: Redis is away, so nobody knows."""

    identity: Identity | None = None
    cart_count: int = 0
    flashes: tuple[tuple[str, str], ...] = ()
    removed: tuple[Offer, ...] = ()
    degraded: bool = False


NOBODY = Viewer()
"""A visitor who only looks."""


def viewer_of(request: Request, *, takes_flashes: bool = True) -> Viewer:
    """Return what the session and the cart say. Where Redis is away it is told, and the page goes on."""
    if "HTTP_COOKIE" not in request.environ and "session" not in request.__dict__:
        return NOBODY
    try:
        identity, cart_count = request.identity, sum(quantities(request).values())
        if not takes_flashes or request.method != "GET":  # what answers HEAD is not seen by anybody
            return Viewer(identity, cart_count)
        return Viewer(identity, cart_count, _take_flashes(request), take_removed(request))  # all of it must be shown
    except StoreUnavailable:
        log.warning("store_unavailable page=%s", path_for_log(request))
        return Viewer(degraded=True)


def personal_parts(request: Request, viewer: Viewer) -> tuple[Markup, Markup]:
    """Return the tools and the messages of the frame."""
    make: dict[str, Any] = templates_of(request.registry).globals
    tools: Markup = make["tools"](request, viewer.identity, viewer.cart_count, viewer.degraded)
    has_messages = viewer.flashes or viewer.removed or viewer.degraded
    return tools, make["messages"](viewer) if has_messages else Markup()


def on_before_render(event: BeforeRender) -> None:
    """Give every template its frame, unless its view or the memory of pages has chosen one."""
    if not str(event.get("renderer_name", "")).endswith(".jinja2") or "shell" in event.rendering_val:
        return
    request = event["request"]
    event["shell"] = request.__dict__.get("shell") or Shell(
        *personal_parts(request, viewer_of(request)), catalogue_of(request).categories()
    )


def _take_flashes(request: Request) -> tuple[tuple[str, str], ...]:
    return tuple((queue, text) for queue in FLASH_QUEUES for text in request.session.pop_flash(queue))
