"""One letter as a message with text and HTML, both from one template. Sends nothing, looks nothing up.

A template gets names and addresses that strangers have typed. Whatever they are, the subject is one line, no header is
added, no markup gets into the HTML, and no text can look like a paragraph of ours.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from typing import Any

import idna
from jinja2 import Environment, PackageLoader, StrictUndefined

from shopapp.mail.models import Letter
from shopapp.mail.writing import HTML, TEXT, as_html, as_text, one_line
from shopapp.money import money_filter
from shopapp.settings.shop import ShopSettings

POLICY = SMTP.clone(cte_type="7bit")
"""A server need not know 8BITMIME. Headers are folded and encoded by it: it refuses a line break in any of them."""

MAX_SUBJECT = 150

MAX_LINE = 998
"""By RFC 5322, 2.1.1."""


class BadAddressError(ValueError):
    """No mail can be sent to such an address."""


class LetterWriter:
    """Writes the letters of a shop."""

    def __init__(self, shop: ShopSettings, sender: str) -> None:
        """``sender`` is ``mail.sender``, which the settings have judged."""
        name, address = parseaddr(sender)
        self.sender = Address(name, addr_spec=ascii_address(address))
        given = {"shop": shop, "money": money_filter(shop)}
        self._text = _environment({**given, **TEXT, "as_html": False, "subject_alone": False}, as_text)
        self._html = _environment({**given, **HTML, "as_html": True, "subject_alone": False}, as_html)

    def write(self, letter: Letter, variables: Mapping[str, Any]) -> EmailMessage:
        """Return the message. Raises BadAddressError, and what Jinja raises for a template that does not work."""
        name = f"{letter.kind}.jinja2"
        template = self._text.get_template(name)
        subject = one_line(template.render(variables, subject_alone=True))
        text = _tidy(template.render(variables))
        message = EmailMessage(POLICY)
        message["From"] = self.sender
        local, _, domain = ascii_address(letter.recipient).rpartition("@")
        message["To"] = Address(username=local, domain=domain)
        message["Subject"] = subject[:MAX_SUBJECT]
        message["Date"] = datetime.now(UTC)
        message["Message-ID"] = f"<{_fingerprint(letter, subject, text)}@{self.sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday note comes back
        message.set_content(text, cte="7bit" if _is_plain(text) else "quoted-printable")
        html = self._html.get_template(name).render(variables)
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        return message


def ascii_address(address: str) -> str:
    """Return an address with its domain as mail servers know it: ``xn--…``. Raises BadAddressError.

    By the rules of today: those of Python's own codec (IDNA 2003) lead from ``straße.example`` to somebody else.
    """
    local, _, domain = address.rpartition("@")
    try:
        if not domain.isascii():
            domain = idna.encode(domain, uts46=True).decode()
        Address(addr_spec=f"{re.sub('[^ -~]', 'x', local)}@{domain}")  # it takes ASCII only
    except (MessageError, ValueError, IndexError) as error:
        raise BadAddressError("not an address") from error
    if not address.isprintable() or any(each.isspace() for each in address):
        raise BadAddressError("not an address")
    return f"{local}@{domain}"


def _environment(given: dict[str, Any], finalize: Callable[[object], str]) -> Environment:
    environment = Environment(
        loader=PackageLoader("shopapp.mail"),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,  # a gap in a letter cannot be mended once it is sent
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= given
    return environment


def _tidy(text: str) -> str:
    """Drop the template's own indentation and the gaps that its tags have left."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.strip() or (lines and lines[-1]):
            lines.append(line.strip())
    return "\n".join(lines).strip() + "\n"


def _is_plain(text: str) -> bool:
    """Whether every server can pass it on as it is. Then people who open the file find their link in one piece."""
    return text.isascii() and max(map(len, text.splitlines()), default=0) < MAX_LINE


def _fingerprint(letter: Letter, subject: str, text: str) -> str:
    """Return the same for the same mail sent again, so that a server may drop the double, and for no other mail.

    A letter that got a new link when it was tried again is another mail: the old one, if it arrived, has a dead link.
    What is hashed is not told by it: SQLite gives ids again, and they would tell how many mails the shop sends.
    """
    parts = (str(letter.id), letter.created_at.isoformat(), letter.recipient, letter.kind, subject, text)
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:40]
