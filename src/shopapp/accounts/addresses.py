"""E-mail addresses: what one is, and how it is spelt here. The one place that knows; asks no mail server."""

import unicodedata

from email_validator import EmailNotValidError, validate_email

MAX_ADDRESS_LENGTH = 254
"""The longest that SMTP carries (RFC 5321, 4.5.3.1)."""


def read_email(text: str) -> str:
    """Return an address as it is stored. Raises ValueError if mail cannot be sent to such a one.

    Case, composed or decomposed accents, and the two spellings of a domain with letters beyond ASCII make no
    difference: one mailbox is one account. Strictly the part before the @ may be case-sensitive, but no mail provider
    makes it so, and people type it in whatever case the keyboard of their phone likes.
    """
    try:
        # The names that are set aside for tests (.test) count as any other: shops are tried out with them.
        found = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except (EmailNotValidError, UnicodeError) as error:
        raise ValueError("not an e-mail address") from error
    address = _fold(f"{found.local_part}@{found.domain}")
    if len(address) > MAX_ADDRESS_LENGTH:
        raise ValueError("longer than any address")
    return address


def normalize_email(text: str) -> str:
    """Return an address as it is stored and looked up, whatever was typed: what is none finds nobody, or an account
    from before addresses were judged.
    """
    try:
        return read_email(text)
    except ValueError:
        return _fold(text.strip())


def _fold(address: str) -> str:
    # Composed again at the end: the small letter of a composed capital may not be.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", address).lower())
