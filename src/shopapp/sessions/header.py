"""What is kept about a session beside the app's data: who it is, its id, its clocks; and how these may change. Pure."""

from random import getrandbits

import msgspec
from msgspec.structs import replace

from shopapp.sessions.ids import Kind, SessionId, hashed

RECORD_VERSION = 2
"""A new one ends all sessions. A new field that has a default needs none."""

NONCE_BITS = 48

MOST_MARKS = 4
"""Only a change that was rolled back needs an earlier one."""


class Person(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who logged in, from where, with which browser: what the list of a person's sessions shows."""

    user_id: int | str
    address: str = ""
    agent: str = ""
    marks: tuple[str, ...] = ()
    """What the account's own record said at the login, and at changes that this session has made itself; none is one
    empty mark. The session is valid while the record says one of them."""

    def with_mark(self, mark: str) -> "Person":
        """The same person after a change of the account's record that was made by their session.

        The earlier marks stay good: the change may yet be rolled back.
        """
        return replace(self, marks=(*(self.marks or ("",)), mark)[-MOST_MARKS:])

    def is_valid_by(self, mark: str | None) -> bool:
        """Whether the account's record, which says this by now, still lets the session go on."""
        return mark in (self.marks or ("",))


class Start(msgspec.Struct, frozen=True):
    """A beginning: of a new session, or of a login in one that exists. Seconds; 0 is for ever."""

    person: Person | None
    idle: int
    lifetime: int


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What a write changes beside the data."""

    start: Start | None = None
    """A login begins here: another id, both clocks anew."""
    cut: Kind | None = None
    """Another id, and no way to it from any earlier one: with a ``start`` "login"."""
    shown: SessionId | None = None
    """The browser has shown the id that follows the valid one, so that is the valid one now."""
    push: bool = False
    """The idle timeout begins anew."""
    idle: int | None = None
    """The app gives the session another idle timeout, in seconds; 0 is for ever."""
    expires: int | None = None
    """The app ends the session at this time, however it is used until then."""
    mark: str | None = None
    """The account's own record has another mark, by a change that this session makes itself."""


NO_CHANGE = Change()


class Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything about a session but its data. Times are whole seconds since 1970.

    ``secret_hash`` tells which id is valid, ``salt`` and ``generation`` which those before and after it are; ``root``
    is the salt with which the session or its login began (empty: it is still that one).
    ``issued``: when that id came into force, which retired the one before it. ``created``: when the session was stored
    for the first time; ``started``: when it or its login began; ``used``: when it was written last. It may stay unused
    for ``idle`` seconds (0: for ever), which is until ``expires`` (0: Redis alone knows, or never), and ends at
    ``ends`` (0: never). ``nonce`` makes each write another one, though two write the same at the same time, and
    ``after`` is that of the version before. The scripts read ``idle``, ``salt`` and ``root`` by name.
    """

    version: int
    salt: str
    root: str = ""
    generation: int = 0
    secret_hash: str
    issued: int
    created: int
    started: int
    used: int
    idle: int = 0
    expires: int = 0
    ends: int = 0
    person: Person | None = None
    nonce: int = 0
    after: int = 0

    @classmethod
    def first(cls, salt: str, session_id: SessionId, start: Start, now: int) -> "Header":
        """The header of a session that begins now, without its idle clock: see :meth:`changed`."""
        return cls(
            version=RECORD_VERSION,
            salt=salt,
            generation=session_id.generation,
            secret_hash=hashed(session_id.secret),
            issued=now,
            created=now,
            started=now,
            used=now,
            idle=start.idle,
            ends=now + start.lifetime if start.lifetime else 0,
            person=start.person,
        )

    def with_id(self, salt: str, session_id: SessionId, now: int) -> "Header":
        """The header under another id: of the same salt, or cut off from earlier ones by another."""
        return replace(
            self,
            salt=salt,
            root=self.root if salt == self.salt else self.root or self.salt,
            generation=session_id.generation,
            secret_hash=hashed(session_id.secret),
            issued=now,
        )

    def changed(self, change: Change, now: int, *, knows_expiry: bool) -> "Header":
        """The header after a change, but for its id. ``knows_expiry``: the header, not Redis alone, keeps the idle
        clock.
        """
        header = replace(self, used=now, nonce=getrandbits(NONCE_BITS), after=self.nonce)
        if change.start:
            start = change.start
            ends = now + start.lifetime if start.lifetime else 0
            header = replace(header, started=now, idle=start.idle, ends=ends, person=start.person)
        if change.mark is not None and header.person:
            header = replace(header, person=header.person.with_mark(change.mark))
        if change.idle is not None:
            header = replace(header, idle=change.idle)
        if change.expires is not None:
            return replace(header, idle=0, expires=change.expires)
        if change.push or change.start or change.idle is not None:
            header = replace(header, expires=now + header.idle if header.idle and knows_expiry else 0)
        return header

    @property
    def beginning(self) -> str:
        """What stays the same from one login to the next, whatever the id."""
        return self.root or self.salt

    def is_idle(self, now: int) -> bool:
        """Whether it has not been used for too long, as far as the header knows."""
        return bool(self.expires and now > self.expires)

    def is_at_its_end(self, now: int) -> bool:
        """Whether its absolute lifetime is over."""
        return bool(self.ends and now >= self.ends)

    def is_over(self, now: int) -> bool:
        """Whether either clock has run out: for a request and for the list of a person's sessions alike."""
        return self.is_idle(now) or self.is_at_its_end(now)

    def seconds_left(self, now: int) -> int | None:
        """How long it may stay without use from now on, whichever clock ends first; None: for ever."""
        clocks = [self.ends - now] if self.ends else []
        if self.expires or self.idle:
            clocks.append(self.expires - now if self.expires else self.idle)
        return max(1, min(clocks)) if clocks else None

    def is_of(self, user_id: int | str) -> bool:
        """Whether this person has logged in."""
        return self.person is not None and str(self.person.user_id) == str(user_id)
