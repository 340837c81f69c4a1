"""A network between the app and its Redis that takes its time, and notes each question and each answer."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest


class SlowNetwork:
    """A TCP proxy before the Redis at a socket: each answer is ``seconds`` late.

    ``turns`` notes what was sent between two answers: so many items, so many round trips.
    """

    def __init__(self, path: Path) -> None:
        self.seconds = 0.0
        self.turns: list[bytes] = []
        self._path = str(path)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = [self._listener]
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def url(self, credentials: str = "", database: int = 0) -> str:
        """Return the URL of the Redis behind it."""
        return f"redis://{credentials}127.0.0.1:{self._listener.getsockname()[1]}/{database}"

    def close(self) -> None:
        """Cut all connections."""
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join()

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                app, _ = self._listener.accept()
                app.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._path)
                self._open += [app, server]
                self._start(self._pass_on, app, server)
                self._start(self._pass_back, server, app)

    def _pass_on(self, app: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while question := app.recv(65_536):
                self.turns.append(question)
                server.sendall(question)
            server.shutdown(socket.SHUT_WR)

    def _pass_back(self, server: socket.socket, app: socket.socket) -> None:
        with suppress(OSError):
            while answer := server.recv(65_536):
                time.sleep(self.seconds)
                app.sendall(answer)
            app.shutdown(socket.SHUT_WR)


@pytest.fixture
def slow_network(shop_valkey: str) -> Iterator[SlowNetwork]:
    """A slow network before the Valkey of all tests. It is quick until a test says otherwise."""
    network = SlowNetwork(Path(urlsplit(shop_valkey).path))
    yield network
    network.close()
