"""The token of a checkout form: it names the form, so that it is ordered once however often it is sent.

It is signed and says what its page showed, so an order needs a page that was looked at (OWASP ASVS 5.0, 2.3.1). Nothing
of it is stored before the order is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from secrets import token_urlsafe

from shopapp.sessions.macs import LENGTH, Mac

PURPOSE = "checkout form"
MAX_LENGTH = 200


class NotOurFormError(ValueError):
    """No page of this shop has such a form."""


@dataclass(frozen=True, slots=True)
class FormToken:
    """What a checkout page was made for."""

    name: str
    """Names the form: the order's ``form``. 128 random bits."""
    user_id: int | None
    """Who was signed in."""
    cart: str
    """What was in the cart: :func:`cart_mark`."""

    @classmethod
    def new(cls, user_id: int | None, lines: Mapping[str, int]) -> "FormToken":
        """Return the token of a page that is being made now."""
        return cls(token_urlsafe(16), user_id, cart_mark(lines))

    def sign(self, secrets: Sequence[str]) -> str:
        """Return the token as a form carries it."""
        body = f"{self.name}.{'' if self.user_id is None else self.user_id}.{self.cart}"
        return f"{body}.{_mac(secrets[0])(body.encode()).decode()}"

    @classmethod
    def read(cls, text: str, secrets: Sequence[str]) -> "FormToken":
        """Return the token that a form carried. Raises NotOurFormError unless one of our secrets signed it."""
        body, _, mark = text.rpartition(".")
        if not text.isascii() or len(text) > MAX_LENGTH or len(mark) != LENGTH:
            raise NotOurFormError("not a token")
        if not any(compare_digest(_mac(secret)(body.encode()), mark.encode()) for secret in secrets):
            raise NotOurFormError("not signed by us")
        try:
            name, user_id, cart = body.split(".")
            return cls(name, int(user_id) if user_id else None, cart)
        except ValueError:  # of a version of ours that made them otherwise
            raise NotOurFormError("signed by us, and no token of today") from None


@lru_cache
def _mac(secret: str) -> Mac:
    return Mac(secret, PURPOSE)


def cart_mark(lines: Mapping[str, int]) -> str:
    """Return a short hash of what is in a cart, sku to quantity."""
    return sha256(repr(sorted(lines.items())).encode()).hexdigest()[:16]
