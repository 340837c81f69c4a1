"""The URL of a Redis. No message repeats more of a URL than its scheme: the rest may be a password."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from redis.connection import parse_url

from shopapp.settings.kinds import BadValueError, Kind


def scheme_note(url: str) -> str:
    """Name the scheme and nothing else: every other part of a URL may hold a password."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", url)
    return f"has the scheme {match[1]!r}" if match else "has no scheme"


def parse_redis_url(url: str) -> dict[str, Any]:
    """Take the URL of a server or a cluster apart, into keywords of a redis-py connection. Raises ValueError."""
    parsed: dict[str, Any] = parse_url(url.replace("+cluster", "", 1))  # type: ignore[no-untyped-call]
    return parsed


def _redis_url(url: str) -> str:
    remedy = "write redis://host:6379/0, rediss://…, redis+cluster://…, unix:///path/to/socket or embedded:directory"
    if url.startswith("embedded:"):
        if not url.removeprefix("embedded:").strip():
            raise BadValueError("names no directory", "write embedded: and the directory that keeps the data")
        return url
    if not url.startswith(("redis://", "rediss://", "redis+cluster://", "rediss+cluster://", "unix://")):
        raise BadValueError(scheme_note(url), remedy)
    try:
        parsed = parse_redis_url(url)
        path = urlsplit(url).path.strip("/")
    except ValueError:  # its message may quote the URL
        raise BadValueError("cannot be read (port, database or an option is malformed)", remedy) from None
    # Others would override what the settings say, or change what redis-py gives back.
    odd = [option for option in parse_qs(urlsplit(url).query) if option != "db" and not option.startswith("ssl_")]
    if odd:
        raise BadValueError("has an option that is neither db nor ssl_…", remedy)
    if not (parsed.get("host") or parsed.get("path")):
        raise BadValueError("names no host or socket", remedy)
    if not url.startswith("unix://") and not re.fullmatch("[0-9]{0,5}", path):
        raise BadValueError("has a database that is not a number", remedy)
    return url


redis_url = Kind("URL", _redis_url, private=True)
