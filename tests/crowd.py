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
DONE, UNAVAILABLE = "done", "unavailable"
MORE_THAN_IS_GOOD = ("busy", "too_many_tries")
"""What the shop says to so many who sign in at the same time, whatever Redis does."""
CLIENTS, OF_WHICH_SIGN_IN = 50, 10
WAITING = {"redis.sessions.redis_waiting": str(CLIENTS)}
"""For a shop with as many threads as there are people: all of them may wait, or where the machine is slow some would be
refused for that, fault or none.
"""
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

    def act(self) -> str:
        """Add a mug to the cart, or sign in once more; return what became of it."""
        browser = self._new_browser() if self.signs_in else self.browser
        press = {"sku": MUG, "press": f"press-{next(_numbers)}"}
        path, fields = ("/login", CREDENTIALS) if self.signs_in else ("/cart/items", press)
        answer = browser.post(path, fields, headers=JSON, status="*")
        if answer.status_int == 200:
            self.acknowledged += 1
            if self.signs_in:
                self.logins.append(browser.cookies["session"])
            return DONE
        code = str(answer.json["error"]["code"])
        self.unknown += code == UNAVAILABLE
        return code

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
        self.odd: list[str] = []
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
                told, now = person.act(), time.monotonic()
                if told == DONE:
                    self.served.append(now)
                elif told == UNAVAILABLE:
                    self.refused.append(now)
                elif told not in MORE_THAN_IS_GOOD:
                    self.odd.append(told)
        except BaseException as error:
            raised.append(error)

    @property
    def acknowledged(self) -> int:
        """How many changes were acknowledged, sign-ins included."""
        return sum(person.acknowledged for person in self.people)

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
