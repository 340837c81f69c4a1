"""What ``request.session`` has from pyramid_session_redis: all that is public is ours, inherited or refused by name.

A new version of the library that brings another public name makes a test here fail with it.
"""

from collections.abc import Iterator
from importlib.metadata import requires, version
from inspect import get_annotations, isfunction
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from pyramid_session_redis.session import RedisSession

import shopapp.sessions
from shopapp.sessions.mapping import NotOffered
from shopapp.sessions.session import Session

INHERITED = {
    "flash": "puts a list into the dict",
    "peek_flash": "reads it",
    "pop_flash": "takes it out",
    "get_csrf_token": "reads the dict",
    "new_csrf_token": "puts a text into it",
    "timestamp": "is the time",
}
"""What of the library's is used as it is: it stands on the dict alone, or on nothing."""

NOT_OFFERED = {
    "from_redis",
    "to_redis",
    "do_persist",
    "do_refresh",
    "new_session",
    "new_payload",
    "encode_session_payload",
    "decode_session_payload",
    "serialize",
    "deserialize",
}
"""About the library's own way to store a session; the error says what to use instead."""

OURS = [cls for cls in Session.__mro__ if cls.__module__.startswith("shopapp.")]


def names_of(cls: type) -> set[str]:
    """Return the public names of a class, and the methods by which Python uses it as a dict."""
    named = {*vars(cls), *get_annotations(cls)}
    public = {name for name in named if not name.startswith("_")}
    protocol = {name for name in vars(cls) if name.startswith("__") and isfunction(vars(cls)[name])}
    return public | protocol - {"__init__"}


def private_names_of(cls: type) -> set[str]:
    named = {*vars(cls), *get_annotations(cls)}
    return {name for name in named if name.startswith("_") and not name.startswith("__")}


def everything_of(cls: type) -> set[str]:
    """Return the names of a class and of those that it inherits from, but for what every object has."""
    classes = [base for base in cls.__mro__ if base is not object]
    return set().union(*map(names_of, classes))


def sources() -> Iterator[Path]:
    return Path(shopapp.sessions.__file__).parent.glob("*.py")


def test_each_public_name_of_the_library_is_ours_or_inherited_or_not_offered():
    ours = set().union(*(vars(cls) for cls in OURS))

    assert everything_of(RedisSession) - ours == set(INHERITED)


def test_what_is_not_offered_is_refused_by_name():
    refused = {name for cls in OURS for name, value in vars(cls).items() if isinstance(value, NotOffered)}

    assert refused == NOT_OFFERED | {"_session_state"}
    assert everything_of(RedisSession) >= NOT_OFFERED


@pytest.mark.parametrize("name", INHERITED)
def test_what_is_inherited_is_the_librarys(name):
    assert getattr(Session, name) is getattr(RedisSession, name)


def test_ours_leaves_the_librarys_private_state_alone():
    lines = [line.strip() for path in sources() for line in path.read_text().splitlines() if "_session_state" in line]

    assert len(lines) == 1, lines
    assert lines[0].startswith("_session_state: Any = NotOffered(")


def test_ours_and_the_library_share_no_other_private_name():
    theirs, ours = private_names_of(RedisSession), set().union(*map(private_names_of, OURS))

    assert theirs & ours == {"_session_state"}


def test_the_version_that_was_looked_at_is_the_one_that_is_asked_for():
    wanted = [Requirement(text) for text in requires("shopapp") or () if text.startswith("pyramid_session_redis")]

    assert [str(requirement.specifier) for requirement in wanted] == ["<1.9,>=1.8.1"]
    assert version("pyramid_session_redis") in wanted[0].specifier
