"""Every `redis.sessions.*` key: its default, its kind and its meaning are the line that declares it.

Connects to nothing. docs/settings.md lists the same keys; a test compares the two.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import quote

from shopapp.sessions.setting_rules import PRODUCTION_RULES, RULES, judge_secrets
from shopapp.settings import kinds, raise_complaints, read, setting, urls

DAY = 86_400

# Documented by pyramid_session_redis, which refuses them in an ini as well.
PYTHON_ONLY = {
    "cookie_expires": "remove it; redis.sessions.cookie_max_age says how long the cookie lives",
    "redis_connection_pool": "remove it; redis.sessions.redis_url and redis_client_callable say how to connect",
}

cookie_text = r"[^\x00-\x20\x7f;,]+"
plain_text = r"[^\x00-\x1f\x7f]+"


@dataclass(frozen=True, kw_only=True)
class SessionSettings:
    """Every `redis.sessions.*` key: those of pyramid_session_redis, with the defaults of this app."""

    secrets: tuple[str, ...] = setting(
        (), kinds.words, "Sign cookies and payloads: the first signs, all verify.", key="secret", env="SESSION_SECRET"
    )
    cookie_signer: str | None = setting(
        None, kinds.dotted("dumps", "loads"), "Object that signs the cookie; the secret still seals what is stored."
    )
    timeout: int | None = setting(
        10_800, kinds.integer(1, 400 * DAY, "seconds", optional=True), "Idle timeout; None: sessions never expire."
    )
    timeout_trigger: int | None = setting(
        300,
        kinds.integer(1, 400 * DAY, "seconds", optional=True),
        "The idle timeout is pushed out at most once per so many seconds; None: by every request. "
        "Left out: 300, or a quarter of a shorter timeout.",
    )
    python_expires: bool = setting(True, kinds.boolean, "Keep the time of expiry in the payload too.")
    set_redis_ttl: bool = setting(True, kinds.boolean, "Let Redis expire sessions by itself.")
    set_redis_ttl_readheavy: bool = setting(
        False,
        kinds.boolean,
        "Read and push out the timeout in one command; needs timeout_trigger and python_expires off.",
    )
    prefix: str = setting(
        "session:", kinds.text(plain_text, "write text such as session:"), "Begins every key in Redis."
    )
    id_generator: str | None = setting(None, kinds.dotted("__call__"), "Callable that makes a session id.")
    serialize: str | None = setting(None, kinds.dotted("__call__"), "Callable from dict to bytes; None: JSON.")
    deserialize: str | None = setting(None, kinds.dotted("__call__"), "Callable from bytes to dict; None: JSON.")
    detect_changes: bool = setting(True, kinds.boolean, "Notice changes inside of nested values.")
    deserialized_fails_new: bool = setting(True, kinds.boolean, "A payload that cannot be read is a fresh session.")
    invalidate_empty_session: bool = setting(
        False, kinds.boolean, "End a session that has become empty; a write that is on its way to it is then lost."
    )
    absolute_timeout: int | None = setting(
        43_200,
        kinds.integer(1, 400 * DAY, "seconds", optional=True),
        "Absolute lifetime, from the login or a visitor's first visit, however busy; None: no limit.",
    )
    anonymous_timeout: int | None = setting(
        None,
        kinds.integer(1, 400 * DAY, "seconds", optional=True),
        "Idle timeout of visitors who are not signed in; None: as timeout.",
    )
    kept_timeout: int | None = setting(
        30 * DAY,
        kinds.integer(1, 400 * DAY, "seconds", optional=True),
        "Idle timeout of people who asked to be kept signed in.",
    )
    kept_absolute_timeout: int | None = setting(
        30 * DAY,
        kinds.integer(1, 400 * DAY, "seconds", optional=True),
        "Absolute lifetime of the sessions of people who asked to be kept signed in; None: no limit.",
    )
    rotation_interval: int | None = setting(
        1_800,
        kinds.integer(1, 400 * DAY, "seconds", optional=True),
        "A session in use gets a new id every so many seconds; None: only at login and the like.",
    )
    rotation_grace: int = setting(
        30,
        kinds.integer(0, 600, "seconds"),
        "So long after the browser has shown its new id the old one still opens the session, for requests on their "
        "way; also covers clocks of app servers that differ.",
    )
    rotation_late: int = setting(
        600,
        kinds.integer(0, DAY, "seconds"),
        "So long after that the old id is merely refused; later it counts as stolen.",
    )
    conflict: Literal["later", "error"] = setting(
        "later",
        kinds.choice("later", "error"),
        "What becomes of two requests that changed the same value, where the request cannot be run again: "
        "the later one wins, or it is refused with 409 Conflict.",
    )
    end_on_reuse: bool = setting(True, kinds.boolean, "End the session when one of its retired ids turns up as stolen.")
    max_sessions: int | None = setting(
        None,
        kinds.integer(1, 1_000, optional=True),
        "Sessions one person may have at a time, the oldest ends; None: no limit.",
    )
    max_size: int = setting(16_384, kinds.integer(1_024, 1_048_576, "bytes"), "Largest payload of a session.")
    func_invalid_logger: str | None = setting(
        None, kinds.dotted("__call__"), "Callable(request, exception) told of every refused session."
    )
    func_check_response_allow_cookies: str | None = setting(
        None, kinds.dotted("__call__"), "Callable(response) that says whether it may carry the cookie."
    )
    cookie_name: str = setting(
        "session",
        kinds.text(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", "write letters, digits, - and _"),
        "Name of the session cookie; in production with the prefix __Host-.",
    )
    cookie_max_age: int | Literal["timeout"] | None = setting(
        "timeout",
        kinds.or_word("timeout", kinds.integer(1, 400 * DAY, "seconds", optional=True)),
        "Cookie lifetime; timeout: it slides with the timeout; None: until the browser is closed.",
    )
    cookie_path: str = setting(
        "/", kinds.text(r"/[^\x00-\x20\x7f;,]*", "write a path that begins with /"), "Path of the cookie."
    )
    cookie_domain: str | None = setting(
        None,
        kinds.text(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", "write a host name such as shop.example", optional=True),
        "Domain of the cookie; None: this host alone.",
    )
    cookie_secure: bool = setting(False, kinds.boolean, "Send the cookie over HTTPS alone; true in production.")
    cookie_httponly: bool = setting(True, kinds.boolean, "Keep the cookie from JavaScript.")
    cookie_samesite: str = setting(
        "lax", kinds.choice("lax", "strict", "none"), "Which requests from other sites carry the cookie."
    )
    cookie_comment: str | None = setting(
        None, kinds.text(cookie_text, "write one word", optional=True), "Comment attribute of the cookie."
    )
    cookie_on_exception: bool = setting(True, kinds.boolean, "Set the cookie on an error page too.")
    redis_url: str = setting(
        "redis://localhost:6379/0",
        urls.redis_url,
        "Where sessions and carts live: redis://, rediss:// (TLS), redis+cluster://, redis+sentinel://, unix:// or "
        "embedded:DIRECTORY. Left out: made of the keys below.",
        env="REDIS_URL",
    )
    allow_eviction: bool = setting(
        False,
        kinds.boolean,
        "Start in production, and be ready, also on a Redis that throws sessions away when its memory is full.",
    )
    redis_host: str = setting(
        "localhost",
        kinds.text(r"[^\s/@:]+|[0-9A-Fa-f:.]+", "write a host name or address"),
        "Host, if there is no redis_url.",
    )
    redis_port: int = setting(6379, kinds.integer(1, 65_535), "Port, if there is no redis_url.")
    redis_db: int = setting(0, kinds.integer(0, 99_999), "Number of the database, if there is no redis_url.")
    redis_password: str | None = setting(
        None,
        kinds.text(plain_text, "write the password", optional=True, private=True),
        "Password, if there is no redis_url.",
    )
    redis_unix_socket_path: str | None = setting(
        None,
        kinds.text("/" + plain_text, "write a path that begins with /", optional=True),
        "Socket used instead of host and port.",
    )
    redis_socket_timeout: float | None = setting(
        1.0, kinds.seconds(0.05, 60), "Wait for one answer of Redis no longer than this; None: for ever."
    )
    redis_budget: float | None = setting(
        4.0, kinds.seconds(0.05, 60), "A request waits for Redis no longer than this in all; None: for ever."
    )
    redis_waiting: int = setting(
        3,
        kinds.integer(1, 1_000, "requests"),
        "So many requests at a time may wait for a slow Redis; fewer than the server has threads.",
    )
    redis_min_replicas: int = setting(
        0,
        kinds.integer(0, 10),
        "A write is acknowledged when so many replicas have it as well, else it is a 503; 0: as soon as the primary "
        "has it.",
        key="redis.min_replicas",
    )
    redis_client_callable: str | None = setting(
        None, kinds.dotted("__call__"), "Callable(request, **options) that gives the Redis client."
    )
    redis_encoding: str = setting("utf-8", kinds.encoding, "Encoding of text sent to Redis.")
    redis_encoding_errors: str = setting("strict", kinds.encoding_errors, "What to do with text it cannot encode.")


def load_session_settings(raw: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> SessionSettings:
    """Read `redis.sessions.*` alone, for any Pyramid app. Raises SettingsError with every mistake in it."""
    settings, complaints = read_session_settings(raw, environ)
    raise_complaints(complaints)
    return settings


def read_session_settings(
    raw: Mapping[str, str], environ: Mapping[str, str], *, production: bool = False
) -> tuple[SessionSettings, list[str]]:
    """Read `redis.sessions.*`; return the settings, with the defaults for what is wrong, and every complaint."""
    reading = read(SessionSettings, "redis.sessions.", raw, environ, PYTHON_ONLY)
    settings = _completed(reading.values, reading.failed)
    reading.judge(settings, RULES)
    if production:
        reading.judge(settings, PRODUCTION_RULES)
        judge_secrets(reading)
    return settings, reading.complaints


def _completed(values: Mapping[str, Any], failed: set[str]) -> SessionSettings:
    """Add the two defaults that depend on other keys."""
    settings = SessionSettings(**values)
    if "timeout_trigger" not in values and "timeout_trigger" not in failed:
        settings = replace(settings, timeout_trigger=_default_trigger(settings))
    separate = {"redis_host", "redis_port", "redis_db", "redis_password", "redis_unix_socket_path"}
    if "redis_url" not in values and separate & values.keys():
        settings = replace(settings, redis_url=_composed_url(settings))
    return settings


def _default_trigger(settings: SessionSettings) -> int | None:
    if settings.timeout is None or settings.timeout_trigger is None or settings.set_redis_ttl_readheavy:
        return None
    return min(settings.timeout_trigger, settings.timeout // 4) or None


def _composed_url(settings: SessionSettings) -> str:
    credentials = f":{quote(settings.redis_password, safe='')}@" if settings.redis_password else ""
    if settings.redis_unix_socket_path:
        return f"unix://{credentials}{quote(settings.redis_unix_socket_path)}?db={settings.redis_db}"
    host = f"[{settings.redis_host}]" if ":" in settings.redis_host else settings.redis_host
    return f"redis://{credentials}{host}:{settings.redis_port}/{settings.redis_db}"
