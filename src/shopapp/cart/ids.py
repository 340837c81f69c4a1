"""Whose cart it is: a visitor's, by the name of their session, or a person's, by their account. Knows no Redis."""

from dataclasses import dataclass

DAY = 24 * 60 * 60
MOVED_SECONDS = DAY
"""So long does a visitor's cart that has moved say where to, and are its contents kept if they have not arrived."""
USER_SECONDS = 90 * DAY
"""From the last change: what people expect of a shop that they come back to."""


@dataclass(frozen=True)
class CartId:
    """Whose cart: its key holds a hash tag, so that all keys of one cart are in one slot of a cluster."""

    owner: str
    seconds: int | None
    """To live from the next change on; None is for ever."""

    @classmethod
    def of_user(cls, user_id: int | str) -> "CartId":
        """The cart of a person, on all their devices."""
        return cls(f"user:{user_id}", USER_SECONDS)

    @classmethod
    def of_session(cls, session_name: str, seconds: int | None = MOVED_SECONDS) -> "CartId":
        """The cart of a visitor, by the name of their session, which lives as long if nobody uses it."""
        return cls(f"visitor:{session_name}", seconds)

    @property
    def session_name(self) -> str:
        """What :meth:`of_session` made it of."""
        return self.owner.removeprefix("visitor:")

    @property
    def user_id(self) -> int | None:
        """Whose cart it is; None for a visitor's."""
        return user_of(self.key)

    @property
    def key(self) -> str:
        """The cart's key in Redis."""
        return f"cart:{{{self.owner}}}"


def user_of(cart_key: str) -> int | None:
    """Return the person whose cart this is the key of; None if it is a visitor's."""
    number = cart_key.removeprefix("cart:{user:").removesuffix("}")
    return int(number) if number.isascii() and number.isdigit() else None


def presses_key(cart_key: str) -> str:
    """Return the key of what names the presses that a cart has seen."""
    return f"{cart_key}:presses"
