"""Every `mail.*` key: how mail leaves."""

from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from urllib.parse import urlsplit

from shopapp.settings import kinds, setting
from shopapp.settings.kinds import BadValueError, Kind
from shopapp.settings.urls import scheme_note


def _mail_url(url: str) -> str:
    remedy = "write smtp://user:password@host:587, smtps://host:465 or folder:DIRECTORY"
    if url.startswith("folder:"):
        if not url.removeprefix("folder:").strip():
            raise BadValueError("names no directory", "write folder: and the directory that gets the mail")
        return url
    if not url.startswith(("smtp://", "smtps://")):
        raise BadValueError(scheme_note(url), remedy)
    try:
        parts = urlsplit(url)
        fits = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # its message may quote the URL
        fits = False
    if not fits or parts.path.strip("/") or parts.query or parts.fragment:
        raise BadValueError("cannot be read", remedy)
    return url


mail_url = Kind("URL", _mail_url, private=True)


def _sender(text: str) -> str:
    name, address = parseaddr(text)
    try:
        Address(name, addr_spec=address)
    except (MessageError, ValueError, IndexError):
        address = ""
    if "@" not in address or not text.isprintable():
        raise BadValueError("is not an address", "write Shop <shop@example.com>, or the address alone")
    return text


sender = Kind("e-mail address", _sender)


@dataclass(frozen=True, kw_only=True)
class MailSettings:
    """Every `mail.*` key."""

    url: str = setting(
        "folder:var/mail",
        mail_url,
        "How mail leaves: smtp:// with STARTTLS, smtps:// or, for development, a folder that the page /mail shows.",
        env="MAIL_URL",
    )
    sender: str = setting("Saltmarsh <shop@localhost>", sender, "Whom people see as the sender, and answer to.")
    thread: bool = setting(
        True, kinds.boolean, "Send it from a thread of the app; without, `shopapp mail send` has to be run."
    )
