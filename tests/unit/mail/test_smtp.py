"""What becomes of a letter, by what a real mail server answers."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from urllib.parse import quote

import pytest

from mail_server import MailServer
from shopapp.mail import smtp
from shopapp.mail.letter import LetterWriter
from shopapp.mail.models import Letter
from shopapp.mail.smtp import SmtpServer
from shopapp.mail.transport import AwayError, NotNowError, NotSentError, RefusedError
from shopapp.settings.shop import ShopSettings

StartServer = Callable[..., MailServer]
USER = f"{quote('shop@x', safe='')}:{quote('p:/ss w@rd%', safe='')}"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "STEP_SECONDS", 1.0)
    monkeypatch.setattr(smtp, "ACCEPT_SECONDS", 1.0)


def message(recipient: str = "bob@example.com") -> EmailMessage:
    letter = Letter(id=1, kind="trial", recipient=recipient, data={}, created_at=datetime.now(UTC))
    return LetterWriter(ShopSettings(), "Shop <shop@shop.example>").write(letter, {})


def send(server: MailServer, recipient: str = "bob@example.com", url: str = "smtp://127.0.0.1:{}") -> None:
    SmtpServer(url.format(server.port), "shop.example").send(1, message(recipient))


def test_a_letter_arrives_as_it_was_written(mail_server: MailServer):
    send(mail_server)

    (letter,), (envelope,) = mail_server.received, mail_server.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("shop@shop.example", ["bob@example.com"])
    assert letter["Subject"] == "A trial from Saltmarsh"
    assert "Mail from the shop arrives" in letter.get_body(("plain",)).get_content()
    assert '<a class="button"' in letter.get_body(("html",)).get_content()


def test_an_address_in_another_alphabet_is_written_to(mail_server: MailServer):
    send(mail_server, "jürgen@bücher.example")

    assert mail_server.envelopes[0].rcpt_tos == ["jürgen@xn--bcher-kva.example"]
    assert "To: jürgen@xn--bcher-kva.example\r\n".encode() in mail_server.envelopes[0].content


@pytest.mark.parametrize(
    ("step", "answer", "error", "told"),
    [
        ("RCPT", "550 5.1.1 <bob@example.com> is unknown", RefusedError, "550 5.1.1"),
        ("RCPT", "451 4.7.1 bob@example.com: try later", NotNowError, "451 4.7.1"),
        ("RCPT", "421 bye", AwayError, "421"),
        ("MAIL", "550 5.7.1 shop@shop.example may not send", NotNowError, "550 5.7.1"),
        ("MAIL", "452 4.3.1 no space", NotNowError, "452 4.3.1"),
        ("DATA", "554 5.6.0 not to be had", RefusedError, "554 5.6.0"),
        ("DATA", "450 busy", NotNowError, "450"),
        ("RCPT", MailServer.DROP, AwayError, "SMTPServerDisconnected"),
        ("DATA", MailServer.DROP, AwayError, "SMTPServerDisconnected"),
        ("MAIL", MailServer.HANG, AwayError, "TimeoutError"),
        ("DATA", MailServer.HANG, AwayError, "TimeoutError"),
    ],
)
def test_an_answer_is_told_by_its_numbers_alone(
    mail_server: MailServer, step: str, answer: str, error: type[NotSentError], told: str
):
    mail_server.on[step, ""] = answer

    with pytest.raises(error) as raised:
        send(mail_server)

    assert type(raised.value) is error
    assert told in raised.value.reason
    assert "@" not in raised.value.reason
    assert mail_server.received == []


def test_a_server_that_is_not_there_is_away():
    with pytest.raises(AwayError, match="ConnectionRefusedError"):
        SmtpServer("smtp://127.0.0.1:1", "shop.example").send(1, message())


def test_a_name_that_leads_nowhere_is_away():
    with pytest.raises(AwayError):
        SmtpServer("smtps://no-such-host.invalid", "shop.example").send(1, message())


def test_credentials_of_any_characters_go_over_tls(start_mail_server: StartServer, own_authority: ssl.SSLContext):
    server = start_mail_server(tls_context=own_authority, require_starttls=True, **auth())

    send(server, url=f"smtp://{USER}@0.0.0.0:{{}}")

    assert server.signed_in == [(b"shop@x", b"p:/ss w@rd%")]
    assert server.received[0]["To"] == "bob@example.com"


def test_tls_from_the_first_byte_with_smtps(start_mail_server: StartServer, own_authority: ssl.SSLContext):
    server = start_mail_server(wrapped_in=own_authority, **auth(auth_require_tls=False))

    send(server, url=f"smtps://{USER}@0.0.0.0:{{}}")

    assert len(server.received) == len(server.signed_in) == 1


def test_without_tls_nothing_is_told_to_another_machine(start_mail_server: StartServer):
    server = start_mail_server(**auth(auth_require_tls=False))

    with pytest.raises(AwayError, match="TLS"):
        send(server, url=f"smtp://{USER}@0.0.0.0:{{}}")

    assert (server.signed_in, server.received) == ([], [])


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_that_nobody_trusts_is_refused(
    start_mail_server: StartServer, own_authority: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, scheme: str
):
    monkeypatch.delenv("SSL_CERT_FILE")
    inner = {"tls_context": own_authority} if scheme == "smtp" else {"wrapped_in": own_authority}
    server = start_mail_server(**inner, **auth(auth_require_tls=False))

    with pytest.raises(AwayError, match="SSLCertVerificationError"):
        send(server, url=f"{scheme}://{USER}@0.0.0.0:{{}}")

    assert (server.signed_in, server.received) == ([], [])


def test_a_certificate_of_another_name_is_refused(start_mail_server: StartServer, own_authority: ssl.SSLContext):
    server = start_mail_server(wrapped_in=own_authority)

    with pytest.raises(AwayError, match="SSLCertVerificationError"):
        send(server, url="smtps://127.0.0.1:{}")


def test_a_wrong_password_is_told_without_it(start_mail_server: StartServer):
    server = start_mail_server(**auth(auth_require_tls=False))

    with pytest.raises(AwayError) as raised:
        send(server, url="smtp://shop:hidden@127.0.0.1:{}")

    assert "535" in raised.value.reason
    assert "hidden" not in raised.value.reason


def test_a_password_that_cannot_be_sent_is_told(start_mail_server: StartServer):
    server = start_mail_server(**auth(auth_require_tls=False))

    with pytest.raises(AwayError, match="ASCII") as raised:
        send(server, url="smtp://shop:h%C3%B6dden@127.0.0.1:{}")

    assert "dden" not in raised.value.reason


def test_a_server_that_knows_no_sign_in_is_told(mail_server: MailServer):
    with pytest.raises(AwayError, match="sign in"):
        send(mail_server, url="smtp://shop:hidden@127.0.0.1:{}")


def auth(**more: object) -> dict[str, object]:
    return {"auth_required": True, "authenticator": _authenticate, **more}


def _authenticate(server, session, envelope, mechanism, data):
    return server.event_handler.authenticate(server, session, envelope, mechanism, data)
