"""The servers that Redis is, one or many, and whether each can be asked: a circuit breaker for each, closing by itself.

A node that hangs, is loading its data or is busy with a script is away. Nothing is sent to it then, except by the one
thread that asks every moment whether it is back: no request has to find out. A node that refuses connections is not
away in this sense, for it says so at once.
"""

import logging
import os
import threading
import time
from collections.abc import Callable

from redis import exceptions

from shopapp.redis.watching import tell_node

LOOK_SECONDS = 0.05
"""So often a node is asked again that said why it cannot serve; one that hangs is waited for."""

log = logging.getLogger(__name__)


class NodeAway(exceptions.RedisError):
    """Nothing was sent, for the node is known to be away; or its answer is not waited for any longer."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"  # redis-py's own leaves out what it says


class Node:
    """One server."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.away_because = ""
        """Why nothing is sent to it at the moment; empty if it is there."""
        self.waiting = 0
        """Threads that wait for an answer which is late."""
        self._lock = threading.Lock()

    def leave(self, reason: str, is_back: Callable[[], bool | None]) -> None:
        """Send nothing to it until ``is_back`` has said so, or None: nobody needs to know any more. It is called again
        and again, by one thread; what it raises is logged once, and means not yet. If no thread can be started, the
        node is asked as before, and the next failure tries again.
        """
        with self._lock:
            if self.away_because:
                return
            self.away_because = reason
        log.error("redis_node_away node=%s reason=%r", self.address, reason)
        tell_node(self.address, True)
        try:
            threading.Thread(target=self._watch, args=(is_back, time.monotonic()), daemon=True).start()
        except Exception:  # the machine has no more threads; nobody would ever find it back
            log.exception("redis_node_not_watched node=%s", self.address)
            self._return()

    def _return(self) -> None:
        self.away_because = ""
        tell_node(self.address, False)

    def _watch(self, is_back: Callable[[], bool | None], since: float) -> None:
        try:
            answer = self._wait(is_back)
        finally:  # whatever ends this thread, nobody else would ask
            self._return()
        if answer:
            log.warning("redis_node_back node=%s seconds=%.1f", self.address, time.monotonic() - since)

    def _wait(self, is_back: Callable[[], bool | None]) -> bool | None:
        is_logged = False
        while True:
            try:
                answer = is_back()
            except Exception:
                answer = False
                if not is_logged:
                    log.exception("redis_node_not_asked node=%s", self.address)
                    is_logged = True
            if answer is not False:
                return answer
            time.sleep(LOOK_SECONDS)

    def forget(self) -> None:
        """Start anew, in a process that was forked: the thread that watches is not there."""
        self.away_because, self.waiting, self._lock = "", 0, threading.Lock()


_nodes: dict[str, Node] = {}


def _forget_all() -> None:
    for node in _nodes.values():
        node.forget()


os.register_at_fork(after_in_child=_forget_all)


def node_at(address: str) -> Node:
    """Return the node at this address: one and the same for all clients of the process."""
    return _nodes.get(address) or _nodes.setdefault(address, Node(address))
