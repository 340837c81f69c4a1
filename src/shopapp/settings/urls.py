"""The kinds of setting that are URLs. No message repeats more of one than its scheme: the rest may be a password."""

import re
from urllib.parse import parse_qs, urlsplit

from redis.connection import parse_url
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from shopapp.settings.kinds import BadValueError, Kind


def _scheme_note(url: str) -> str:
    """Name the scheme and nothing else: every other part of a URL may hold a password."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", url)
    return f"has the scheme {match[1]!r}" if match else "has no scheme"


def _redis_url(url: str) -> str:
    remedy = "write redis://host:6379/0, rediss://…, redis+cluster://…, unix:///path/to/socket or embedded:directory"
    if url.startswith("embedded:"):
        if not url.removeprefix("embedded:").strip():
            raise BadValueError("names no directory", "write embedded: and the directory that keeps the data")
        return url
    if not url.startswith(("redis://", "rediss://", "redis+cluster://", "rediss+cluster://", "unix://")):
        raise BadValueError(_scheme_note(url), remedy)
    try:
        parsed = parse_url(url.replace("+cluster", "", 1))
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


def _database_url(url: str) -> str:
    remedy = "write sqlite:///path/to/file or postgresql+psycopg://user:password@host/database"
    # Hosting platforms hand out the first two spellings; SQLAlchemy does not know the first one at all.
    url = re.sub(r"^(postgres|postgresql)://", "postgresql+psycopg://", url)
    if not url.startswith(("sqlite://", "postgresql+psycopg://")):
        raise BadValueError(_scheme_note(url), remedy)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # their messages may quote the URL
        raise BadValueError("cannot be read", remedy) from None
    if url.startswith("postgresql") and not parsed.database:
        raise BadValueError("names no database", remedy)
    return url


database_url = Kind("URL", _database_url, private=True)


def _origins(value: str) -> tuple[str, ...]:
    return tuple(_origin(word) for word in value.split())


def _origin(url: str) -> str:
    url = url.lower()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts = port = None
    if (
        parts is None
        or parts.scheme not in {"http", "https"}
        or not parts.hostname
        or "@" in parts.netloc
        or url != f"{parts.scheme}://{parts.netloc}"
    ):
        remedy = "write scheme and host, such as https://shop.example, with a space between several"
        raise BadValueError("holds what is not an origin", remedy)
    # A browser leaves the scheme's own port out of the Origin header.
    own_port = {"http": 80, "https": 443}[parts.scheme]
    return url.removesuffix(f":{port}") if port == own_port else url


origins = Kind("origins", _origins, private=True)
