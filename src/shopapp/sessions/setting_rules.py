"""Which session settings contradict each other or are unsafe in production, and when a secret is too weak for it."""

from collections.abc import Iterator
from math import log2
from string import ascii_lowercase, ascii_uppercase, digits, hexdigits
from typing import TYPE_CHECKING

from shopapp.settings import Reading, Rule
from shopapp.settings.urls import parse_redis_url

if TYPE_CHECKING:
    from shopapp.sessions.settings import SessionSettings

MAKE_A_SECRET = 'make one with: python3 -c "import secrets; print(secrets.token_urlsafe(48))"'  # noqa: S105 (a command, not a secret)

# 256 bits, the output of the hash that signs: a longer secret adds nothing, a shorter one is the weakest link.
SECRET_BYTES = 32

EXAMPLE_WORDS = ("secret", "change", "example", "password", "development", "insecure", "default", "placeholder")


RULES: "tuple[Rule[SessionSettings], ...]" = (
    Rule(
        ("secrets",),
        lambda s, _: not s.secrets,
        "is missing, and so is SESSION_SECRET: neither cookies nor stored sessions could be signed",
        MAKE_A_SECRET,
    ),
    Rule(
        ("cookie_secure", "cookie_name"),
        lambda s, _: s.cookie_name.startswith(("__Host-", "__Secure-")) and not s.cookie_secure,
        "is false, and browsers drop a cookie with this name's prefix unless it is Secure",
        "set redis.sessions.cookie_secure = true, or take the prefix off redis.sessions.cookie_name",
    ),
    Rule(
        ("cookie_path", "cookie_name"),
        lambda s, _: s.cookie_name.startswith("__Host-") and s.cookie_path != "/",
        "is not /, and browsers drop a __Host- cookie with another path",
        "set redis.sessions.cookie_path = /",
    ),
    Rule(
        ("cookie_domain", "cookie_name"),
        lambda s, _: s.cookie_name.startswith("__Host-") and s.cookie_domain is not None,
        "is set, and browsers drop a __Host- cookie with a domain",
        "remove redis.sessions.cookie_domain, or name the cookie __Secure-…",
    ),
    Rule(
        ("cookie_samesite", "cookie_secure"),
        lambda s, _: s.cookie_samesite == "none" and not s.cookie_secure,
        "is none, and browsers drop such a cookie unless it is Secure",
        "set redis.sessions.cookie_secure = true, or redis.sessions.cookie_samesite = lax",
    ),
    Rule(
        ("timeout_trigger", "timeout"),
        lambda s, _: s.timeout_trigger is not None and s.timeout is None,
        "is set without a timeout, so there is nothing to push out",
        "set redis.sessions.timeout, or remove redis.sessions.timeout_trigger",
    ),
    Rule(
        ("timeout_trigger", "timeout"),
        lambda s, _: bool(s.timeout_trigger and s.timeout and s.timeout_trigger >= s.timeout),
        "is not less than redis.sessions.timeout, so people would be signed out in the midst of their work",
        "write a number well below redis.sessions.timeout, such as a tenth of it",
    ),
    Rule(
        ("rotation_interval", "rotation_grace"),
        lambda s, _: bool(s.rotation_interval and s.rotation_interval <= s.rotation_grace),
        "is not more than redis.sessions.rotation_grace, so an id could be retired twice within its grace",
        "write a number well above redis.sessions.rotation_grace, such as 1800",
    ),
    Rule(
        ("rotation_late", "rotation_grace"),
        lambda s, _: s.rotation_late < s.rotation_grace,
        "is less than redis.sessions.rotation_grace, so an id that is still good would count as stolen",
        "write a number of at least redis.sessions.rotation_grace, such as 600",
    ),
    Rule(
        ("set_redis_ttl_readheavy", "timeout_trigger"),
        lambda s, _: s.set_redis_ttl_readheavy and s.timeout_trigger is not None,
        "is true, and that cannot be combined with a timeout_trigger",
        "remove one of the two",
    ),
    Rule(
        ("set_redis_ttl_readheavy", "python_expires"),
        lambda s, _: s.set_redis_ttl_readheavy and s.python_expires,
        "is true, and that cannot be combined with python_expires",
        "set redis.sessions.python_expires = false, or remove redis.sessions.set_redis_ttl_readheavy",
    ),
    Rule(
        ("set_redis_ttl_readheavy", "timeout", "set_redis_ttl"),
        lambda s, _: s.set_redis_ttl_readheavy and not (s.timeout and s.set_redis_ttl),
        "is true, and that needs both a timeout and set_redis_ttl",
        "set those two, or remove redis.sessions.set_redis_ttl_readheavy",
    ),
    Rule(
        ("prefix", "id_generator"),
        lambda _, written: {"prefix", "id_generator"} <= written,
        "is given as well as an id_generator, which makes the whole id",
        "remove one of the two",
    ),
    Rule(
        ("redis_url", "redis_client_callable"),
        lambda s, _: bool(s.redis_client_callable) and parse_redis_url(s.redis_url).kind == "sentinel",
        "names Sentinels, and a redis_client_callable is told one host and one port",
        "remove redis.sessions.redis_client_callable, or have the function find the primary and remove the URL",
    ),
    Rule(
        ("redis_min_replicas", "redis_client_callable"),
        lambda s, _: bool(s.redis_min_replicas and s.redis_client_callable),
        "is set, and nothing waits for replicas with the client of a redis_client_callable",
        "remove one of the two",
    ),
    Rule(
        ("redis_min_replicas", "redis_url"),
        lambda s, _: bool(s.redis_min_replicas) and s.redis_url.startswith("embedded:"),
        "is set, and an embedded server has no replicas: every change would be a 503",
        "remove it, or write the URL of a Redis that has replicas",
    ),
)

