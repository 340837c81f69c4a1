"""The names that pyramid_session_redis's tests use, made of ours. Runs inside of pytest in the folder of its tests.

``substitute`` puts them into the test modules. What they translate, because ours has no such thing:

- The library's defaults (no SameSite, a cookie until the browser is closed, empty sessions end) are given as settings.
- pickle becomes JSON, a ``timeout_trigger`` without a timeout is left out, and a ``cookie_signer`` gets a secret.
- A session that a test puts into Redis under a name of its own is put there under an id of ours; the test goes on
  calling it by that name.
- "New", which the tests set as private state so that the cookie is sent, is ``please_recookie()``.
- A cookie's deletion is compared without the attributes that ours has besides.
"""

import re
from dataclasses import replace
from functools import partial
from secrets import token_urlsafe
from types import ModuleType, SimpleNamespace
from typing import Any

from pyramid.config import Configurator
from pyramid.registry import Registry
from their_redis import URL, Backend, Signer, key_of, names

from shopapp.sessions.client import find_client
from shopapp.sessions.clock import now
from shopapp.sessions.data import decode_json, encode_json
from shopapp.sessions.factory import Parts, make_session_factory
from shopapp.sessions.header import Change
from shopapp.sessions.record import Sealer
from shopapp.sessions.settings import SessionSettings, load_session_settings
from shopapp.sessions.store import SessionStore

SECRET = "secret"  # the default of the tests' own helpers
DEFAULTS = {
    "timeout": 1200,
    "timeout_trigger": None,
    "cookie_max_age": None,
    "invalidate_empty_session": True,
    "deserialized_fails_new": False,
}
OBJECTS = (
    "cookie_signer",
    "func_check_response_allow_cookies",
    "func_invalid_logger",
    "id_generator",
    "redis_client_callable",
)
"""Settings that are a dotted name in an ini: what it names can be given as well."""


class OurConfigurator(Configurator):
    """Includes ours where the library is asked for."""

    def include(self, callable: Any, route_prefix: str | None = None) -> None:
        if callable != "pyramid_session_redis":
            super().include(callable, route_prefix)
            return
        self.registry.settings = keys_of(self.registry.settings)
        super().include("shopapp.sessions")


def keys_of(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of an app that moves over from the library: it has to give up pickle."""
    kept = {key: value for key, value in raw.items() if not str(value).startswith("pickle.")}
    return {**kept, "redis.sessions.redis_url": URL}


def settings_of(secret: str | None = None, **given: Any) -> SessionSettings:
    """Return the settings that the keywords of the library's factory mean."""
    values = {**DEFAULTS, **given}
    if not values["timeout"]:
        del values["timeout_trigger"]
    objects = {name: values.pop(name) for name in OBJECTS if name in values}
    texts = {f"redis.sessions.{name}": str(value) for name, value in values.items() if name != "cookie_samesite"}
    settings = load_session_settings({**texts, "redis.sessions.secret": SECRET, "redis.sessions.redis_url": URL})
    secrets = (secret or SECRET,)  # not by the text, which would take two words for two secrets
    return replace(settings, secrets=secrets, cookie_samesite=given.get("cookie_samesite"), **objects)


def factory_of(settings: SessionSettings) -> Any:
    """Return our factory, for the tests' requests: those have cookies and no header."""
    make = make_session_factory(Configurator(), settings)

    def factory(request: Any) -> Any:
        request.environ["HTTP_COOKIE"] = "; ".join(f"{name}={value}" for name, value in request.cookies.items())
        given = find_client(Configurator(), settings) if settings.redis_client_callable else None
        # The tests' requests share the registry of the process: each needs its own, with its own way to a client.
        client, request.registry = request.registry._pyramid_session_redis, Registry()
        request.registry._pyramid_session_redis = client
        request.registry["shopapp.redis"] = given or (lambda _request: client)
        session = make(request)
        session._deferred_callback = session.on_finished  # what the tests call it
        return session

    return factory


def redis_session_factory(secret: str | None = None, **options: Any) -> Any:
    """In place of ``RedisSessionFactory``."""
    if not (secret or options.get("cookie_signer")):
        load_session_settings({})
    return factory_of(settings_of(secret, **options))


def session_factory_from_settings(settings: dict[str, Any]) -> Any:
    """In place of the library's function of this name."""
    return factory_of(load_session_settings(keys_of(settings)))


def create_unique_session_id(client: Backend, timeout: int | None = None, **_options: Any) -> str:
    """Store an empty session of ours, as the library's function of this name does."""
    return plant(client, {}, timeout=timeout)


def plant(client: Backend, data: dict[str, Any], **options: Any) -> str:
    """Store a session of ours; return its id."""
    parts = Parts(Configurator(), settings_of(SECRET, **options))
    store = SessionStore(client, parts.sealer, parts.ids, parts.policy, parts.codec)
    series, salt = token_urlsafe(), token_urlsafe()
    store.create(series, salt, parts.policy.visit(), Change(), encode_json(data), now())
    return str(parts.ids.issue(series, salt, 0))


def make_one(test: Any, request: Any, secret: str = SECRET, is_new_session: bool = True, **options: Any) -> Any:
    """In place of the tests' ``_makeOneForRequest``."""
    session = redis_session_factory(secret, **options)(request)
    if is_new_session:
        session.please_recookie()
    return session


def set_up(test: Any, request: Any, session_id: str, session_dict: dict[str, Any], **options: Any) -> None:
    """In place of the tests' ``_set_up_session_in_Redis_and_makeOneForRequest``."""
    names[session_id] = plant(request.registry._pyramid_session_redis, session_dict, **options)


def stored(test: Any, session: Any, **_options: Any) -> dict[str, Any]:
    """In place of the tests' ``_deserialize_session_stored``: what is in Redis, in the library's words."""
    key = key_of(session.session_id)
    record = Sealer([SECRET]).open(key, session.redis.get(key))
    assert record is not None
    header = record.header
    found = {"m": decode_json(record.payload), "c": header.created, "t": header.idle, "x": header.expires}
    return {name: value for name, value in found.items() if value or name in "mc"}


def is_deletion(check: Any, cookie: str, **options: Any) -> bool:
    """The tests' ``is_cookie_unsetter``, on the attributes that the library's deletion has."""
    return check(re.sub(r"; (secure|HttpOnly|SameSite=\w+)(?=;|$)", "", cookie, flags=re.IGNORECASE), **options)


def substitute(module: ModuleType) -> None:
    """Put ours into one of the library's test modules."""
    given = {
        "DummyRedis": Backend,
        "SignedSerializer": Signer,
        "RedisSessionFactory": redis_session_factory,
        "session_factory_from_settings": session_factory_from_settings,
        "create_unique_session_id": create_unique_session_id,
        "Configurator": OurConfigurator,
    }
    for name in given.keys() & vars(module).keys():
        setattr(module, name, given[name])
    if hasattr(module, "is_cookie_unsetter"):
        module.is_cookie_unsetter = partial(is_deletion, module.is_cookie_unsetter)
    if hasattr(module, "testing"):
        module.testing = SimpleNamespace(**{**vars(module.testing), "setUp": partial(_set_up, module.testing.setUp)})
    if hasattr(module, "_TestRedisSessionFactoryCore"):
        module._TestRedisSessionFactoryCore._makeOneForRequest = make_one
        helpers = module._TestRedisSessionFactoryCore_UtilsNew
        helpers._set_up_session_in_Redis_and_makeOneForRequest = set_up
        helpers._deserialize_session_stored = stored


def _set_up(original: Any, **options: Any) -> Configurator:
    config = original(**options)
    config.__class__ = OurConfigurator
    return config
