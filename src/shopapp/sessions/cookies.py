"""Which session cookie a request really came with, and how one is deleted. Knows headers, never sessions.

WebOb's parser, which pyramid_session_redis reads cookies through, finds cookies anywhere in the header, also inside the
value of another one, and the last of a name wins; it takes time that grows with the square of a long piece without "=";
and one cookie that it cannot decode keeps it from reading any. So the header is put right before it gets to see it.
"""

import re
from typing import Any

from pyramid.request import Request
from pyramid.response import Response

from shopapp.sessions.settings import SessionSettings

MAX_HEADER_LENGTH = 16 * 1024
"""Characters. In a longer header only our own cookie is looked at: browsers keep 4096 for a cookie, and a few dozen."""

MAX_ODD_LENGTH = 256
"""Characters. A cookie that is not plain is left to WebOb only if it is short."""

_OURS = re.compile(r"[\w.~+/=:!*-]{1,1024}", re.A)
_PLAIN = re.compile(r"[\w!#$%&'*+.^`|~-]+=[\w~!@#$%^&*()+=\-`.?|:/{}<>']*", re.A)
"""A cookie that WebOb reads as one, by the name that it has."""


def put_cookies_right(request: Request, name: str) -> str | None:
    """Leave in the request one session cookie at most, and of the others those that do no harm.

    Return why there is none if somebody sent one: "doubled" if there were two of the name, so that one is not ours,
    "signature" if its characters are not those of ours; else None.
    """
    header = request.environ.get("HTTP_COOKIE", "")
    if not header:
        return None
    # Space and tab are all that RFC 6265 lets stand around a cookie. To strip more would make ours of another name.
    pairs = [pair.strip(" \t") for pair in header.split(";") if "=" in pair]
    ours = [_unquoted(pair.partition("=")[2].strip(" \t")) for pair in pairs if _name_of(pair) == name]
    fault = "doubled" if len(ours) > 1 else "signature" if ours and ours[0] and not _OURS.fullmatch(ours[0]) else None
    value = ours[0] if ours and ours[0] and not fault else None
    others = [] if len(header) > MAX_HEADER_LENGTH else [pair for pair in pairs if _name_of(pair) != name]
    short = [pair for pair in others if len(pair) <= MAX_ODD_LENGTH or _PLAIN.fullmatch(pair)]
    if not _leave(request, short, name, value):
        _leave(request, [pair for pair in short if _PLAIN.fullmatch(pair)], name, value)
    return fault


def delete_cookie(response: Response, settings: SessionSettings) -> None:
    """Delete the session cookie with the attributes without which a browser ignores the deletion."""
    response.unset_cookie(settings.cookie_name, strict=False)
    response.set_cookie(settings.cookie_name, None, **attributes(settings))
    response.vary = {*(response.vary or ()), "Cookie"}


def attributes(settings: SessionSettings) -> dict[str, Any]:
    """Return the attributes that every Set-Cookie of the session has."""
    return {
        "path": settings.cookie_path,
        "domain": settings.cookie_domain,
        "secure": settings.cookie_secure,
        "httponly": settings.cookie_httponly,
        "samesite": settings.cookie_samesite,
    }


def _unquoted(value: str) -> str:
    """A cookie's value may stand in quotes (RFC 6265, 4.1.1)."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def _name_of(pair: str) -> str:
    return pair.partition("=")[0].strip(" \t")


def _leave(request: Request, others: list[str], name: str, value: str | None) -> bool:
    """Leave ``others`` in the request, and ours last; return whether WebOb reads ``value``, no more and no less."""
    request.environ["HTTP_COOKIE"] = "; ".join([*others, f"{name}={value}"] if value else others)
    try:
        return request.cookies.get(name) == value
    except UnicodeDecodeError:
        return False
