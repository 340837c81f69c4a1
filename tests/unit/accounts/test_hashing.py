"""Places to hash in: few at a time, and a short, fair line."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from shopapp.accounts import hashing
from shopapp.accounts.hashing import HashPlaces
from shopapp.http import BusyError


class Crowd:
    """Threads that want a place, and keep it until they are told to leave."""

    def __init__(self, places: HashPlaces) -> None:
        self.places, self.let_go = places, threading.Event()
        self.came_in: list[str] = []
        self.sent_away: list[str] = []
        self.threads: list[threading.Thread] = []

    def send(self, name: str, origin: str, *, is_known: bool = False) -> None:
        """Have somebody come; return when they have a place, stand in line or are gone."""

        def come() -> None:
            try:
                with self.places.place(origin, is_known=is_known):
                    self.came_in.append(name)
                    self.let_go.wait(10)
            except BusyError:
                self.sent_away.append(name)

        def settled() -> int:
            return self.places.waiting + len(self.came_in) + len(self.sent_away)

        self.threads.append(threading.Thread(target=come, daemon=True))
        self.threads[-1].start()
        until(lambda: settled() == len(self.threads))

    def leave(self) -> None:
        """Have all leave their places, and wait for everybody to be gone."""
        self.let_go.set()
        for thread in self.threads:
            thread.join(10)


def until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_true():
        assert time.monotonic() < deadline, "it does not come about"
        time.sleep(0.001)


def test_no_more_hash_at_a_time_than_there_are_places_and_none_is_lost() -> None:
    places, inside, most = HashPlaces(2), [0], [0]
    barrier, lock = threading.Barrier(30), threading.Lock()

    def rush(number: int) -> None:
        barrier.wait()
        with suppress(BusyError), places.place(str(number % 3)), places.place():  # whoever has one needs no other
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            time.sleep(0.005)
            with lock:
                inside[0] -= 1

    for _ in range(3):
        threads = [threading.Thread(target=rush, args=(number,)) for number in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)

    assert most[0] == 2
    assert (places.taken, places.waiting) == (0, 0)


def test_many_from_one_network_do_not_keep_out_those_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "WAIT_SECONDS", 10.0)
    crowd = Crowd(HashPlaces(1))
    for number in range(20):
        crowd.send(f"flood{number}", "203.0.113.0/24")
    assert crowd.came_in == ["flood0"]
    assert len(crowd.sent_away) == 17

    crowd.send("somebody", "198.51.100.0/24")
    crowd.send("flood20", "203.0.113.0/24")
    crowd.leave()

    assert crowd.came_in == ["flood0", "flood1", "somebody"]


def test_who_is_known_goes_first_and_is_not_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "WAIT_SECONDS", 10.0)
    crowd = Crowd(HashPlaces(1))
    for number in range(3):
        crowd.send(f"flood{number}", f"203.0.{number}.0/24")
    crowd.send("owner", "198.51.100.0/24", is_known=True)
    crowd.send("flood3", "203.0.3.0/24")
    crowd.leave()

    assert crowd.came_in == ["flood0", "owner", "flood1"]


def test_whoever_waits_too_long_is_sent_away_and_leaves_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "WAIT_SECONDS", 0.05)
    crowd = Crowd(HashPlaces(1))
    crowd.send("first", "a")
    crowd.send("second", "b")

    until(lambda: crowd.sent_away == ["second"])
    assert crowd.places.waiting == 0
    crowd.leave()
    assert crowd.places.taken == 0
