"""The vocabulary: what happens in the shop, as plain classes in the past tense.

Announce with ``request.registry.notify(event)``. Pyramid calls subscribers synchronously and in no promised order, so
subscribers of one event must work in any order. There are two kinds: a subscriber that is part of the fact (rotate at
login) is registered with ``config.add_subscriber`` and may fail the request; one that only watches (audit, metrics,
flash) is registered with :func:`add_observer` and never fails a request in production.
No event carries a session id: a session is named by its handle, a hash.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pyramid.config import Configurator
from pyramid.request import Request

log = logging.getLogger(__name__)

RAISE_OBSERVER_ERRORS = "shopapp.raise_observer_errors"
"""Registry key: true in development and tests, where an observer's error should be seen at once."""

EndReason = Literal["logout", "revoked", "limit", "idle", "absolute", "reused", "empty", "invalid", "superseded"]
"""``limit``: a newer login took its place. ``reused``: a retired id came back, so somebody has a stolen cookie.
``revoked``: ended from elsewhere, or found to be no longer valid by the account's own record.
``empty``: nothing was left in it (``redis.sessions.invalidate_empty_session``). ``invalid``: the app called
``session.invalidate()``. ``superseded``: another person logged in in the same browser."""


@dataclass(frozen=True, slots=True)
class UserLoggedIn:
    """A person proved who they are. Fires before the session knows: subscribers rotate the id and store the person."""

    request: Request
    user_id: int | str
    email: str
    name: str
    keep: bool = False
    """They ticked "keep me signed in": the session gets the longer clocks."""
    form: str = ""
    """What names the sign-in form that was sent, if it has a name: sent again, it leads to the same session."""
    mark: str = ""
    """What the account's own record said when the proof was judged: see ``config.check_sessions_by``."""


@dataclass(frozen=True, slots=True)
class UserLoginFailed:
    """Credentials were wrong. Nothing has changed. ``email`` is what was typed, so treat it as hostile text."""

    request: Request
    email: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """Somebody was sent away, to come again later, before anything was hashed, sent or stored.

    ``action`` is what they wanted: "login", "password" (to prove one's own), "register", "forgotten", "email",
    "checkout" or "cart". ``reason`` is whose allowance is used up: "account", "person", "device", "mail", "address" or
    "network"; or "busy" where nobody's is, but as many passwords are being hashed as may be at a time. ``is_first``:
    nobody was sent away for that reason since the last try that was counted; the others are counted and not logged.
    """

    request: Request
    action: str
    reason: str
    is_first: bool = True


@dataclass(frozen=True, slots=True)
class UserLoggedOut:
    """A person asked to leave. Fires before the session is ended: its subscriber ends it."""

    request: Request
    user_id: int | str


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """A person changed their password, or has a new one by the link in a mail. Its subscribers rotate this session's id
    and end all others of the person."""

    request: Request
    user_id: int | str


@dataclass(frozen=True, slots=True)
class EmailChanged:
    """A person has another e-mail address. It is in the database, and not yet committed. Its subscribers end all other
    sessions of the person; this one, if it is theirs, gets a new id and goes on under the new address.
    """

    request: Request
    user_id: int | str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """A session was stored for the first time. Its cookie goes out with this response."""

    request: Request
    handle: str
    user_id: int | str | None


@dataclass(frozen=True, slots=True)
class SessionRotated:
    """A session has another valid id. The handle stays: it names the session, not the id.

    With the reason ``periodic`` the browser has shown the new id, and the old one is retired: it still opens the
    session for a few seconds. With any other reason the old id opens nothing any more, and the cookie goes out with
    this response.
    """

    request: Request
    handle: str
    reason: str
    user_id: int | str | None


@dataclass(frozen=True, slots=True)
class LoginRepeated:
    """The same sign-in came once more (an impatient click, an answer that was lost) and found the session that the
    first one made: it is stored, and its cookie goes out with this response too. No session was started or rotated.
    """

    request: Request
    handle: str
    user_id: int | str | None


