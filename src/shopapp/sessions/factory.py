"""Builds the session factory: what is made once for the app, and how a request comes by its session.

pyramid_session_redis gives ``request.session`` its class and the settings their meaning. Its own factory is not used,
because of faults that its extension points cannot mend:

- It stores a session under its id and with an unconditional SETEX, which revives what has ended; ours is a
  compare-and-set of a sealed record under a hash (``store.py``).
- A new session takes it four round trips (WATCH, GET, MULTI, SETEX) and a second write for the data; ours one SET NX.
- It saves in a finished callback, outside of the error views; ours in a tween (``saving.py``), and there what is late.
- Its cookie deletion has no Secure attribute, so browsers ignore it for a ``__Host-`` name (``cookies.py``).
- It reads cookies through WebOb's parser; ``cookies.py`` lists what is wrong with that.
- It never executes the pipeline of ``set_redis_ttl_readheavy``; ours reads by a script.
- ``timeout_trigger`` is documented as seconds since the last write, but its code takes it as seconds before the expiry;
  ours does as documented (``policy.py``).
"""

from collections.abc import Callable
from secrets import token_urlsafe
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid_session_redis.exceptions import (
    InvalidSession,
    InvalidSession_DeserializationError,
    InvalidSession_NoSessionCookie,
    InvalidSession_NotInBackend,
    InvalidSession_PayloadTimeout,
    RawDeserializationError,
)

from shopapp.redis import Client, client_of
from shopapp.sessions.along import along_with
from shopapp.sessions.clock import now
from shopapp.sessions.cookies import SessionCookie
from shopapp.sessions.data import Codec, check_plain, decode_json, encode_json
from shopapp.sessions.ids import IdIssuer
from shopapp.sessions.lookup import Lookup, Outcome
from shopapp.sessions.policy import Policy
from shopapp.sessions.record import Sealer
from shopapp.sessions.session import Session
from shopapp.sessions.settings import SessionSettings
from shopapp.sessions.signing import CookieSigner, ForeignSigner
from shopapp.sessions.store import SessionStore
from shopapp.sessions.validity import still_valid
from shopapp.sessions.writing import STORED_ID

RANDOM_BYTES = 32
"""Of a series and of a salt: 256 bits, twice what OWASP ASVS 5.0 7.2.3 asks for."""

EXCEPTIONS: dict[Outcome, type[InvalidSession]] = {
    "none": InvalidSession_NoSessionCookie,
    "signature": InvalidSession_NoSessionCookie,
    "doubled": InvalidSession_NoSessionCookie,
    "idle": InvalidSession_PayloadTimeout,
    "rubbish": InvalidSession_DeserializationError,
}
"""How the library calls the end of a lookup; NotInBackend where it has no word for it."""


class Parts:
    """What all sessions of an app share, made once: from the settings and what they name by dotted paths."""

    def __init__(self, config: Configurator, settings: SessionSettings) -> None:
        def named(path: str | None, default: Any) -> Any:
            return config.maybe_dotted(path) if path else default

        self.policy = Policy.of(settings)
        self.sealer, self.ids = Sealer(settings.secrets), IdIssuer(settings.secrets)
        own_signer = named(settings.cookie_signer, None)
        signer = ForeignSigner(own_signer) if own_signer else CookieSigner(settings.secrets)
        self.cookie = SessionCookie(settings, signer, named(settings.func_check_response_allow_cookies, None))
        self.generator: Callable[[], str] = named(settings.id_generator, _random_text)
        self.codec = Codec(
            serialize=named(settings.serialize, encode_json),
            deserialize=named(settings.deserialize, decode_json),
            check=check_plain if settings.serialize is None else _admit_anything,
            max_size=settings.max_size,
        )
        self.invalid_logger: Callable[[Request, InvalidSession], None] | None = named(
            settings.func_invalid_logger, None
        )
        self._client: Client | None = None
        self._store: SessionStore | None = None

    def store_of(self, request: Request) -> SessionStore:
        """Return the store on the request's client: one and the same, unless the app gives requests clients of their
        own.
        """
        client, store = client_of(request), self._store
        if store is None or client is not self._client:
            store = SessionStore(client, self.sealer, self.ids, self.policy, self.codec)
            self._client, self._store = client, store
        return store


def make_session_factory(config: Configurator, settings: SessionSettings) -> Callable[[Request], Session]:
    """Return the session factory for ``config.set_session_factory``."""
    parts = Parts(config, settings)

    def factory(request: Request) -> Session:
        lookup, data, is_signed_anew = _look_up(request, parts)
        if lookup.outcome == "live" and not still_valid(request, lookup):
            lookup, data = parts.store_of(request).revoke(lookup), {}
        if parts.invalid_logger and lookup.outcome != "live":
            error = EXCEPTIONS.get(lookup.outcome, InvalidSession_NotInBackend)
            # Never with the id in it, as the library's message: that is nobody's business, and least of all a log's.
            parts.invalid_logger(request, error(f"{error.__name__}: {lookup.handle or 'no session'}"))
        session = Session(request, parts, lookup, data)
        if not is_signed_anew:
            session.please_recookie()
        request.add_response_callback(session.on_response)
        request.add_finished_callback(session.on_finished)
        return session

    return factory


def _look_up(request: Request, parts: Parts) -> tuple[Lookup, dict[str, Any], bool]:
    """Return how the search for the request's session ended, its data, and whether the cookie's signature is new."""
    session_id, word = request.environ.get(STORED_ID), "stored"
    if session_id is None:
        session_id, word = parts.cookie.read(request)
    if session_id is None:
        outcomes: dict[str, Outcome] = {"none": "none", "doubled": "doubled", "signature": "signature"}
        return Lookup(outcomes[word]), {}, True
    along = along_with(request, session_id.handle)
    lookup = parts.store_of(request).find(session_id, now(), along)
    if lookup.outcome != "live" or lookup.record is None:
        return lookup, {}, True
    try:
        return lookup, parts.codec.deserialize(lookup.record.payload), word == "current"
    except Exception as error:  # the app's own function may raise anything
        if parts.policy.raises_unreadable:
            raise RawDeserializationError(error) from error
        return Lookup("rubbish", session_id), {}, True


def _random_text() -> str:
    return token_urlsafe(RANDOM_BYTES)


def _admit_anything(_data: dict[str, Any]) -> None:
    """The app's own serialiser knows what it can write."""
