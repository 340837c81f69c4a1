"""Fixtures: a real mail server that can be told to refuse, to hang and to drop. Loaded as a pytest plugin."""

import asyncio
import ssl
import subprocess
import threading
import warnings
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


class MailServer:
    """Takes mail on a port of 127.0.0.1. What it does with a letter, ``on`` says: a step of SMTP and its answer.

    An answer is a line, or ``HANG`` or ``DROP``; with ``_AFTER`` it takes the letter before that. Letters wait until
    there have been ``meeting`` connections, but not so long that a client gives up.
    """

    HANG, DROP, HANG_AFTER, DROP_AFTER = "hang", "drop", "hang after", "drop after"

    def __init__(self, **options: Any) -> None:
        self.on: dict[tuple[str, str], str] = {}
        self.received: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.connections, self.meeting, self.busy = 0, 0, False
        self.signed_in: list[tuple[bytes, bytes]] = []
        self._options = options
        self._tls = options.pop("wrapped_in", None)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        making = self._loop.create_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self._server = asyncio.run_coroutine_threadsafe(making, self._loop).result(5)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Close everything, connections too."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _serve(self) -> SMTP:
        self.connections += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it rightly says what a bad server one of ours is
            return SMTP(self, loop=self._loop, hostname="mail.example", enable_SMTPUTF8=True, **self._options)

    async def _close(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, step: str, server: SMTP, address: str, otherwise: str) -> str:
        answer = self.on.get((step, address), self.on.get((step, ""), otherwise))
        if answer == self.HANG:
            await asyncio.sleep(3600)
        if answer in (self.DROP, self.DROP_AFTER):
            server.transport.abort()
        return answer

    async def handle_MAIL(self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: Any) -> str:
        for _ in range(1500):
            if self.connections >= self.meeting:
                break
            await asyncio.sleep(0.01)
        envelope.mail_from, envelope.mail_options = address, options
        return await self._answer("MAIL", server, address, "250 OK")

    async def handle_RCPT(self, server: SMTP, _session: Session, envelope: Envelope, address: str, _o: Any) -> str:
        answer = await self._answer("RCPT", server, address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        self.busy = self.on.get(("DATA", "")) == self.HANG
        answer = await self._answer("DATA", server, envelope.rcpt_tos[0], "250 OK")
        if answer.startswith("250") or answer.endswith("after"):
            self.received.append(message_from_bytes(envelope.content, policy=default))
            self.envelopes.append(envelope)
        if answer == self.HANG_AFTER:
            self.busy = True
            await asyncio.sleep(3600)
        return answer

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> Any:
        self.signed_in.append((data.login, data.password))
        return AuthResult(success=(data.login, data.password) == (b"shop@x", b"p:/ss w@rd%"), handled=False)


@pytest.fixture
def start_mail_server() -> Iterator[Callable[..., MailServer]]:
    """A function that starts a server; its arguments are aiosmtpd's."""
    started: list[MailServer] = []

    def start(**options: Any) -> MailServer:
        server = MailServer(**options)
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def mail_server(start_mail_server: Callable[..., MailServer]) -> MailServer:
    """A server that takes all mail, without TLS."""
    return start_mail_server()


@pytest.fixture
def own_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The server's side of TLS, with a certificate that an authority of the test's own has signed and that is trusted.

    It is for 0.0.0.0: an address of this machine too, but not one that the shop takes for the machine itself.
    """
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mail -keyout {key} -out {certificate}"
    subprocess.run([*command.split(), "-addext", "subjectAltName=IP:0.0.0.0"], check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
