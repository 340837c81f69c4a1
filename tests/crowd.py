"""Fifty people who fill carts and sign in while something happens to Redis, and a ledger of what they were told.

The ledger is kept outside of the shop, and is compared with it at the end: what was acknowledged has to be there, and
what was answered with 503 may be.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from webtest import TestApp

from shopapp.catalog import demo
from shopapp.testing.shop import JSON

MUG = "stoneware-mug"
CREDENTIALS = {"email": demo.EMAIL, "password": demo.PASSWORD}
CLIENTS, OF_WHICH_SIGN_IN = 50, 10
PAUSE_SECONDS = 0.25

_numbers = count(1)


@dataclass
class Person:
    """One of them: a browser, or a new one for each sign-in, and what its owner knows."""

    app: Any
    signs_in: bool
    number: int = field(default_factory=lambda: next(_numbers))
    acknowledged: int = 0
    unknown: int = 0
    logins: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.browser = self._new_browser()

    def act(self) -> int:
        """Add a mug to the cart, or sign in once more; return the status of the answer."""
        if self.signs_in:
            browser = self._new_browser()
            status = browser.post("/login", CREDENTIALS, headers=JSON, status="*").status_int
            if status == 200:
                self.logins.append(browser.cookies["session"])
            return int(status)
        press = f"press-{next(_numbers)}"
        status = self.browser.post("/cart/items", {"sku": MUG, "press": press}, headers=JSON, status="*").status_int
        self.acknowledged += status == 200
        self.unknown += status == 503
        return int(status)

    def lost(self) -> int:
        """How much of what was acknowledged is not there. Also fails if there is more than was ever asked for."""
        if self.signs_in:
            return sum(not self._opens(cookie) for cookie in self.logins)
        there = int(self.browser.get("/cart", headers=JSON).json["count"])
        assert there <= self.acknowledged + self.unknown, "something was added twice"
        return max(0, self.acknowledged - there)

    def _opens(self, cookie: str) -> bool:
        answer = self._new_browser().get("/account", headers={**JSON, "Cookie": f"session={cookie}"}, status="*")
        assert answer.status_int in (200, 401)
        return bool(answer.status_int == 200)

    def _new_browser(self) -> TestApp:
        return TestApp(self.app, extra_environ={"REMOTE_ADDR": f"10.{self.number % 250}.{self.number // 250}.1"})


class Crowd:
    """All of them, with the moments at which they were refused."""

    def __init__(self, app: Any) -> None:
        self.people = [Person(app, number < OF_WHICH_SIGN_IN) for number in range(CLIENTS)]
        self.refused: list[float] = []
        self.served: list[float] = []
        self.odd: list[int] = []
        self._over = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Have them go on until the end of the block. Raises what one of them met that is no answer."""
        raised: list[BaseException] = []
        threads = [threading.Thread(target=self._go_on, args=(person, raised)) for person in self.people]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()
        if raised:
            raise raised[0]

    def _go_on(self, person: Person, raised: list[BaseException]) -> None:
        try:
            while not self._over.wait(PAUSE_SECONDS):
                status = person.act()
                told = {200: self.served, 503: self.refused}.get(status)
                if told is None:
                    self.odd.append(status)
                else:
                    told.append(time.monotonic())
        except BaseException as error:
            raised.append(error)

    @property
    def acknowledged(self) -> int:
        """How many changes were acknowledged, sign-ins included."""
        return sum(person.acknowledged + len(person.logins) for person in self.people)

    def lost(self) -> int:
        """How many of them are not there."""
        return sum(person.lost() for person in self.people)

    def refused_until(self, since: float) -> float:
        """How long after that moment somebody was refused last; 0 if nobody was."""
        return max((moment - since for moment in self.refused if moment > since), default=0.0)


def until(done: Callable[[], object], seconds: float = 20.0) -> float:
    """Wait until it is so; return the moment."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it does not come about"
        time.sleep(0.02)
    return time.monotonic()
