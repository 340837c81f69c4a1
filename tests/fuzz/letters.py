"""What strangers have typed, in every letter that the shop writes: no header, no markup, no link of theirs."""

import email
import email.policy
from datetime import UTC, datetime
from decimal import Decimal
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, meta

import shopapp.mail
from markup import foreign_addresses, structure_of
from shopapp.mail.letter import BadAddressError, LetterWriter
from shopapp.mail.models import Letter
from shopapp.settings.shop import ShopSettings

TEMPLATES = Path(shopapp.mail.__file__).parent / "templates"
NO_LETTERS = ("letter", "mailbox")
"""The frame of every letter, and the page that shows them."""

OURS = {"shop", "money", "paragraph", "button", "facts", "note", "as_html", "subject_alone"}

HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
]

TYPED = ("name", "street", "postcode", "city")
"""What is typed of an order."""


@cache
def kinds() -> tuple[str, ...]:
    """Return the kinds of letters: the templates that there are."""
    return tuple(sorted(path.stem for path in TEMPLATES.glob("*.jinja2") if path.stem not in NO_LETTERS))


def check_letter(text: bytes) -> None:
    """Write a letter ``<kind>\\n<recipient>\\x1e<value>\\x1e…`` and look at it. Raises AssertionError."""
    kind, _, rest = text.partition(b"\n")
    name = kind.decode("latin-1")
    if name not in kinds():
        return
    recipient, *values = (part.decode("utf-8", "surrogateescape") for part in rest.split(b"\x1e"))
    written = _write(name, recipient, values)
    if written is None:
        return
    usual = _write(name, "somebody@example.com", ["usual"] * len(values))
    assert usual is not None
    message = email.message_from_bytes(written.as_bytes(), policy=email.policy.default)
    assert sorted(name for name, _ in message.items()) == sorted(HEADERS)
    assert max(map(len, written.as_bytes().splitlines())) <= 998
    html = _part(message, "html")
    assert structure_of(html) == structure_of(_part(usual, "html"))
    assert foreign_addresses(html, "http://localhost:6543") == []
    assert _part(message, "plain").count("http://localhost:6543") >= 1


@cache
def _writer() -> LetterWriter:
    return LetterWriter(ShopSettings(), "shop@example.com")


@cache
def _names(kind: str) -> tuple[str, ...]:
    source = (TEMPLATES / f"{kind}.jinja2").read_text()
    return tuple(sorted(meta.find_undeclared_variables(Environment().parse(source)) - OURS))


def _write(kind: str, recipient: str, values: list[str]) -> EmailMessage | None:
    letter = Letter(id=1, kind=kind, recipient=recipient, data={}, created_at=datetime(2026, 1, 1, tzinfo=UTC))
    left = iter(values)
    variables: dict[str, Any] = {name: _value(name, left) for name in _names(kind)}
    try:
        return _writer().write(letter, variables)
    except BadAddressError:
        return None


def _value(name: str, left: Any) -> Any:
    match name:
        case "path":
            return "/register/confirm?token=abc"  # put together by us, percent-encoded
        case "is_known":
            return next(left, "") == "known"
        case "order":
            typed = {each: next(left, "usual") for each in TYPED}
            line = SimpleNamespace(quantity=1, name=next(left, "usual"), unit_price=100)
            amounts = {"subtotal": 100, "shipping": 0, "total": 100, "tax": 19, "tax_rate": Decimal("19.00")}
            return SimpleNamespace(number="1234 5678", user_id=1, lines=[line], **typed, **amounts)
        case _:
            return next(left, "usual")


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())
