"""The names that orders have: a number for people, and a key for guests."""

from secrets import choice, token_urlsafe

DIGITS = "0123456789"


def new_number() -> str:
    """Return a number such as ``482-915-6074``: digits are the same in every language and hard to mistake on the phone.

    It is drawn by lot, for a counter would tell everybody how much the shop sells. It is a name and no secret.
    """
    drawn = "".join(choice(DIGITS) for _ in range(10))
    return f"{drawn[:3]}-{drawn[3:6]}-{drawn[6:]}"


def new_key() -> str:
    """Return what opens an order to whoever has it: 256 random bits (OWASP ASVS 5.0, 11.5.1, asks for 128)."""
    return token_urlsafe(32)
