"""What pyramid_session_redis adds to Pyramid's ISession: ids, times, and how an app changes them. Knows no response."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from shopapp.redis import Client, client_of
from shopapp.sessions.clock import now
from shopapp.sessions.header import RECORD_VERSION
from shopapp.sessions.mapping import NO_ID_YET
from shopapp.sessions.writing import WritableSession


class LibrarySession(WritableSession):
    """The public properties and methods of the library's session, with the meaning that they have there."""

    _cookie_options: Mapping[str, Any] = MappingProxyType({})
    """What the app wants of this response's cookie."""

    @property
    def new(self) -> bool:
        """Whether it begins with this request."""
        return self._record is None or self._lookup.outcome != "live" or self._has_ended

    @property
    def session_id(self) -> Any:
        """The valid id, as text; ``LazyCreateSession``, the library's word, as long as there is none.

        It opens the session, so it is a secret, and each rotation replaces it: ``handle`` is the name to go by.
        """
        if self._id is not None:
            return str(self._id)
        return self.ensure_id() if self._salt else NO_ID_YET

    def ensure_id(self) -> str:
        """Return ``session_id``, made now if there is none. It is stored, and in a cookie, once something is put in."""
        return str(self._id or self._parts.ids.issue(self._future_series(), self._future_salt(), 0))

    @property
    def session_id_safecheck(self) -> str | None:
        """As :meth:`ensure_id`; None for a session that holds nothing."""
        return self.ensure_id() if self._data else None

    @property
    def created(self) -> int:
        """When it was stored for the first time, in seconds since 1970."""
        return self._record.header.created if self._record else now()

    @property
    def timeout(self) -> int | None:  # type: ignore[override]
        """Seconds that it may stay without use; None: for ever."""
        start = self._record.header if self._record else self._login or self._parts.policy.visit()
        return (start.idle if self._idle is None else self._idle) or None

    @property
    def expires(self) -> int | None:  # type: ignore[override]
        """When it will have been without use for too long, in seconds since 1970; None: never, or Redis alone knows."""
        return self._expires or (self._record.header.expires if self._record else 0) or None

    @property
    def version(self) -> int:
        """The version of the format in which it is stored."""
        return RECORD_VERSION

    @property
    def redis(self) -> Client:  # type: ignore[override]
        """The Redis client."""
        return client_of(self._request)

    def adjust_session_timeout(self, timeout_seconds: int | None) -> None:
        """Give the session an idle timeout of its own, which begins now; None or 0: for ever."""
        self._idle, self._clock_moved, self._owes_write = timeout_seconds or 0, True, True

    def adjust_session_expires(self, expires_epoch: int) -> None:
        """End the session at this time, in seconds since 1970, however it is used until then."""
        self._expires, self._clock_moved, self._owes_write = int(expires_epoch), True, True

    adjust_expires_for_session = adjust_session_expires
    adjust_timeout_for_session = adjust_session_timeout

    def please_recookie(self) -> None:
        """Send the cookie again."""
        self._resends_cookie = True

    def adjust_cookie_max_age(self, max_age: int | timedelta | None) -> None:
        """Send the cookie, with this age."""
        self._resends_cookie = True
        self._cookie_options = {**self._cookie_options, "max_age": max_age}

    def adjust_cookie_expires(self, expires: datetime | timedelta | None) -> None:
        """Send the cookie, with this time of expiry; its age, if it has one, takes precedence."""
        self._resends_cookie = True
        self._cookie_options = {**self._cookie_options, "expires": expires}
