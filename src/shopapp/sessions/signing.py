"""The session cookie's signature, with secrets in rotation: the first signs, every one of them verifies."""

from collections.abc import Sequence

from webob.cookies import SignedSerializer

MAX_COOKIE_LENGTH = 1024
"""Characters. Ours have about 200; a longer one is not worth a hash."""


class CookieSigner:
    """Signs a session id for its cookie, as pyramid_session_redis does with one secret."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._signers = [
            SignedSerializer(secret, "shopapp.sessions cookie", "sha512", serializer=_Text()) for secret in secrets
        ]

    def dumps(self, session_id: str) -> bytes:
        """Return the cookie's value for ``session_id``."""
        return self._signers[0].dumps(session_id)

    def loads(self, cookie: bytes) -> str:
        """Return the session id in ``cookie``. Raises ValueError unless one of our secrets signed just these bytes."""
        if len(cookie) > MAX_COOKIE_LENGTH:
            raise ValueError("longer than any cookie of ours")
        for signer in self._signers:
            try:
                session_id = signer.loads(cookie)
            except ValueError:
                continue
            # Base64 has spare bits and skips foreign characters: only the one spelling that we sent is accepted.
            if signer.dumps(session_id) == cookie:
                return session_id
        raise ValueError("not signed by us")


class _Text:
    """Spares the JSON step that webob would take: a session id is plain ASCII."""

    def dumps(self, text: str) -> bytes:
        return text.encode("ascii")

    def loads(self, value: bytes) -> str:
        return value.decode("ascii")
