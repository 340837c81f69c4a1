"""The session cookie's signature, with secrets in rotation: the first signs, every one of them verifies."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from functools import lru_cache
from hmac import compare_digest
from typing import Protocol

from shopapp.sessions.macs import LENGTH, Mac

MAX_COOKIE_LENGTH = 1024
"""Characters. Ours have about 175; a longer one is not worth a hash."""


REMEMBERED = 1024
"""Cookies that were verified last: a browser shows the same one with every request."""


class Signer(Protocol):
    """What ``redis.sessions.cookie_signer`` names."""

    def dumps(self, session_id: str) -> bytes:
        """Return the cookie's value."""

    def loads(self, cookie: bytes) -> str:
        """Return the session id. Raises ValueError."""


class CookieSigner:
    """Signs a session id for its cookie: a MAC, and the id in base64, so that it may hold any character."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._macs = [Mac(secret, "session cookie") for secret in secrets]
        self.open = lru_cache(maxsize=REMEMBERED)(self._open)

    def dumps(self, session_id: str) -> bytes:
        """Return the cookie's value for ``session_id``."""
        body = urlsafe_b64encode(session_id.encode()).rstrip(b"=")
        return self._macs[0](body) + body

    def loads(self, cookie: bytes) -> str:
        """Return the session id in ``cookie``. Raises ValueError unless one of our secrets signed just these bytes."""
        return self.open(cookie)[0]

    def _open(self, cookie: bytes) -> tuple[str, bool]:
        """Return the session id in ``cookie``, and whether the newest secret signed it. Raises ValueError."""
        if len(cookie) > MAX_COOKIE_LENGTH:
            raise ValueError("longer than any cookie of ours")
        signature, body = cookie[:LENGTH], cookie[LENGTH:]
        for mac in self._macs:
            if compare_digest(mac(body), signature):
                return urlsafe_b64decode(body + b"==").decode(), mac is self._macs[0]
        raise ValueError("not signed by us")


class ForeignSigner:
    """The app's own signer, with the one method that ours has more."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self.dumps = signer.dumps

    def open(self, cookie: bytes) -> tuple[str, bool]:
        """As :class:`CookieSigner` does. Nothing is remembered: the app's signer may have its own idea of time."""
        session_id = self._signer.loads(cookie)
        return session_id, self._signer.dumps(session_id) == cookie
