"""Message authentication codes under keys that are derived from the signing secrets, one for each purpose."""

from base64 import urlsafe_b64encode
from hashlib import blake2b

DIGEST_BYTES = 32


class Mac:
    """A keyed BLAKE2b (RFC 7693): as good as an HMAC, and half as long at work. Its key is set up once."""

    def __init__(self, secret: str, purpose: str) -> None:
        key = blake2b(secret.encode(), person=purpose.encode(), digest_size=64).digest()
        self._keyed = blake2b(key=key, digest_size=DIGEST_BYTES)

    def __call__(self, message: bytes) -> bytes:
        """Return the code, in base64 without padding: 43 characters that stand in a cookie and in JSON as they are."""
        keyed = self._keyed.copy()
        keyed.update(message)
        return urlsafe_b64encode(keyed.digest())[:-1]
