"""The ini and the environment become one frozen object, or one error that lists every mistake. Connects to nothing.

A message never holds a secret or a URL's credentials.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

from shopapp.settings.keys import SessionSettings, Settings, ShopSettings
from shopapp.settings.kinds import BadValueError
from shopapp.settings.rules import MAKE_A_SECRET, broken_rules, weak_secrets

__all__ = ["SessionSettings", "Settings", "SettingsError", "ShopSettings", "load_session_settings", "load_settings"]

# Documented by pyramid_session_redis, which refuses them in an ini as well.
PYTHON_ONLY = {
    "cookie_expires": "remove it; redis.sessions.cookie_max_age says how long the cookie lives",
    "redis_connection_pool": "remove it; redis.sessions.redis_url and redis_client_callable say how to connect",
}


class SettingsError(Exception):
    """The settings are wrong: `complaints` has one line for each mistake, and so has `str()`."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = complaints


def load_settings(raw: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> Settings:
    """Read `shop.*` and `redis.sessions.*`. Raises SettingsError with every mistake in either."""
    shop = _read(ShopSettings, "shop.", raw, environ)
    sessions = _read(SessionSettings, "redis.sessions.", raw, environ)
    production = shop.values.get("production", False)
    _raise_complaints([*shop.complaints, *sessions.complaints, *_relations(sessions, production=production)])
    return Settings(sessions=_completed(sessions), shop=ShopSettings(**shop.values))


def load_session_settings(raw: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> SessionSettings:
    """Read `redis.sessions.*` alone, for any other Pyramid app. Raises SettingsError with every mistake in it."""
    sessions = _read(SessionSettings, "redis.sessions.", raw, environ)
    _raise_complaints([*sessions.complaints, *_relations(sessions, production=False)])
    return _completed(sessions)


def _raise_complaints(complaints: list[str]) -> None:
    if complaints:
        raise SettingsError(complaints)


@dataclass
class _Reading:
    """What was written down for one class of settings: the good values, the names of the bad ones, the complaints."""

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)


def _read(cls: type, prefix: str, raw: Mapping[str, str], environ: Mapping[str, str]) -> _Reading:
    known = {prefix + (f.metadata["key"] or f.name): f for f in fields(cls)}
    reading = _Reading(complaints=list(_unknown_keys(known, prefix, raw)))
    for key, f in known.items():
        variable = f.metadata["env"]
        if environ.get(variable, "").strip():
            source, text = f"{variable} (environment)", environ[variable]
        elif key in raw:
            source, text = key, str(raw[key])
        else:
            source, text = key, None
        reading.sources[f.name] = source
        if text is not None:
            _convert(reading, f, text.strip())
    return reading


def _convert(reading: _Reading, f: Field, text: str) -> None:
    kind, source = f.metadata["kind"], reading.sources[f.name]
    try:
        reading.values[f.name] = kind.convert(text)
    except BadValueError as error:
        # An @ may follow somebody's credentials, whatever the key. repr() keeps line breaks out of the list.
        shown = "" if kind.private or "@" in text else f" = {text[:80]!r}"
        reading.failed.add(f.name)
        reading.complaints.append(f"{source}{shown} {error}; {error.remedy}")


def _unknown_keys(known: Mapping[str, Field], prefix: str, raw: Mapping[str, str]) -> Iterator[str]:
    for key in sorted(key for key in raw if key.startswith(prefix) and key not in known):
        near = get_close_matches(key, known, n=1, cutoff=0.8)
        if key.removeprefix(prefix) in PYTHON_ONLY:
            yield f"{key} takes a Python object, which no ini can hold; {PYTHON_ONLY[key.removeprefix(prefix)]}"
        elif near:
            yield f"{key} is not a known setting; did you mean {near[0]}?"
        else:
            yield f"{key} is not a known setting; remove it, or look in docs/settings.md for its name"


def _relations(reading: _Reading, *, production: bool) -> Iterator[str]:
    """What is wrong between settings, each of which is right by itself."""
    for rule in broken_rules(_completed(reading), reading.values.keys(), reading.failed, production=production):
        yield f"{reading.sources[rule.reads[0]]} {rule.problem}; {rule.remedy}"
    if production:
        for problem in weak_secrets(reading.values.get("secrets", ())):
            yield f"{reading.sources['secrets']} {problem}; {MAKE_A_SECRET}"


def _completed(reading: _Reading) -> SessionSettings:
    """Add the two defaults that depend on other keys."""
    values = reading.values
    settings = SessionSettings(**values)
    if "timeout_trigger" not in values and "timeout_trigger" not in reading.failed:
        settings = replace(settings, timeout_trigger=_default_trigger(settings))
    separate = {"redis_host", "redis_port", "redis_db", "redis_password", "redis_unix_socket_path"}
    if "redis_url" not in values and separate & values.keys():
        settings = replace(settings, redis_url=_composed_url(settings))
    return settings


def _default_trigger(settings: SessionSettings) -> int | None:
    if settings.timeout is None or settings.set_redis_ttl_readheavy:
        return None
    return min(settings.timeout_trigger, settings.timeout // 4) or None


def _composed_url(settings: SessionSettings) -> str:
    credentials = f":{quote(settings.redis_password, safe='')}@" if settings.redis_password else ""
    if settings.redis_unix_socket_path:
        return f"unix://{credentials}{quote(settings.redis_unix_socket_path)}?db={settings.redis_db}"
    host = f"[{settings.redis_host}]" if ":" in settings.redis_host else settings.redis_host
    return f"redis://{credentials}{host}:{settings.redis_port}/{settings.redis_db}"
