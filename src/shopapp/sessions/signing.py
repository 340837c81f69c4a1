"""The session cookie's signature, with secrets in rotation: the first signs, every one of them verifies."""

import base64
import hmac
from collections.abc import Sequence

MAX_COOKIE_LENGTH = 1024
"""Characters. Ours have about 200; a longer one is not worth a hash."""

SIGNATURE_LENGTH = 64
"""Bytes of an HMAC with SHA-512, the library's choice as well."""


class CookieSigner:
    """Signs a session id for its cookie: base64 of HMAC and id."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [hmac.digest(secret.encode(), b"shopapp.sessions cookie", "sha512") for secret in secrets]

    def dumps(self, session_id: str) -> bytes:
        """Return the cookie's value for ``session_id``."""
        return _signed(self._keys[0], session_id.encode())

    def loads(self, cookie: bytes) -> str:
        """Return the session id in ``cookie``. Raises ValueError unless one of our secrets signed just these bytes.

        The id is signed anew and the results compared, rather than the signature alone: base64 has spare bits and skips
        foreign characters, and only the one spelling that we sent is accepted.
        """
        if len(cookie) > MAX_COOKIE_LENGTH:
            raise ValueError("longer than any cookie of ours")
        session_id = base64.urlsafe_b64decode(cookie + b"==")[SIGNATURE_LENGTH:]
        if not any(hmac.compare_digest(_signed(key, session_id), cookie) for key in self._keys):
            raise ValueError("not signed by us")
        return session_id.decode()


def _signed(key: bytes, session_id: bytes) -> bytes:
    return base64.urlsafe_b64encode(hmac.digest(key, session_id, "sha512") + session_id).rstrip(b"=")
