"""Passwords: hashed with Argon2id and compared. Knows no users and no database."""

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from shopapp.accounts.hashing import PLACES

MIN_PASSWORD_LENGTH = 8
"""The least that NIST SP 800-63B accepts. It asks for no digits or signs, and neither does the shop."""

MAX_NEW_LENGTH = 128
"""Of a password that is chosen from now on: more than any password manager makes, and NIST asks for room for 64."""

MAX_PASSWORD_LENGTH = 1024
"""Of what is compared: once the shop took that much."""

# RFC 9106, section 4, second recommended option: Argon2id, t=3, m=64 MiB, p=4. OWASP's Password Storage Cheat Sheet
# asks for m=19 MiB, t=2, p=1 at least. Whoever changes this makes a new _UNKNOWN_USER_HASH as well (a test says so).
_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)

# The hash of 32 random bytes that nobody kept.
_UNKNOWN_USER_HASH = "$argon2id$v=19$m=65536,t=3,p=4$PGash5DUWDJ3unJnlgSKTw$8IiGhiR/XI7QN9xLl4VrP1JCBRhzMZw6V+MhptTc6Aw"


def hash_password(password: str) -> str:
    """Return a salted hash, with the parameters it was made with. Raises BusyError."""
    with PLACES.place():
        return _hasher.hash(_prepare(password))


def verify_password(password_hash: str | None, password: str) -> bool:
    """Tell whether this is the password that was hashed; ``None`` stands for a user who does not exist.

    Both take the same time, or the time of an answer would tell which addresses have an account.
    Raises BusyError.
    """
    try:
        with PLACES.place():
            _hasher.verify(password_hash or _UNKNOWN_USER_HASH, _prepare(password))
    except (VerificationError, InvalidHashError):
        return False
    return bool(password_hash)


def needs_rehash(password_hash: str) -> bool:
    """Tell whether the hash was made with other parameters than today's: hash anew at the next login."""
    return _hasher.check_needs_rehash(password_hash)


def _prepare(password: str) -> bytes:
    # One keyboard sends é as one character, another as two: NFC makes them one password (RFC 8265, section 4.2).
    # "surrogatepass" lets any string through, since a login form can be sent anything.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
