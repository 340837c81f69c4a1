"""The promised numbers of round trips, on a single server and on a cluster alike."""

from typing import Any

import pytest

from session_app import browser, cookie_of, make_app


@pytest.fixture
def warm_app(any_redis: Any) -> Any:
    """An app whose scripts the servers know already: each of them learns one once."""
    app = make_app(any_redis)
    for _ in range(20):  # enough for every node of the cluster to have seen them all
        visitor = browser(app)
        for path in ("/set?a=1", "/set?a=2", "/login", "/logout"):
            visitor.get(path)
    return app


def test_every_request_costs_what_is_promised(warm_app: Any, any_redis: Any) -> None:
    def commands(visitor: Any, path: str) -> list[str]:
        any_redis.commands.clear()
        visitor.get(path)
        return list(any_redis.commands)

    looker, forger, visitor = (browser(warm_app) for _ in range(3))
    assert commands(looker, "/data") == []
    assert commands(visitor, "/set?a=1") == ["SET"]
    forger.set_cookie("session", cookie_of(visitor)[:-1])
    assert commands(forger, "/data") == []
    assert commands(visitor, "/data") == ["GET"]
    assert commands(visitor, "/set?a=2") == ["GET", "EVALSHA"]
    assert commands(visitor, "/login") == ["GET", "EVALSHA", "EVALSHA"]
    assert commands(visitor, "/login?user=2") == ["GET", "EVALSHA", "SET", "EVALSHA"]
    assert commands(looker, "/login") == ["SET", "EVALSHA"]
    assert commands(visitor, "/logout") == ["GET", "EVALSHA", "ZREM"]