PRODUCTION_RULES: "tuple[Rule[SessionSettings], ...]" = (
    Rule(
        ("redis_url",),
        lambda s, _: s.redis_url.startswith("embedded:"),
        "is an embedded server, which is for development: it ends with the app",
        "write the URL of a Redis that runs on its own, such as redis://localhost:6379/0",
    ),
    Rule(
        ("redis_url",),
        lambda s, _: parse_redis_url(s.redis_url).is_unchecked,
        "turns off the check of the server's certificate: whoever is on the way could read and change all sessions",
        "take ssl_cert_reqs and ssl_check_hostname out of it, and name a private CA in ssl_ca_certs",
    ),
    Rule(
        ("cookie_secure",),
        lambda s, _: not s.cookie_secure,
        "is false: the session cookie would also travel over plain HTTP",
        "set redis.sessions.cookie_secure = true",
    ),
    Rule(
        ("cookie_httponly",),
        lambda s, _: not s.cookie_httponly,
        "is false: any script on a page could read the session cookie",
        "remove it, or set redis.sessions.cookie_httponly = true",
    ),
    Rule(
        ("cookie_samesite",),
        lambda s, _: s.cookie_samesite == "none",
        "is none: requests from other sites would carry the session cookie",
        "set redis.sessions.cookie_samesite = lax",
    ),
    Rule(
        ("redis_socket_timeout",),
        lambda s, _: s.redis_socket_timeout is None,
        "is None: a Redis that hangs would hold every thread for ever",
        "set redis.sessions.redis_socket_timeout = 1",
    ),
    Rule(
        ("cookie_name",),
        lambda s, _: not s.cookie_name.startswith(("__Host-", "__Secure-")),
        "has no __Host- or __Secure- prefix, so a neighbouring host or plain HTTP could plant a cookie of that name",
        "set redis.sessions.cookie_name = __Host-session",
    ),
)


def judge_secrets(reading: Reading) -> None:
    """Complain of each secret that is too weak for production."""
    for problem in weak_secrets(reading.values.get("secrets", ())):
        reading.complain("secrets", problem, MAKE_A_SECRET)


def weak_secrets(secrets: tuple[str, ...]) -> Iterator[str]:
    """What makes these secrets too weak for production, if anything. Tells a secret by its place, never by itself."""
    for place, secret in enumerate(secrets, start=1):
        which = "" if len(secrets) == 1 else f"no. {place} "
        if any(word in secret.lower() for word in EXAMPLE_WORDS):
            yield f"{which}looks like an example"
        elif estimated_bytes(secret) < SECRET_BYTES:
            yield f"{which}holds too little randomness: {SECRET_BYTES} bytes at least"


def estimated_bytes(secret: str) -> float:
    """An upper bound on the random bytes a secret can hold: its length times the bits of its alphabet.

    The alphabet is the smallest usual one that has all its characters, 64 characters at most, and no larger than three
    times the number of different ones: a random text of this length uses at least half of its alphabet. Stretches of
    eight that were there before count for nothing, so that repeating a character or a word adds nothing. No estimate
    sees through a sentence or a sequence: only a generator makes a secret.
    """
    stretches = {secret[start : start + 8] for start in range(max(1, len(secret) - 7))}
    length = min(len(secret), len(stretches) + 7)
    alphabets: tuple[str, ...] = (
        digits,
        digits + "abcdef",
        hexdigits[:10] + "ABCDEF",
        ascii_lowercase,
        ascii_uppercase,
    )
    alphabets += (ascii_lowercase + digits, ascii_uppercase + digits)
    size = next((len(alphabet) for alphabet in alphabets if set(secret) <= set(alphabet)), 64)
    size = min(size, 3 * max(1, len(set(secret))))
    return length * log2(size) / 8
