"""Builds the session factory from pyramid_session_redis, and works round its known faults in this one place.

- It stores a session under its id and with an unconditional SETEX: its Redis client is our :class:`SessionStore`.
- A new session takes it four round trips (WATCH, GET, MULTI, SETEX) and a second write for the data: our new-id
  function only makes the id, and the store creates the session with its data by one SET NX.
- It saves in a finished callback, after the response has left and outside the error views: ``saving.py`` saves before,
  and the keeper closes the session so that the callback finds nothing to do.
- Its cookie deletion has no Secure attribute, so browsers ignore it for a ``__Host-`` name: it is set again here.
- It never executes the pipeline of ``set_redis_ttl_readheavy``: it is not told of that key; the store reads by script.
- It reads cookies through WebOb's parser: ``cookies.py`` lists what is wrong with that, and puts the header right.
- ``timeout_trigger`` is documented as seconds since the last write, but its code takes it as seconds before the expiry:
  the keeper gives it the difference, for each session's own timeout, so that the documented meaning holds.
"""

from collections.abc import Callable
from secrets import token_urlsafe
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from pyramid_session_redis import RedisSessionFactory
from pyramid_session_redis.exceptions import InvalidSession, InvalidSession_PayloadTimeout
from pyramid_session_redis.session import RedisSession

from shopapp.redis import client_of
from shopapp.sessions.cookies import attributes, delete_cookie, put_cookies_right
from shopapp.sessions.keeper import SessionKeeper
from shopapp.sessions.payload import Payloads, decode_json, encode_json
from shopapp.sessions.record import Sealer, SessionId
from shopapp.sessions.settings import SessionSettings
from shopapp.sessions.signing import CookieSigner
from shopapp.sessions.store import Policy, SessionStore

OVER = ("dead", "idle", "absolute", "reused")
"""How a lookup ends where the cookie names a session that will never come back."""

RANDOM_BYTES = 32
"""Of each half of an id: 256 bits, twice what OWASP ASVS 5.0 7.2.3 asks for."""


def make_session_factory(config: Configurator, settings: SessionSettings) -> Callable[[Request], RedisSession]:
    """Return the session factory for ``config.set_session_factory``."""
    parts = _Parts(config, settings)
    load = _library_factory(settings, parts)
    policy = Policy(
        prefix=settings.prefix,
        payloads=parts.payloads,
        rotation_grace=settings.rotation_grace,
        rotation_late=settings.rotation_late,
        end_on_reuse=settings.end_on_reuse,
        ttl=settings.set_redis_ttl,
        push_out_on_read=settings.set_redis_ttl_readheavy,
    )

    def factory(request: Request) -> RedisSession:
        fault = put_cookies_right(request, settings.cookie_name)
        request.session_store = store = SessionStore(client_of(request), parts.sealer, policy)
        session = load(request, new_session_id_func=lambda generator, **_options: generator())
        keeper = SessionKeeper(request, session, store, settings, parts.sealer, parts.generator, parts.cookie_check)
        request.session_keeper = keeper
        presented = request.cookies.get(settings.cookie_name)
        if fault or (presented and store.found is None):
            keeper.note_refused_cookie(fault or "signature")
        if store.found == "live" and parts.signer.dumps(session.session_id).decode() != presented:
            keeper.sign_cookie_anew()
        request.add_response_callback(lambda request, response: _mend_cookie(request, response, settings))
        return session

    return factory


class _Parts:
    """What the settings name by dotted paths, and what takes its place where they do not."""

    def __init__(self, config: Configurator, settings: SessionSettings) -> None:
        def named(path: str | None, default: Any) -> Any:
            return config.maybe_dotted(path) if path else default

        self.sealer = Sealer(settings.secrets)
        self.signer = named(settings.cookie_signer, None) or CookieSigner(settings.secrets)
        self.generator = named(settings.id_generator, _random_half)
        self.cookie_check = named(settings.func_check_response_allow_cookies, None)
        self.invalid_logger = named(settings.func_invalid_logger, None)
        self.payloads = Payloads(
            serialize=named(settings.serialize, encode_json),
            deserialize=named(settings.deserialize, decode_json),
            max_size=settings.max_size,
        )


def _library_factory(settings: SessionSettings, parts: _Parts) -> Callable[..., RedisSession]:
    """Return the factory of pyramid_session_redis, with our parts in its extension points."""
    return RedisSessionFactory(
        cookie_signer=parts.signer,
        redis_client_callable=lambda request, **_options: request.session_store,
        serialize=parts.payloads.serialize,
        deserialize=parts.payloads.deserialize,
        id_generator=lambda: str(SessionId.new(parts.generator)),
        timeout=settings.timeout,
        timeout_trigger=settings.timeout_trigger,
        python_expires=settings.python_expires,
        set_redis_ttl=settings.set_redis_ttl,
        detect_changes=settings.detect_changes,
        deserialized_fails_new=settings.deserialized_fails_new,
        invalidate_empty_session=False,  # the keeper does it, before the response leaves
        func_check_response_allow_cookies=parts.cookie_check,
        func_invalid_logger=_invalid_logger(parts.invalid_logger),
        cookie_name=settings.cookie_name,
        cookie_max_age=settings.timeout if settings.cookie_max_age == "timeout" else settings.cookie_max_age,
        cookie_comment=settings.cookie_comment,
        cookie_on_exception=settings.cookie_on_exception,
        **{f"cookie_{name}": value for name, value in attributes(settings).items()},
    )


def _invalid_logger(given: Callable[[Request, InvalidSession], None] | None) -> Callable:
    """End a session whose idle clock has run out but that Redis still holds, then call the operator's own function."""

    def log_invalid(request: Request, error: InvalidSession) -> None:
        if isinstance(error, InvalidSession_PayloadTimeout):
            request.session_store.end_idle()
        if given:
            # The library's message holds the session id, which is nobody's business, and least of all a log's.
            error.args = (f"{type(error).__name__}: {request.session_store.handle or 'no session'}",)
            given(request, error)

    return log_invalid


def _mend_cookie(request: Request, response: Response, settings: SessionSettings) -> None:
    """Delete the cookie in a way that browsers obey: after a logout, or where it names a session that is over.

    A cookie that only is no longer valid is left alone: a newer one may be on its way to this browser, or there
    already, and must not be wiped. So is that of a logout which found its session gone.
    """
    store, name = request.session_store, settings.cookie_name
    ours = [value for value in response.headers.getall("Set-Cookie") if value.startswith(f"{name}=")]
    was_deleted = any(value.startswith(f"{name}=;") for value in ours)
    if was_deleted:
        response.unset_cookie(name)
    is_over = store.has_ended if was_deleted else not ours and store.found in OVER
    if is_over and request.session_keeper.may_carry_cookie(response):
        delete_cookie(response, settings)


def _random_half() -> str:
    return token_urlsafe(RANDOM_BYTES)