@dataclass(frozen=True, slots=True)
class SessionExtended:
    """A session has been given more time, or less: unused it lives for ``seconds`` from now on, None is for ever. What
    is kept for it elsewhere should live as long.
    """

    request: Request
    handle: str
    seconds: int | None
    user_id: int | str | None


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A session was deleted from Redis, or found to be over, and will not come back."""

    request: Request
    handle: str
    reason: EndReason
    user_id: int | str | None


@dataclass(frozen=True, slots=True)
class SessionIndexLost:
    """The list of a person's sessions does not name one that it was told of: Redis has lost it, or some of it. The one
    is in it again by now; others may be missing until ``shopapp sessions reindex``.
    """

    request: Request
    user_id: int | str


@dataclass(frozen=True, slots=True)
class SessionWriteDropped:
    """A request wanted to save a session that was ended or rotated away meanwhile. Nothing was written."""

    request: Request
    handle: str
    user_id: int | str | None


@dataclass(frozen=True, slots=True)
class SessionWriteDeferred:
    """A page could be shown, but what it owed the session could not be written: messages that it shows, a clock, a
    rotation. The next request tries again. Nothing was written.
    """

    request: Request
    handle: str
    user_id: int | str | None


@dataclass(frozen=True, slots=True)
class SessionConflict:
    """Two requests changed the same value of a session differently, and the later one won. It is stored.

    ``places`` tells where: the keys, with dots between. Not told where ``pyramid_retry`` ran the later one again.
    """

    request: Request
    handle: str
    places: tuple[str, ...]
    user_id: int | str | None


@dataclass(frozen=True, slots=True)
class SessionMerged:
    """Two requests changed a session at the same time, in different places. What both have changed is stored."""

    request: Request
    handle: str
    user_id: int | str | None


@dataclass(frozen=True, slots=True)
class SessionRefused:
    """A request came with a session cookie that opens nothing; it goes on without a session.

    ``reason``: ``signature``, not signed by us; ``doubled``, two of that name; ``dead``, Redis has no such
    session (any more); ``late``, the session has had another id for a short while, so the browser may have it by now;
    ``refused``, it has for long; ``rubbish``, what Redis has is not what we stored. ``handle`` is empty for the first
    two.
    """

    request: Request
    handle: str
    reason: str


@dataclass(frozen=True, slots=True)
class CartItemAdded:
    """``quantity`` more of ``sku`` are in the cart now."""

    request: Request
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class CartItemRemoved:
    """``sku`` is no longer in the cart."""

    request: Request
    sku: str


@dataclass(frozen=True, slots=True)
class CartMerged:
    """A visitor's cart is now part of the cart of the person who logged in. ``lines`` is how many lines came along,
    ``cut`` of them with fewer units than both carts had together; ``left_out`` did not fit into a cart."""

    request: Request
    user_id: int | str
    lines: int
    cut: int
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """An order is committed, with its stock taken and its letter written down. Its cart may not be empty yet.

    ``total`` is in minor units of the shop's currency; ``user_id`` is None for a guest.
    """

    request: Request
    number: str
    total: int
    user_id: int | str | None


@dataclass(frozen=True, slots=True)
class CheckoutRefused:
    """A checkout was sent, and nothing was ordered, for a ``reason`` that the person was told. It is ``invalid`` for
    what was typed; ``short``, ``total_changed``, ``cart_empty`` or ``conflict``, as the answer's code; ``signed_out``
    where somebody was signed in when the page was made, and is not any more. An outage is none of them.
    """

    request: Request
    reason: str


def add_observer(config: Configurator, handler: Callable[[Any], None], event: type) -> None:
    """Register ``handler`` for ``event`` so that its failure is logged instead of failing the request.

    Where ``config.registry[RAISE_OBSERVER_ERRORS]`` is true the error is raised after all.
    """

    def observe(happened: Any) -> None:
        try:
            handler(happened)
        except Exception:
            if config.registry.get(RAISE_OBSERVER_ERRORS, False):
                raise
            log.exception("observer_failed event=%s handler=%s", event.__name__, _name_of(handler))

    config.add_subscriber(observe, event)


def _name_of(handler: Callable[[Any], None]) -> str:
    return getattr(handler, "__name__", type(handler).__name__)
