"""The session cookie: a strict reader of the request's header, and the one writer. Knows headers, never sessions.

WebOb's parser finds cookies anywhere in the header, also inside the value of another one, and the last of a name wins;
it takes time that grows with the square of a long piece without "="; and one cookie that it cannot decode keeps it from
reading any. So the header is read here, and left as it is for whoever else reads it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pyramid.request import Request
from pyramid.response import Response

from shopapp.sessions.ids import SessionId
from shopapp.sessions.settings import SessionSettings
from shopapp.sessions.signing import CookieSigner, ForeignSigner

_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,1024}")
"""What a cookie can hold: RFC 6265, 4.1.1."""


class SessionCookie:
    """Reads, writes and deletes the cookie as the settings say."""

    def __init__(
        self,
        settings: SessionSettings,
        signer: CookieSigner | ForeignSigner,
        check: Callable[[Response], bool] | None,
    ) -> None:
        self._name, self._signer, self._check = settings.cookie_name, signer, check
        # Space and tab are all that RFC 6265 lets stand around a cookie. To strip more would make ours of another name.
        self._find_values = re.compile(rf"(?:^|;)[ \t]*{re.escape(self._name)}[ \t]*=([^;]*)").findall
        self.max_age = settings.cookie_max_age
        self.slides = self.max_age == "timeout"
        self.is_on_errors = settings.cookie_on_exception
        self._attributes: dict[str, Any] = {
            "path": settings.cookie_path,
            "domain": settings.cookie_domain,
            "secure": settings.cookie_secure,
            "httponly": settings.cookie_httponly,
            "samesite": settings.cookie_samesite,
            "comment": settings.cookie_comment,
        }

    def read(self, request: Request) -> tuple[SessionId | None, str]:
        """Return the id that the request's cookie carries, and a word: "current" if the newest secret signed it, "old"
        if an older one did; without an id "none", "doubled" if there are two of the name, so that one is not ours, or
        "signature" if it is not one that we signed.
        """
        value, fault = self._value(request.environ.get("HTTP_COOKIE", ""))
        if value is None:
            return None, fault
        try:
            text, is_newest = self._signer.open(value.encode())
        except ValueError:
            return None, "signature"
        session_id = SessionId.parse(text)
        return session_id, "signature" if session_id is None else "current" if is_newest else "old"

    def put(self, response: Response, session_id: SessionId, max_age: int | None, options: Mapping[str, Any]) -> None:
        """Have the response set the cookie, ``options`` taking precedence over what the settings say."""
        attributes = {**self._attributes, "max_age": max_age, **options}
        value = self._signer.dumps(str(session_id)).decode()
        response.set_cookie(self._name, value, overwrite=True, **attributes)
        _vary(response)

    def delete(self, response: Response) -> None:
        """Have the response delete the cookie, with the attributes without which a browser ignores that."""
        response.set_cookie(self._name, None, overwrite=True, **{**self._attributes, "comment": None})
        _vary(response)

    def may_be_on(self, response: Response) -> bool:
        """Whether the app lets this response carry the cookie (``func_check_response_allow_cookies``)."""
        return self._check is None or self._check(response)

    def _value(self, header: str) -> tuple[str | None, str]:
        values = self._find_values(header)
        if len(values) != 1:
            return None, "doubled" if values else "none"
        value = values[0].strip(" \t")
        if len(value) > 1 and value[0] == value[-1] == '"':  # RFC 6265, 4.1.1
            value = value[1:-1]
        if not value:
            return None, "none"
        return (value, "") if _VALUE.fullmatch(value) else (None, "signature")


def _vary(response: Response) -> None:
    response.vary = {*(response.vary or ()), "Cookie"}
