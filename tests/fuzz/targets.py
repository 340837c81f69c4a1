"""What may be tried on the shop, and what must hold whatever is tried: no 500, no change by what was refused, no harm
to anybody else, and an end in good time. Each target takes a text of ``corpus/``, or any other bytes.
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fuzz.attempts import Attempt, filled
from fuzz.house import House
from fuzz.letters import check_letter

SECONDS = 1.0
"""Of this thread's own work, for one request. The longest take some hundredths."""

ANSWER_BYTES = 2_000_000  # /metrics tells of all that a process has done, and all tests are in one
"""No page of the shop with its demo data comes near."""

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")

COOKIES = ("session=", "device=")

STORED = ("session", "index", "cart", "presses", "merging", "visitor", "visitor_cart")

FORM = b"\nContent-Type: application/x-www-form-urlencoded\n\n"
LOOKS = (
    b"GET /",
    b"GET /cart",
    b"GET /account",
    b"GET /account/sessions",
    b"GET /checkout",
    b"POST /cart/items\nAccept: application/json" + FORM + b"sku=brass-pen&quantity=1",
    b"POST /cart/items/stoneware-mug" + FORM + b"quantity=1",
    b"POST /login" + FORM + b"email=demo@example.com&password=correct+horse+battery",
    b"GET /cart",
    b"POST /logout",
)
"""What somebody does in whose place in Redis rubbish was put."""


@dataclass(frozen=True)
class Answer:
    """What the shop has answered."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def try_it(house: House, text: bytes) -> None:
    """Do what a text says. Raises AssertionError if a promise is broken."""
    house.refresh()
    kind, _, rest = text.partition(b" ")
    match kind:
        case b"stored":
            try_stored(house, rest)
        case b"letter":
            check_letter(rest)
        case _:
            try_request(house, text)


def try_request(house: House, text: bytes) -> Answer:
    """Send a request. Whatever is refused, or only asked for, has changed nothing."""
    attempt, is_as_before = Attempt.read(text), False
    try:
        answer = send(house, attempt)
        changed = house.changes()
        is_as_before = (
            not changed and answer.status != 429
        )  # what counts tries begins anew, or nothing gets in any more
    finally:
        if not is_as_before:
            house.put_back()
    if attempt.method in SAFE or answer.status >= 400:
        kept = [change for change in changed if not _may_be_kept(house, attempt, answer, change)]
        assert not kept, f"{attempt.method} {attempt.target!r} was answered {answer.status} and changed {kept}"
    return answer


def try_stored(house: House, text: bytes) -> None:
    """Put rubbish into Redis in somebody's place, and be that person: it is no error, and no harm to anybody else."""
    first, _, content = text.partition(b"\n")
    words = first.decode("latin-1").split(" ")
    what, kind = ([*words, "", ""])[:2]
    customer, visitor = house.people["customer"], house.people["visitor"]
    keys = {
        "session": customer.session_key,
        "index": "session:user:1",
        "cart": customer.cart_key,
        "presses": f"{customer.cart_key}:presses",
        "merging": f"{visitor.cart_key}:merging",
        "visitor": visitor.session_key,
        "visitor_cart": visitor.cart_key,
    }
    who, other = ("visitor", customer) if what in ("merging", "visitor", "visitor_cart") else ("customer", visitor)
    try:
        parts = filled(content, lambda word, signed: _word(house, word, signed)).split(b"\x1e")
        house.plant(keys.get(what, customer.session_key), kind, parts)
        before = house.redis.dump(other.session_key)
        for look in LOOKS:
            send(house, Attempt.read(who.encode() + b" " + look))
        assert house.redis.dump(other.session_key) == before, "somebody else's session is another one"
    finally:
        house.put_back()


def send(house: House, attempt: Attempt) -> Answer:
    """Send a request, and judge the answer by itself."""
    own_cookie = any(name.lower() == "cookie" for name, _ in attempt.headers)
    cookies = {} if own_cookie else house.people[attempt.who].cookies
    environ = attempt.environ(lambda word, signed: _word(house, word, signed), cookies)
    began = time.thread_time()
    answer = _call(house.app, environ)
    seconds = time.thread_time() - began
    where = f"{attempt.method} {attempt.target!r}"
    assert answer.status < 500, f"{where} was answered {answer.status}"
    assert b"Traceback" not in answer.body, where
    assert seconds < SECONDS, f"{where} took {seconds:.2f} s"
    assert len(answer.body) < ANSWER_BYTES + 20 * len(attempt.body), f"{where}: {len(answer.body)} bytes"
    _judge_headers(answer, where, environ)
    return answer


def _call(app: Any, environ: dict[str, Any]) -> Answer:
    started: list[Any] = []
    body = app(environ, lambda status, headers, _exc_info=None: started.append((status, headers)))
    try:
        contents = b"".join(body)
    finally:
        getattr(body, "close", lambda: None)()
    status, headers = started[-1]
    return Answer(int(status.split()[0]), tuple(headers), contents)


def _judge_headers(answer: Answer, where: str, environ: dict[str, Any]) -> None:
    names = [name.lower() for name, _ in answer.headers]
    for name, value in answer.headers:
        assert re.fullmatch(r"[A-Za-z0-9-]+", name), f"{where}: the header {name!r}"
        assert re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", value), f"{where}: {name}: {value!r}"
        if name.lower() == "set-cookie":
            assert value.startswith(COOKIES), f"{where}: {value!r}"
            assert "; HttpOnly" in value, f"{where}: {value!r}"
        if name.lower() == "location":
            host = urlsplit(value).netloc
            assert host in ("", environ["HTTP_HOST"] or "localhost"), f"{where} leads to {value!r}"
    for name in ("content-security-policy", "x-content-type-options"):
        assert names.count(name) == 1, f"{where} has {names.count(name)} of {name}"


def _may_be_kept(house: House, attempt: Attempt, answer: Answer, change: str) -> bool:
    """What was typed into a checkout is kept in the session for the person, who is shown what was wrong with it."""
    own = house.people[attempt.who].session_key
    return (
        attempt.target.startswith(b"/checkout") and answer.status in (409, 422) and change == f"redis {own.encode()!r}"
    )


def _word(house: House, word: bytes, signed: bytes | None) -> bytes | None:
    return house.words.get(word) if signed is None else house.sign(word, signed)


def kinds_of(texts: Iterable[bytes]) -> set[bytes]:
    """Return the kinds of these texts: their first words."""
    return {text.split(b" ", 1)[0] for text in texts}
