"""Random interleavings of several browsers on two people's sessions, against a simple model of the design's promises.

The model is sequential: it says what each session holds and which cookies open it. A request that is held on its way
takes effect when it is finished, on the session as it is then. Answers get lost on their way to a browser, and those of
Redis on their way to us: neither changes what a session holds.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import redis
import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pyramid.request import Request

from interleaving import HeldRequest, twin_of
from session_app import browser, cookie_of, make_app
from shopapp.events import SessionConflict
from shopapp.testing import Observed

BROWSERS = st.integers(0, 2)
PEOPLE = st.sampled_from([1, 2])
INNER = ("x", "y")
"""Keys of a dict in the session."""
KEYS = st.sampled_from(["a", "b", *INNER])
ATTEMPTS = ["/data", "/set?a=evil", "/logout", "/password", "/end-others"]
ROTATION_IS_DUE = 1_801


@dataclass(eq=False)
class Session:
    """What one session should hold. ``generation`` counts the logins, each of which cuts off all earlier cookies."""

    data: dict[str, str] = field(default_factory=dict)
    user: int | None = None
    alive: bool = True
    generation: int = 0


@dataclass
class Flight:
    """A write that is held between load and save, and the session it loaded."""

    browser: int
    key: str
    value: str
    base: str | None
    session: Session
    generation: int
    request: HeldRequest


def path_of(key: str) -> str:
    """Where a key is set, up to its value."""
    return f"/nest?{key}=" if key in INNER else f"/set?{key}="


def nest(request: Request) -> dict[str, Any]:
    """Set keys of a dict in the session."""
    request.session.setdefault("nested", {}).update(request.GET)
    return dict(request.session)


def unnest(request: Request) -> dict[str, Any]:
    """Take keys out of it."""
    for key in request.GET:
        del request.session["nested"][key]
    return dict(request.session)


class Browsers(RuleBasedStateMachine):
    """Three browsers, two people, and requests that take their time."""

    client: Observed  # set by the test

    @initialize()
    def start(self) -> None:
        self.client.flushall()
        self.client.before = lambda name: None
        self.app = make_app(self.client, {"nest": nest, "unnest": unnest}, absolute_timeout="None")
        self.jars = [browser(self.app) for _ in range(3)]
        self.sessions: list[Session | None] = [None, None, None]
        self.flights: list[Flight] = []
        self.dead_cookies: list[str] = []
        self.count = self.conflicts = 0
        self.told: list[SessionConflict] = []
        self.app.registry.registerHandler(self.told.append, (SessionConflict,))
        self.clock = time_machine.travel(time.time(), tick=False)
        self.traveller = self.clock.start()

    def teardown(self) -> None:
        self.hear_redis()
        for flight in getattr(self, "flights", []):
            flight.request.finish()
        if hasattr(self, "clock"):
            self.clock.stop()

    @rule(number=BROWSERS, key=KEYS)
    def write(self, number: int, key: str) -> None:
        session = self.live(number)
        if session is None:
            session = self.sessions[number] = Session()
        session.data[key] = value = self.new_value()
        self.jars[number].get(f"{path_of(key)}{value}")

    @rule(number=BROWSERS, key=KEYS)
    def write_and_lose_the_answer(self, number: int, key: str) -> None:
        session = self.live(number)
        if session:
            session.data[key] = value = self.new_value()
            twin_of(self.app, self.jars[number]).get(f"{path_of(key)}{value}")

    @rule(number=BROWSERS, times=st.integers(1, 10))
    def read_and_lose_the_answer(self, number: int, times: int) -> None:
        if self.live(number):
            for _ in range(times):
                assert "user" in twin_of(self.app, self.jars[number]).get("/data").json or not self.live(number).user

    @rule(name=st.sampled_from(["GET", "EVALSHA", "SET"]))
    def lose_the_next_answer_of_redis(self, name: str) -> None:
        """The command is done, but the connection breaks before that is heard."""
        honest = type(self.client).execute_command

        def execute(*args: Any, **options: Any) -> Any:
            answer = honest(self.client, *args, **options)
            if args[0] == name:
                self.hear_redis()
                raise redis.exceptions.ConnectionError("the answer is lost")
            return answer

        self.client.execute_command = execute

    @rule(number=BROWSERS, key=KEYS)
    def delete(self, number: int, key: str) -> None:
        session = self.live(number)
        if session and key in session.data:
            del session.data[key]
            self.jars[number].get(f"/unnest?{key}" if key in INNER else f"/delete?{key}")

    @rule(number=BROWSERS, user=PEOPLE)
    def log_in(self, number: int, user: int) -> None:
        session = self.live(number)
        if session is None or session.user not in (None, user):
            if session:
                session.alive = False
            session = self.sessions[number] = Session()
        session.user, session.generation = user, session.generation + 1
        self.retire_cookie(number)
        self.jars[number].get(f"/login?user={user}")

    @rule(number=BROWSERS)
    def log_out(self, number: int) -> None:
        session = self.live(number)
        if session and session.user:
            session.alive = False
            self.retire_cookie(number)
        self.jars[number].get("/logout")

    @rule(number=BROWSERS)
    def change_password(self, number: int) -> None:
        session = self.live(number)
        if session and session.user:
            self.retire_cookie(number)
            session.generation += 1
            self.end_others_of(session)
        self.jars[number].get("/password")

    @rule(number=BROWSERS)
    def end_others(self, number: int) -> None:
        session = self.live(number)
        if session and session.user:
            self.end_others_of(session)
        self.jars[number].get("/end-others")

    @rule(number=BROWSERS, key=KEYS)
    def begin_slow_write(self, number: int, key: str) -> None:
        session, cookie = self.live(number), cookie_of(self.jars[number])
        if session is None or len(self.flights) == 3:
            return
        self.hear_redis()
        value, tab = self.new_value(), browser(self.app)
        tab.set_cookie("session", cookie)
        request = HeldRequest(self.client, 2, lambda: tab.get(f"{path_of(key)}{value}"))
        assert request.was_held
        base = session.data.get(key)
        self.flights.append(Flight(number, key, value, base, session, session.generation, request))

    @precondition(lambda self: self.flights)
    @rule(choice=st.integers(0, 2))
    def finish_slow_write(self, choice: int) -> None:
        flight = self.flights.pop(choice % len(self.flights))
        response = flight.request.finish()
        if flight.session.alive and flight.generation == flight.session.generation:
            self.conflicts += flight.session.data.get(flight.key) != flight.base
            flight.session.data[flight.key] = flight.value
        else:
            assert response.headers.getall("Set-Cookie") == []

    @precondition(lambda self: not self.flights)
    @rule(seconds=st.sampled_from([60, 301, ROTATION_IS_DUE]))
    def let_time_pass(self, seconds: int) -> None:
        """Not while a request is on its way: no request takes as long as the grace of a rotation."""
        self.traveller.shift(seconds)
        self.look_at_all()  # in use, so that no session is idle for long

    @precondition(lambda self: self.dead_cookies)
    @rule(choice=st.integers(0, 100), path=st.sampled_from(ATTEMPTS))
    def replay_a_dead_cookie(self, choice: int, path: str) -> None:
        thief = browser(self.app)
        thief.set_cookie("session", self.dead_cookies[choice % len(self.dead_cookies)])
        answer = thief.get(path).json
        assert not answer or answer == {"a": "evil"}  # in a new session, which is nobody's

    @invariant()
    def every_browser_sees_what_it_should(self) -> None:
        if hasattr(self, "jars"):
            self.look_at_all()

    @invariant()
    def every_conflict_is_told_once(self) -> None:
        assert len(getattr(self, "told", [])) == getattr(self, "conflicts", 0)

    @invariant()
    def every_person_can_see_and_end_all_their_sessions(self) -> None:
        for number, session in enumerate(getattr(self, "sessions", [])):
            if session and self.live(number) and session.user:
                theirs = {id(other) for other in self.sessions if other and other.alive and other.user == session.user}
                assert len(self.jars[number].get("/sessions").json) == len(theirs)

    def look_at_all(self) -> None:
        for number, jar in enumerate(self.jars):
            session = self.live(number)
            seen = jar.get("/data").json
            assert seen.pop("user", {}).get("id") == (session.user if session else None)
            inner = seen.pop("nested", {})
            assert {**seen, **inner} == (session.data if session else {})

    def live(self, number: int) -> Session | None:
        session = self.sessions[number]
        return session if session and session.alive else None

    def end_others_of(self, session: Session) -> None:
        for number, other in enumerate(self.sessions):
            if other and other is not session and other.user == session.user and other.alive:
                other.alive = False
                self.retire_cookie(number)

    def retire_cookie(self, number: int) -> None:
        cookie = cookie_of(self.jars[number])
        if cookie:
            self.dead_cookies.append(cookie)

    def hear_redis(self) -> None:
        """Lose no answer of Redis any more."""
        self.client.__dict__.pop("execute_command", None)

    def new_value(self) -> str:
        self.count += 1
        return str(self.count)


def test_any_interleaving_keeps_the_promises(any_redis: Observed) -> None:
    Browsers.client = any_redis
    run = settings(
        max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(Browsers, settings=run)
