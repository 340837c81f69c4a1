"""The idle clock of one session, in the terms of pyramid_session_redis, which keeps it in the session's payload."""

from pyramid_session_redis.session import RedisSession

from shopapp.sessions.settings import SessionSettings


class IdleClock:
    """For how long the session may stay without use, and when its end is pushed out."""

    def __init__(self, session: RedisSession, settings: SessionSettings) -> None:
        self._session = session
        self._settings = settings

    @property
    def seconds(self) -> int | None:
        """How long the session may stay without use; None for ever."""
        return self._session._session_state.timeout

    def set(self, seconds: int | None) -> None:
        """Give the session another idle time, which begins now."""
        state = self._session._session_state
        state.timeout = seconds
        state.expires = self._session.timestamp + seconds if seconds and self._session._python_expires else None

    def wind(self) -> bool:
        """Have the library push the end out in its next write if that is due; return whether it is.

        Its trigger is seconds before the end, one for all sessions. The setting is seconds since the last push, and
        each session has its own idle time.
        """
        state, trigger, seconds = self._session._session_state, self._settings.timeout_trigger, self.seconds
        self._session._timeout_trigger = None
        if trigger and seconds:
            self._session._timeout_trigger = seconds - (trigger if trigger < seconds else seconds // 4)
        if not state.expires or not self._session._timeout_trigger:
            return True
        return self._session.timestamp >= state.expires - self._session._timeout_trigger

    @property
    def is_kept_by_redis_alone(self) -> bool:
        """Whether every request pushes the end out, by an EXPIRE, rather than a write of the payload now and then."""
        return bool(self.seconds) and not (self._session._timeout_trigger or self._session._python_expires)

    def send_cookie(self) -> None:
        """Have the cookie set, to live as long as the session may stay idle."""
        max_age = self._settings.cookie_max_age
        self._session.adjust_cookie_max_age(self.seconds if max_age == "timeout" else max_age)
