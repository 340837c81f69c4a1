"""Connections on which a write is not answered before replicas have it as well. Knows no key and no client.

Replicas lag behind their primary, by next to nothing, and what a primary has not passed on dies with it. WAIT goes out
together with each write, so it costs no round trip between the app and Redis. It has to come on the same connection,
which is why this is done here, below all clients, pipelines and redirections of a cluster.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar, cast

from redis.connection import AbstractConnection
from redis.exceptions import ResponseError

READS = frozenset(
    b"AUTH ASKING CLIENT CLUSTER COMMAND CONFIG DBSIZE EXISTS GET HELLO HEXISTS HGET HGETALL HLEN INFO PING READONLY"
    b" READWRITE ROLE SCAN SCRIPT SELECT TIME TTL PTTL TYPE UNWATCH WAIT WATCH ZCARD ZRANGE ZSCORE".split()
)
"""After these nothing is waited for. What is not among them may be a write, and a WAIT too many loses nothing."""

C = TypeVar("C", bound=type[AbstractConnection])


def waiting_for_replicas(base: C, replicas: int, seconds: float) -> C:
    """Return that class of connections, whose writes raise ResponseError (NOREPLICAS) unless so many replicas had them
    in time. They are done then all the same, on the primary at least.
    """
    command = "WAIT", replicas, max(1, int(seconds * 1000))
    return cast("C", type(f"Waiting{base.__name__}", (_Waiting, base), {"_wait": command}))


class _Waiting(AbstractConnection):
    """Sends WAIT behind each write, and takes its answer out of those that are read."""

    _wait: tuple[str, int, int]

    def __init__(self, *args: Any, **options: Any) -> None:
        # One for each answer that is still to be read: whether that of WAIT comes behind it.
        self._awaited: deque[bool] = deque()
        # What a write was answered with, while that of WAIT is still to come.
        self._held: tuple[Any, ResponseError | None] | None = None
        super().__init__(*args, **options)

    def disconnect(self, *args: Any, **options: Any) -> None:
        self._awaited.clear()
        self._held = None
        super().disconnect(*args, **options)

    def send_command(self, *args: Any, **options: Any) -> None:
        if not _may_write(args):
            super().send_command(*args, **options)
            self._awaited.append(False)
            return
        packed = super().pack_commands([args, self._wait])
        self.send_packed_command(packed, check_health=options.get("check_health", True))
        self._awaited.append(True)

    def pack_commands(self, commands: Iterable[tuple[Any, ...]]) -> Any:
        return super().pack_commands(list(self._with_waits(commands)))

    def _with_waits(self, commands: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        in_transaction = False
        for command in commands:
            name = _name(command)
            in_transaction = (in_transaction and name != b"EXEC") or name == b"MULTI"  # where WAIT does not wait
            waits = not in_transaction and _may_write(command)
            self._awaited.append(waits)
            yield command
            if waits:
                yield self._wait

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Raises what redis-py raises. After a TimeoutError that left the connection open it may be called again."""
        if self._awaited and self._awaited[0] and self._held is None:
            self._held = self._next(*args, **options)
        answer, refused = self._next(*args, **options)
        if self._awaited:
            self._awaited.popleft()
        if self._held is not None:
            if refused is None and answer < self._wait[1]:
                refused = ResponseError(f"NOREPLICAS {answer} of {self._wait[1]} replicas have the write")
            answer, first_refused = self._held
            self._held, refused = None, first_refused or refused
        if refused is not None:
            raise refused
        return answer

    def _next(self, *args: Any, **options: Any) -> tuple[Any, ResponseError | None]:
        try:
            return super().read_response(*args, **options), None
        except ResponseError as error:
            return None, error


def _name(command: tuple[Any, ...]) -> bytes:
    name = command[0]
    words = name.encode() if isinstance(name, str) else bytes(name)
    return words.partition(b" ")[0].upper()


def _may_write(command: tuple[Any, ...]) -> bool:
    return _name(command) not in READS
