"""A mail server. It is trusted with letters only, so what it answers is told to nobody but by its numbers."""

import re
import smtplib
import ssl
from contextlib import closing, suppress
from email.message import EmailMessage
from email.policy import SMTPUTF8
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from shopapp.mail.transport import AwayError, NotNowError, RefusedError

STEP_SECONDS = 20.0
"""How long the server may take for each answer; it gives a dozen."""

ACCEPT_SECONDS = 120.0
"""How long it may take to accept a message: many look for viruses first. One given up too early would go out twice."""

PORTS = {"smtp": 587, "smtps": 465}


class SmtpServer:
    """The server of ``mail.url``."""

    def __init__(self, url: str, own_name: str) -> None:
        """``own_name`` is how the shop introduces itself: to look it up might take longer than any answer."""
        parts = urlsplit(url)
        self._scheme, self._host, self._own_name = parts.scheme, parts.hostname or "", own_name
        self._port = parts.port or PORTS[parts.scheme]
        self._user, self._password = (unquote(each or "") for each in (parts.username, parts.password))
        self._tls = None if parts.scheme == "smtp" and _is_loopback(self._host) else ssl.create_default_context()

    def send(self, letter_id: int, message: EmailMessage) -> None:  # noqa: ARG002 - for those that keep files
        """Have the server take the message. Raises NotSentError."""
        try:
            with closing(self._connect()) as server:
                self._hand_over(server, message)
                with suppress(OSError, smtplib.SMTPException):
                    server.quit()  # it has the message, however this ends
        except smtplib.SMTPNotSupportedError as error:
            raise AwayError("the mail server lacks what is needed: TLS or a way to sign in") from error
        except smtplib.SMTPResponseException as error:
            raise AwayError(
                f"the mail server refused the shop: {_numbers(error.smtp_code, error.smtp_error)}"
            ) from error
        except UnicodeError as error:
            raise AwayError("user and password in mail.url may have letters of ASCII only") from error
        except (OSError, smtplib.SMTPException) as error:
            raise AwayError(f"the mail server is away: {_name_of(error)}") from error

    def _connect(self) -> smtplib.SMTP:
        if self._scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, self._own_name, timeout=STEP_SECONDS, context=self._tls
            )
        else:
            server = smtplib.SMTP(self._host, self._port, self._own_name, timeout=STEP_SECONDS)
        try:
            if self._scheme == "smtp" and self._tls is not None:
                server.starttls(context=self._tls)  # raises if the server does not offer it, or somebody in between
            if self._user:
                server.login(self._user, self._password)
            server.ehlo_or_helo_if_needed()
        except BaseException:
            server.close()
            raise
        return server

    def _hand_over(self, server: smtplib.SMTP, message: EmailMessage) -> None:
        sender, recipient = (message[name].addresses[0].addr_spec for name in ("From", "To"))
        abroad = not (sender + recipient).isascii()
        if abroad and not server.has_extn("smtputf8"):
            raise RefusedError("the mail server takes no address with such letters")
        options = ["SMTPUTF8", "BODY=8BITMIME"] if abroad else []
        _judge(*server.mail(sender, options), else_raise=NotNowError)
        _judge(*server.rcpt(recipient), else_raise=RefusedError)
        if server.sock:
            server.sock.settimeout(ACCEPT_SECONDS)
        try:
            _judge(*server.data(message.as_bytes(policy=SMTPUTF8 if abroad else None)), else_raise=RefusedError)
        except smtplib.SMTPDataError as error:
            _judge(error.smtp_code, error.smtp_error, else_raise=RefusedError)


def _judge(code: int, words: bytes | str, *, else_raise: type[RefusedError | NotNowError]) -> None:
    """Raise what an answer means, if the server does not agree. 4xx is always for now; 421 means that it closes."""
    if 200 <= code < 300:
        return
    if code == 421 or code < 0:
        raise AwayError(f"the mail server closes: {_numbers(code, words)}")
    raise (else_raise if code >= 500 else NotNowError)(f"the mail server said {_numbers(code, words)}")


def _numbers(code: int, words: bytes | str) -> str:
    """Return the numbers of an answer, such as ``550 5.1.1``. Its words quote addresses, and whatever else."""
    text = words.decode("ascii", "replace") if isinstance(words, bytes) else words
    detail = re.match(r"[245]\.\d{1,3}\.\d{1,3}\b", text)
    return f"{code} {detail[0]}" if detail else str(code)


def _name_of(error: Exception) -> str:
    """Return what kind of error it is: that of the system, where smtplib has put its own around it."""
    if isinstance(error, smtplib.SMTPServerDisconnected) and isinstance(error.__context__, OSError):
        error = error.__context__
    reason = getattr(error, "verify_message", None) or getattr(error, "strerror", None)
    return f"{type(error).__name__} ({reason})" if isinstance(reason, str) else type(error).__name__


def _is_loopback(host: str) -> bool:
    """Whether it is this very machine, on which nobody listens in, and whose certificate names no one."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
