"""The URL of a Redis, whole or taken apart. No message repeats more of it than the scheme: the rest may be private."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from redis.connection import parse_url

from shopapp.settings.kinds import BadValueError, Kind

REDIS_PORT, SENTINEL_PORT = 6379, 26379

SCHEMES = ("redis", "rediss", "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel", "unix")

SSL_OPTIONS = {
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_password",
    "ssl_cert_reqs",
    "ssl_check_hostname",
    "ssl_min_version",
    "ssl_ciphers",
}
NOT_FOR_A_CLUSTER = {"ssl_min_version", "ssl_ciphers"}
"""redis-py's client of a cluster drops them without a word."""
SSL_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
SENTINEL_OPTIONS = {"sentinel_username": "username", "sentinel_password": "password"}


def scheme_note(url: str) -> str:
    """Name the scheme and nothing else: every other part of a URL may hold a password."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", url)
    return f"has the scheme {match[1]!r}" if match else "has no scheme"


@dataclass(frozen=True)
class RedisUrl:
    """What a URL says: ``seeds`` are the nodes, or the Sentinels, that it names, and tell of the others.

    ``options`` are keywords of a redis-py connection, without host and port; ``credentials`` are those for the
    Sentinels, and ``service`` is what they call the primary.
    """

    kind: str
    seeds: tuple[tuple[str, int], ...]
    options: dict[str, Any] = field(repr=False)
    service: str = ""
    credentials: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_encrypted(self) -> bool:
        """Whether it is TLS."""
        return bool(self.options.get("ssl"))

    @property
    def is_unchecked(self) -> bool:
        """Whether it is TLS with anybody: one option or another says not to look at the certificate, or at its name."""
        said = (self.options.get("ssl_cert_reqs", "required"), self.options.get("ssl_check_hostname", True))
        return self.is_encrypted and said != ("required", True)


def parse_redis_url(url: str) -> RedisUrl:
    """Take a URL apart; of an embedded server there is nothing. Raises ValueError, whose message may quote the URL."""
    if url.startswith("embedded:"):
        return RedisUrl("embedded", (), {})
    scheme, _, rest = url.partition("://")
    plain, _, kind = scheme.partition("+")
    if plain == "unix":
        options = parse_url(url)
        options.pop("connection_class")
        return RedisUrl("single", (), options)
    parts = urlsplit(f"{plain}://{rest}")
    credentials, at, hosts = parts.netloc.rpartition("@")
    port = SENTINEL_PORT if kind == "sentinel" else REDIS_PORT
    named = [urlsplit(f"//{host}") for host in hosts.split(",")]
    seeds = tuple((unquote(seed.hostname or ""), seed.port or port) for seed in named)
    first, path = hosts.split(",")[0], parts.path
    service = ""
    if kind == "sentinel":
        service, _, path = path.removeprefix("/").partition("/")
    options = parse_url(f"{plain}://{credentials}{at}{first}/{path.strip('/')}?{parts.query}")
    for option in ("host", "port", "connection_class"):
        options.pop(option, None)
    if plain == "rediss":
        options["ssl"] = True
    for_sentinel = {name: options.pop(option) for option, name in SENTINEL_OPTIONS.items() if option in options}
    if kind == "cluster":  # it has no databases
        options.pop("db", None)
    return RedisUrl(kind or "single", seeds, options, unquote(service), for_sentinel)


def _redis_url(url: str) -> str:
    remedy = (
        "write redis://host:6379/0, rediss://…, redis+cluster://host,host, redis+sentinel://host,host/name/0,"
        " unix:///path/to/socket or embedded:directory"
    )
    if url.startswith("embedded:"):
        if not url.removeprefix("embedded:").strip():
            raise BadValueError("names no directory", "write embedded: and the directory that keeps the data")
        return url
    if url.partition("://")[0] not in SCHEMES or "://" not in url:
        raise BadValueError(scheme_note(url), remedy)
    try:
        parsed = parse_redis_url(url)
        parts = urlsplit(url)
    except ValueError:
        raise BadValueError("cannot be read (port, database or an option is malformed)", remedy) from None
    _judge_options(set(parse_qs(parts.query, keep_blank_values=True)), parsed, remedy)
    if not (parsed.options.get("path") or (parsed.seeds and all(host for host, _ in parsed.seeds))):
        raise BadValueError("names no host or socket", remedy)
    if len(parsed.seeds) > 1 and parsed.kind == "single":
        raise BadValueError("names several hosts, which only a cluster or Sentinels have", remedy)
    if parsed.kind == "sentinel" and not re.fullmatch(r"[A-Za-z0-9._-]+", parsed.service):
        raise BadValueError("does not say what the Sentinels call the primary", "write its name, as in …/mymaster/0")
    path = parts.path.strip("/")
    database = path.partition("/")[2] if parsed.kind == "sentinel" else path
    if not url.startswith("unix://") and not re.fullmatch("[0-9]{0,5}", database):
        raise BadValueError("has a database that is not a number", remedy)
    if parsed.kind == "cluster" and int(database or 0):
        raise BadValueError("has a database, and a cluster has none but 0", "take the number off its end")
    return url


def _judge_options(options: set[str], parsed: RedisUrl, remedy: str) -> None:
    """Refuse what would override the settings, or change what redis-py gives back, or be ignored."""
    allowed = {"db", *SSL_OPTIONS}
    if parsed.kind == "sentinel":
        allowed |= SENTINEL_OPTIONS.keys()
    if parsed.kind == "cluster":
        allowed -= NOT_FOR_A_CLUSTER
    if options - allowed:
        raise BadValueError("has an option that is neither db nor ssl_… as docs/settings.md has it", remedy)
    if options & SSL_OPTIONS and not parsed.is_encrypted:
        raise BadValueError("has options of TLS and is without TLS", "write rediss in place of redis")
    missing = [name for name in SSL_FILES if not Path(parsed.options.get(name, "/")).exists()]
    if missing:
        raise BadValueError(
            f"names in {missing[0]} what is not there", "write the path of a file that the shop can read"
        )


redis_url = Kind("URL", _redis_url, private=True)
