"""Redis at a distance: a relay, in a process of its own, that holds back whatever is sent to Redis for a while.

What counts then is how often an app waits for Redis, whichever client it uses.
"""

import multiprocessing
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE_SECONDS = 10.0


@contextmanager
def away(redis_socket: Path, milliseconds: float) -> Iterator[Path]:
    """Yield a socket that leads to Redis, so many milliseconds away. Raises TimeoutError."""
    with tempfile.TemporaryDirectory(prefix="bench") as directory:
        near = Path(directory, "redis.sock")
        process = multiprocessing.get_context("spawn").Process(
            target=_relay, args=(near, redis_socket, milliseconds / 1e3), daemon=True
        )
        process.start()
        try:
            _wait_for(near)
            yield near
        finally:
            process.kill()
            process.join(timeout=PATIENCE_SECONDS)


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError("the relay to Redis did not start")
        time.sleep(0.02)


def _relay(near: Path, redis_socket: Path, seconds: float) -> None:
    """Serve until killed."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(near))
        listener.listen()
        while True:
            here, _address = listener.accept()
            there = socket.socket(socket.AF_UNIX)
            there.connect(str(redis_socket))
            for source, target, delay in ((here, there, seconds), (there, here, 0.0)):
                threading.Thread(target=_pass_on, args=(source, target, delay), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, delay: float) -> None:
    """Pass on what comes, until one side hangs up."""
    with suppress(OSError):
        while data := source.recv(65_536):
            if delay:
                time.sleep(delay)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
