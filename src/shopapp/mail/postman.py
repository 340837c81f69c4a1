"""The app's own thread that sends mail: at once after a commit, and now and then for what a killed process has left.

It begins with the first request that a process serves: one that was forked from another has no thread of that one's. It
ends with the app's registry, keeps no process from ending, and outlives every outage of the database or of the server.
"""

import logging
import os
import random
import weakref
from threading import Event, Lock, Thread
from typing import NamedTuple

from pyramid.events import NewRequest
from pyramid.registry import Registry

from shopapp.mail.outbox import POSTMAN, SENDER
from shopapp.mail.sending import Sender, place_of

log = logging.getLogger(__name__)

LOOK_SECONDS = 15.0
"""How often it looks unasked: so long does a letter wait that another process has left, or the command line posted."""

AWAY_SECONDS = 60.0
"""The longest pause while mail cannot leave: nobody is there to hear a second attempt in the same minute."""


class Bell:
    """How a thread is told to look, or to stop."""

    def __init__(self) -> None:
        self.rung, self.stopped = Event(), Event()

    def stop(self) -> None:
        """Have the thread end. It may be in the middle of a letter, which it finishes."""
        self.stopped.set()
        self.rung.set()


class Postman:
    """Starts the thread and wakes it. Neither it nor the thread keeps the registry alive."""

    def __init__(self, registry: Registry) -> None:
        self._registry = weakref.ref(registry)
        self._bell, self._process, self._lock = Bell(), 0, Lock()

    def start(self) -> None:
        """Start the thread, unless it runs in this process."""
        if self._process == os.getpid():
            return
        with self._lock:
            registry = self._registry()
            if self._process == os.getpid() or registry is None:
                return
            self._bell, self._process = Bell(), os.getpid()  # the parent's bell may be held by a thread left behind
            weakref.finalize(registry, self._bell.stop)
            Thread(target=_work, args=(self._bell, self._registry), name="postman", daemon=True).start()

    def wake(self) -> None:
        """Have it look now."""
        self.start()
        self._bell.rung.set()


def on_new_request(event: NewRequest) -> None:
    """This process serves: so it sends, too."""
    event.request.registry[POSTMAN].start()


def _work(bell: Bell, registry: "weakref.ref[Registry]") -> None:
    failures, told = 0, ""
    while not bell.stopped.is_set():
        bell.rung.clear()
        looked = _look(registry())
        if looked.error != told:  # once, not at each look: an outage may be long
            if looked.error:
                log.error("outbox_not_looked_at error=%s", looked.error)
            else:
                log.warning("outbox_looked_at_again")
            told = looked.error
        if looked.is_well:
            failures = 0
            bell.rung.wait(_about(LOOK_SECONDS))
        else:
            # Not woken by new letters: a shop that sells while its mail server is away would try, and log, each time.
            bell.stopped.wait(_about(min(LOOK_SECONDS * 2**failures, AWAY_SECONDS)))
            failures = min(failures + 1, 8)


class Looked(NamedTuple):
    """What became of a look: whether mail leaves, and the error if there was one."""

    is_well: bool
    error: str = ""


def _look(registry: Registry | None) -> Looked:
    if registry is None:
        return Looked(is_well=True)
    try:
        sender: Sender = registry[SENDER]
        return Looked(not sender.send_due().away)
    except Exception as error:
        return Looked(is_well=False, error=place_of(error))


def _about(seconds: float) -> float:
    """Return a bit more or less, or all processes would look at the same moment for ever."""
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - nothing has to be kept from being guessed
