"""What the next write of a session changes beside its data: its id, its beginning, its clocks."""

from dataclasses import dataclass

from msgspec.structs import replace

from shopapp.sessions.record import Header, Person, SessionId


@dataclass(frozen=True, kw_only=True)
class NewId:
    """A change of id. ``pepper`` is set where the old id shall lead to the new one for a while."""

    session_id: SessionId
    reason: str
    pepper: str = ""


@dataclass(frozen=True, kw_only=True)
class NewStart:
    """A new beginning: of a new session, or of a login in one that exists. ``lifetime``: the absolute one, seconds."""

    lifetime: int | None = None
    person: Person | None = None


@dataclass
class Plan:
    """Filled in during the request, carried out by the write. ``idle`` is how many seconds it may stay without use."""

    new_id: NewId | None = None
    new_start: NewStart | None = None
    idle: int | None = None

    def first_header(self, session_id: SessionId, now: int) -> Header:
        """Return the header of a session that is stored for the first time."""
        start = self.new_start or NewStart()
        return self._timed(Header.new(session_id.secret_hash, now, start.lifetime, start.person))

    def next_header(self, header: Header, now: int) -> Header:
        """Return the header that follows ``header``."""
        if self.new_id is None:
            return self._timed(replace(header, used=now))
        secret_hash = self.new_id.session_id.secret_hash
        if self.new_start:
            return self._timed(Header.new(secret_hash, now, self.new_start.lifetime, self.new_start.person))
        if self.new_id.pepper:
            return self._timed(header.rotated(secret_hash, self.new_id.pepper, now))
        return self._timed(header.severed(secret_hash, now))

    def _timed(self, header: Header) -> Header:
        return replace(header, idle=self.idle or 0)
