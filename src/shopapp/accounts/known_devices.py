"""The cookie by which a browser is known again as one that a person has signed in with. Opens nothing.

It holds a random name for the device and, for each of the last few accounts, a code made of that name and the account
under the signing secret. So it tells nothing to who reads it, and a code that we did not make is worth nothing.
"""

import re
from hmac import compare_digest
from secrets import token_urlsafe

from pyramid.request import Request
from pyramid.response import Response

from shopapp.sessions.macs import Mac
from shopapp.sessions.settings import SessionSettings

MAX_ACCOUNTS = 5
"""A family shares a browser. What is kept of them makes some 270 characters."""

SECONDS_KEPT = 400 * 86_400
"""From the last sign-in on: the longest that a browser keeps a cookie (RFC 6265bis, 5.5)."""

_VALUE = rf"[A-Za-z0-9_-]{{22}}(?:\.[0-9a-f]{{48}}){{1,{MAX_ACCOUNTS}}}"
_COOKIE = re.compile(rf'[ \t]*(?P<quote>"?)(?P<value>{_VALUE})(?P=quote)[ \t]*')  # RFC 6265, 4.1.1


class KnownDevices:
    """Reads and writes the cookie, which is as secure as that of the session."""

    def __init__(self, settings: SessionSettings) -> None:
        prefix = re.match(r"(__Host-|__Secure-)?", settings.cookie_name)
        self.cookie_name = f"{prefix[0] if prefix else ''}device"
        self._secure = settings.cookie_secure
        self._macs = [Mac(secret, "known device") for secret in settings.secrets]
        # As strict as the reader of the session's cookie, and for the same reasons.
        self._find_values = re.compile(rf"(?:^|;)[ \t]*{re.escape(self.cookie_name)}[ \t]*=([^;]*)").findall

    def knows(self, request: Request, user_id: int) -> bool:
        """Tell whether the person has signed in with the request's browser before."""
        device, *codes = self._read(request) or [""]
        return any(compare_digest(code, own) for code in codes for own in self._codes(device, user_id))

    def name_for(self, request: Request, user_id: int) -> str | None:
        """Return a name of the request's browser for this account, under which tries may be counted; None for one that
        the person has not signed in with before.
        """
        device, *_ = self._read(request) or [""]
        return f"{device}:{user_id}" if self.knows(request, user_id) else None

    def is_shown(self, request: Request) -> bool:
        """Tell whether the request has what could be the cookie."""
        return self._read(request) is not None

    def remember(self, request: Request, user_id: int) -> None:
        """Have the response say that the person has signed in with this browser, if it is no error."""
        device, *codes = self._read(request) or [token_urlsafe(16)]
        own = self._codes(device, user_id)
        others = [code for code in codes if code not in own]
        value = ".".join([device, own[0], *others[: MAX_ACCOUNTS - 1]])

        def put(_request: Request, response: Response) -> None:
            if response.status_int < 400:
                response.set_cookie(
                    self.cookie_name,
                    value,
                    max_age=SECONDS_KEPT,
                    secure=self._secure,
                    httponly=True,
                    samesite="lax",
                )

        request.add_response_callback(put)

    def _read(self, request: Request) -> list[str] | None:
        values = self._find_values(request.environ.get("HTTP_COOKIE", ""))
        found = _COOKIE.fullmatch(values[0]) if len(values) == 1 else None
        return found["value"].split(".") if found else None

    def _codes(self, device: str, user_id: int) -> list[str]:
        return [mac(f"{device}:{user_id}".encode()).decode() for mac in self._macs]


def known_devices(request: Request) -> KnownDevices:
    """Return the app's own."""
    found: KnownDevices = request.registry["shopapp.known_devices"]
    return found
