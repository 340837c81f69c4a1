"""What the settings say about the lives of sessions, in the terms that the store and the session need. Pure."""

from dataclasses import dataclass

from shopapp.sessions.header import Header, Person, Start
from shopapp.sessions.settings import SessionSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Times are in seconds; 0 is for ever, or never."""

    prefix: str
    timeout: int
    anonymous_timeout: int
    kept_timeout: int
    absolute_timeout: int
    kept_absolute_timeout: int
    timeout_trigger: int
    knows_expiry: bool
    """The header keeps the idle clock; else Redis alone does, by the time to live."""
    sets_ttl: bool
    """Redis removes sessions by itself."""
    pushes_on_read: bool
    rotation_interval: int
    rotation_grace: int
    rotation_late: int
    ends_on_reuse: bool
    ends_empty: bool
    detects_changes: bool
    refuses_conflicts: bool
    raises_unreadable: bool

    @classmethod
    def of(cls, settings: SessionSettings) -> "Policy":
        """Return the policy that the settings describe."""
        return cls(
            prefix=settings.prefix,
            timeout=settings.timeout or 0,
            anonymous_timeout=settings.anonymous_timeout or settings.timeout or 0,
            kept_timeout=settings.kept_timeout or 0,
            absolute_timeout=settings.absolute_timeout or 0,
            kept_absolute_timeout=settings.kept_absolute_timeout or 0,
            timeout_trigger=settings.timeout_trigger or 0,
            knows_expiry=settings.python_expires or settings.timeout_trigger is not None,
            sets_ttl=settings.set_redis_ttl,
            pushes_on_read=settings.set_redis_ttl_readheavy,
            rotation_interval=settings.rotation_interval or 0,
            rotation_grace=settings.rotation_grace,
            rotation_late=settings.rotation_late,
            ends_on_reuse=settings.end_on_reuse,
            ends_empty=settings.invalidate_empty_session,
            detects_changes=settings.detect_changes,
            refuses_conflicts=settings.conflict == "error",
            raises_unreadable=not settings.deserialized_fails_new,
        )

    @property
    def longest_life(self) -> int:
        """The longest absolute lifetime that a session can have."""
        both = (self.absolute_timeout, self.kept_absolute_timeout)
        return max(both) if all(both) else 0

    def visit(self) -> Start:
        """The beginning of a visitor's session."""
        return Start(None, self.anonymous_timeout, self.absolute_timeout)

    def login(self, person: Person, *, keep: bool) -> Start:
        """The beginning of a person's session."""
        if keep:
            return Start(person, self.kept_timeout, self.kept_absolute_timeout)
        return Start(person, self.timeout, self.absolute_timeout)

    def push_is_due(self, header: Header, now: int) -> bool:
        """Whether this use of the session is to push its idle timeout out by a write."""
        if not (header.idle and self.knows_expiry):
            return False
        step = self.timeout_trigger if self.timeout_trigger < header.idle else header.idle // 4
        return not self.timeout_trigger or now >= header.expires - header.idle + step

    def rotation_is_due(self, header: Header, now: int) -> bool:
        """Whether the browser is to be given the id that follows."""
        return bool(self.rotation_interval) and now >= header.issued + self.rotation_interval
