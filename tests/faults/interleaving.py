"""Holding requests at any of their Redis commands, so that others can be put in between; and what came of them."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from on_granian import asking_thread
from session_app import browser, cookie_of
from shopapp.testing import Observed

PATIENCE_SECONDS = 10
"""Longer than any step takes: a test that waits so long has found a deadlock."""


class HeldRequest:
    """A request that runs in a thread of its own and stops before its ``step``-th Redis command until released.

    ``was_held`` tells whether it got that far; a request with fewer commands is simply done.
    """

    def __init__(self, client: Observed, step: int, request: Callable[[], Any]) -> None:
        self._step, self._seen = step, 0
        self._reached, self._released = threading.Event(), threading.Event()
        self._outer = client.before
        client.before = self._before_command
        self._client = client
        self._pool = ThreadPoolExecutor(1)
        self._thread_id: int | None = None
        self._future: Future[Any] = self._pool.submit(self._run, request)
        while not self._reached.wait(0.002) and not self._future.done():
            pass
        self.was_held = self._reached.is_set()

    def finish(self) -> Any:
        """Let the request go on; return its response. May be called again."""
        self._released.set()
        try:
            return self._future.result(PATIENCE_SECONDS)
        finally:
            self._pool.shutdown()

    def _run(self, request: Callable[[], Any]) -> Any:
        self._thread_id = asking_thread()
        return request()

    def _before_command(self, name: str) -> None:
        self._outer(name)
        if asking_thread() != self._thread_id:
            return
        self._seen += 1
        if self._seen == self._step:
            self._reached.set()
            assert self._released.wait(PATIENCE_SECONDS), "the test forgot to finish the request"


@contextmanager
def held(client: Observed, step: int, request: Callable[[], Any]) -> Iterator[HeldRequest]:
    """Hold ``request`` at its ``step`` while the body runs; it is finished afterwards."""
    nobody = client.before
    held_request = HeldRequest(client, step, request)
    try:
        yield held_request
    finally:
        held_request.finish()
        client.before = nobody


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run ``work(0)`` to ``work(count - 1)`` in threads that start at the same moment; return their results."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        barrier.wait(PATIENCE_SECONDS)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def twin_of(app: Any, visitor: Any) -> Any:
    """Another tab of the same browser, as it is now."""
    twin = browser(app)
    twin.set_cookie("session", cookie_of(visitor))
    return twin


def is_logged_in(app: Any, cookie: str) -> bool:
    """Whether somebody with this cookie is taken for a person who has logged in."""
    visitor = browser(app)
    visitor.set_cookie("session", cookie)
    return "user" in visitor.get("/data").json


def cookies_set_by(response: Any) -> list[str]:
    """The session cookies that the response sets; a deletion is none."""
    values = [header.partition(";")[0].removeprefix("session=") for header in response.headers.getall("Set-Cookie")]
    return [value for value in values if value]


def steps_of(race: Callable[[int], bool]) -> int:
    """Run ``race(step)`` for every step of the request until it answers that the request has no such step."""
    step = 1
    while race(step):
        step += 1
        assert step < 20, "the request never ends"
    return step - 1
