"""The dict that ``request.session`` is: the data, and whether it may have changed. Knows no Redis and no request.

pyramid_session_redis's methods steer a save of its own through its private state. All of them that do are written anew
here and in ``session.py``; flash messages and CSRF tokens are the library's, on top of these. So nothing private of the
library is used; tests/unit/sessions/test_library.py says what is inherited, and notices what a new version brings.
"""

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping
from typing import Any

from pyramid_session_redis.session import RedisSession
from pyramid_session_redis.util import LazyCreateSession

_CONTAINERS = (dict, list)

NO_ID_YET: Any = LazyCreateSession
"""The library's word for the id of a session that has none."""


class NotOffered:
    """A name of the library's class that ours has not, because it is about the library's own way to store a session."""

    def __init__(self, instead: str) -> None:
        self._instead, self._name = instead, ""

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, session: object | None, _owner: type) -> "NotOffered":
        if session is None:
            return self
        raise AttributeError(f"the sessions of shopapp.sessions have no {self._name}: {self._instead}")


class SessionMapping(RedisSession):
    """A dict whose values may be changed from inside, if a container of them was handed out."""

    _data: dict[str, Any]
    _touched: bool
    """Something may have changed: compare before the session is taken for unchanged."""
    _detects_changes: bool

    # Inherited they would fail deep inside of the library, or seem to work.
    from_redis: Any = NotOffered("what is stored is sealed; read the session as the dict that it is")
    to_redis: Any = NotOffered("what is stored is sealed; take dict(session)")
    do_persist: Any = NotOffered("shopapp.sessions.save(request) stores it now")
    do_refresh: Any = NotOffered("every use pushes the timeout out; adjust_session_timeout() gives it another one")
    new_session: Any = NotOffered("a session is stored once something is put into it; ensure_id() makes its id")
    new_payload: Any = NotOffered("a new session holds nothing")
    encode_session_payload: Any = NotOffered("the clocks are kept apart from the data: sessions.header.Header")
    decode_session_payload: Any = NotOffered("the clocks are kept apart from the data: sessions.header.Header")
    serialize: Any = NotOffered("it is the app's own function, if redis.sessions.serialize names one")
    deserialize: Any = NotOffered("it is the app's own function, if redis.sessions.deserialize names one")
    _session_state: Any = NotOffered("it is the library's private state, and nothing here keeps it")

    def _hand_out(self, value: Any) -> Any:
        if value.__class__ in _CONTAINERS and self._detects_changes:
            self._touched = True
        return value

    def changed(self) -> None:
        """Say that something inside of a value has changed. Needed only with ``detect_changes = false``."""
        self._touched = True

    @property
    def managed_dict(self) -> dict[str, Any]:
        """The data itself."""
        self._touched = True
        return self._data

    def __getitem__(self, key: str) -> Any:
        return self._hand_out(self._data[key])

    def get(self, key: str, default: Any = None) -> Any:
        """As a dict's."""
        return self._hand_out(self._data.get(key, default))

    def __contains__(self, key: object) -> bool:
        return key in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __bool__(self) -> bool:
        """True, as of the library's: code asks ``if request.session`` to learn whether there is a factory."""
        return True

    def keys(self) -> KeysView[str]:
        """As a dict's."""
        return self._data.keys()

    def values(self) -> list[Any]:
        """Return the values, as a list."""
        return [self._hand_out(value) for value in self._data.values()]

    def items(self) -> ItemsView[str, Any]:
        """As a dict's."""
        self._touched = self._touched or self._detects_changes
        return self._data.items()

    def __setitem__(self, key: str, value: Any) -> None:
        self._touched = True
        self._data[key] = value

    def __delitem__(self, key: str) -> None:
        del self._data[key]
        self._touched = True

    def setdefault(self, key: str, default: Any = None) -> Any:
        """As a dict's."""
        self._touched = True
        return self._data.setdefault(key, default)

    def clear(self) -> None:
        """As a dict's."""
        self._touched = True
        self._data.clear()

    def pop(self, key: str, default: Any = None) -> Any:
        """Take a value out; ``default``, which is None, if it is not there: as the library's, not as a dict's."""
        self._touched = True
        return self._data.pop(key, default)

    def popitem(self) -> tuple[str, Any]:
        """As a dict's."""
        self._touched = True
        return self._data.popitem()

    def update(self, other: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), **values: Any) -> None:
        """As a dict's."""
        self._touched = True
        self._data.update(other, **values)

    has_key = __contains__
    iterkeys = __iter__
    itervalues = values
    iteritems = items
