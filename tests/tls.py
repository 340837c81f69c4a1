"""TLS in front of servers that have none, with certificates of an authority of the test's own.

The embedded server is built without TLS, so what the shop meets is a thread of the test, which takes TLS and passes on
what is in it. The shop's side, where certificates and names are judged, is as with any other Redis.
"""

import asyncio
import socket
import ssl
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

TLS_BEGINS = b"\x16"
NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"


class Authority:
    """An authority, and certificates that it signs."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory, self.certificate = directory, directory / "ca.pem"
        self._openssl(f"req -x509 {NEW_KEY} -days 2 -subj /CN=ours -keyout ca.key -out ca.pem")

    def context(self, names: str = "IP:127.0.0.1") -> ssl.SSLContext:
        """The server's side of TLS, with a certificate for those names."""
        (self._directory / "names").write_text(f"subjectAltName={names}")
        self._openssl(f"req {NEW_KEY} -subj /CN=server -keyout server.key -out server.csr")
        signing = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names"
        self._openssl(f"x509 -req -in server.csr {signing} -out server.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._directory / "server.pem", self._directory / "server.key")
        return context

    def _openssl(self, command: str) -> None:
        subprocess.run(["openssl", *command.split()], cwd=self._directory, check=True, capture_output=True)


class TlsProxy:
    """A port that passes on what is in TLS to another port; and what comes without it, as servers among themselves do.

    ``opened`` counts the connections of the first kind.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self.opened = 0
        self._loop = asyncio.new_event_loop()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setblocking(False)
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)

    def lead_to(self, target: int | str) -> None:
        """Begin to take connections, for that port or socket."""
        self._target = target
        self._thread.start()
        self._serving = asyncio.run_coroutine_threadsafe(self._accept(), self._loop)

    def close(self) -> None:
        """End everything."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop).result(5)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
        self._loop.close()
        self._listening.close()

    async def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self) -> None:
        serving = set()
        while True:
            taken, _ = await self._loop.sock_accept(self._listening)
            serving.add(asyncio.create_task(self._serve(taken)))

    async def _serve(self, taken: socket.socket) -> None:
        outer = inner = None
        try:
            while not (first := _peek(taken)):
                await asyncio.sleep(0.001)
            is_tls = first == TLS_BEGINS
            reader = asyncio.StreamReader()
            outer, _ = await self._loop.connect_accepted_socket(
                lambda: asyncio.StreamReaderProtocol(reader), taken, ssl=self._context if is_tls else None
            )
            self.opened += is_tls
            if isinstance(self._target, str):
                back, inner = await asyncio.open_unix_connection(self._target)
            else:
                back, inner = await asyncio.open_connection("127.0.0.1", self._target)
            await asyncio.gather(_pass_on(reader, inner.transport), _pass_on(back, outer))
        except OSError:
            pass  # a client that does not trust us hangs up
        finally:
            for transport in (outer, inner.transport if inner else None):
                if transport is not None:
                    transport.abort()


def _peek(taken: socket.socket) -> bytes:
    with suppress(BlockingIOError):
        return taken.recv(1, socket.MSG_PEEK) or b"end"
    return b""


async def _pass_on(source: asyncio.StreamReader, target: asyncio.WriteTransport) -> None:
    while data := await source.read(65_536):
        target.write(data)
    target.close()
