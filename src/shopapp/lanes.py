"""Two lines of requests before waitress's threads, so that one never waits for the other. Knows no WSGI.

What may hash a password is slow on purpose, and is what floods are made of. Waitress has one line for all: ninety such
requests in it, and every page waits for ninety, though each be refused at once. So they have a line of their own, with
threads of its own, and only so many go through it in a second, or the refusing alone would keep a processor busy. In it
all who send something take turns, or one would wait for all that another has sent.
"""

import logging
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any

from waitress.task import ThreadedTaskDispatcher

SLOW_ENDS = (
    "/login",
    "/register",
    "/register/confirm",
    "/password/forgotten",
    "/password/reset",
    "/account/password",
    "/account/email",
    "/end",
    "/end-others",
)
"""How the paths end that take a password or send mail, whatever is before them. More than those does no harm."""

PER_SECOND = 50
"""Far more sign-ins than one process can hash, and few enough to be refused by the way: docs/performance.md."""


class TwoLanes:
    """Takes the place of waitress's own dispatcher. The slow lane has one thread more than can be kept waiting in it:
    there is always one to refuse the next.
    """

    def __init__(self, threads: int) -> None:
        self._usual, self._slow = ThreadedTaskDispatcher(), ThreadedTaskDispatcher()
        self._usual.set_thread_count(threads)
        self._slow.queue = _InTurns()
        self._slow.queue_logger = logging.getLogger(__name__)  # or each request of a flood is a line of the log
        self._slow.queue_logger.setLevel(logging.ERROR)
        self._pause = 0.0

    def open_slow_lane(self, kept_waiting: int) -> None:
        """Start its threads: one more than ``kept_waiting``."""
        self._pause = (kept_waiting + 1) / PER_SECOND
        self._slow.set_thread_count(kept_waiting + 1)

    def add_task(self, task: Any) -> None:
        """Put a connection whose next request is complete into its line."""
        if _is_slow(task):
            self._slow.add_task(_Paced(task, self._pause, _sender_of(task)))
        else:
            self._usual.add_task(task)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        """Stop all threads, waiting so many seconds for each line."""
        ended = [lane.shutdown(cancel_pending, timeout) for lane in (self._usual, self._slow)]
        return all(ended)


@dataclass(slots=True)
class _Paced:
    """Keeps a thread for a while after the answer is on its way: nobody waits longer who comes alone."""

    task: Any
    pause: float
    sender: tuple[str, str]

    def service(self) -> None:
        began = time.monotonic()
        self.task.service()
        time.sleep(max(0.0, self.pause - (time.monotonic() - began)))

    def cancel(self) -> None:
        self.task.cancel()


class _InTurns:
    """What waitress's threads take tasks from: of each sender one, and then the next of the first one."""

    def __init__(self) -> None:
        self._lines: OrderedDict[tuple[str, str], deque[_Paced]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, task: _Paced) -> None:
        self._lines.setdefault(task.sender, deque()).append(task)
        self._length += 1

    def popleft(self) -> _Paced:
        sender, line = self._lines.popitem(last=False)
        task = line.popleft()
        if line:
            self._lines[sender] = line
        self._length -= 1
        return task


def _sender_of(channel: Any) -> tuple[str, str]:
    """Return the peer, and for whom it says that it sends: a proxy of ours is right, and who lies about it gains no
    more than what a line without turns would give.
    """
    return str(channel.addr[0]), channel.requests[0].headers.get("X_FORWARDED_FOR", "")


def _is_slow(channel: Any) -> bool:
    """Tell whether its next request belongs in the slow lane. Raises nothing, whatever was sent: waitress would keep
    the connection for ever.
    """
    requests = channel.requests
    request = requests[0] if requests else None
    if request is None or request.error:  # a malformed one has neither method nor path, and is refused at once
        return False
    return request.command == "POST" and (request.path or "").endswith(SLOW_ENDS)
