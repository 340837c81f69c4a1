"""The processes of the soak: each can be started, killed, frozen and stopped. Knows nothing of what they do."""

import http.client
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.contenders import BenchmarkError

PATIENCE_SECONDS = 120.0
"""For a part to start or to end: the machine may be busy."""

BELOW_EPHEMERAL = (15_000, 30_000)
"""Where ports are taken from: from above, the system gives them to outgoing connections while a part is down."""


@dataclass
class Part:
    """One process, which may be another one after each start."""

    name: str
    command: Sequence[str | Path]
    log: Path
    answers: Callable[[], bool]
    """Whether it can be used. May raise OSError."""
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    ending: signal.Signals = signal.SIGTERM
    """What ends it in good order."""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it. :meth:`wait` says when it can be used."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                list(map(str, self.command)),
                env={**os.environ, **self.environment},
                user=self.user,
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for us, who end it
            )

    def wait(self) -> None:
        """Wait until it can be used. Raises BenchmarkError."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with suppress(OSError):
                if self.answers():
                    return
            if self.process is None or self.process.poll() is not None:
                raise BenchmarkError(f"{self.name} has ended:\n{self._last_words()}")
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{self.name} does not answer:\n{self._last_words()}")
            time.sleep(0.05)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """End it so that it can tidy up nothing."""
        self.send(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def stop(self) -> None:
        """End it in good order; kill it if it does not."""
        self.send(signal.SIGCONT)  # if it is frozen
        self.send(self.ending)
        try:
            self.wait_for_end()
        except subprocess.TimeoutExpired:
            self.kill()

    def wait_for_end(self) -> None:
        """Wait until it has ended. Raises subprocess.TimeoutExpired."""
        if self.process is not None:
            self.process.wait(PATIENCE_SECONDS)

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2_000:]


def free_port(chance: random.Random) -> int:
    """Return a port that nobody has, and that nobody is given while its owner is down."""
    while True:
        port = chance.randrange(*BELOW_EPHEMERAL)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def is_ready(port: int) -> bool:
    """Tell whether a shop, or a proxy before it, says that it is ready. Raises OSError."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except http.client.HTTPException:
        return False
    finally:
        connection.close()
