"""One question more in the round trip that reads the session: an app's own, on a single server and on a cluster."""

from collections.abc import Callable
from typing import Any

import pytest
import redis
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationConflictError
from pyramid.request import Request
from webtest import TestApp

from shopapp.sessions import came_along, read_along
from shopapp.testing import TEST_SECRET

ASKED = "GET", "app:greeting"
READ_HEAVY = {"set_redis_ttl_readheavy": "true", "python_expires": "false"}


@pytest.fixture
def make_app(any_redis: Any) -> Callable[..., TestApp]:
    """A function that makes an app which asks a question along, and the browser that visits it."""

    def make(question: Callable[[Request, str], Any], **options: str) -> TestApp:
        settings = {f"redis.sessions.{key}": value for key, value in options.items()}
        settings |= {
            "redis.sessions.secret": TEST_SECRET,
            "redis.sessions.redis_client_callable": "shopapp.testing.ObservedRedis.of",
            "shopapp.testing.redis": any_redis,
        }
        with Configurator(settings=settings) as config:
            config.include("shopapp.sessions")
            read_along(config, question)
            for name, view in (("put", put), ("get", get)):
                config.add_route(name, f"/{name}")
                config.add_view(view, route_name=name, renderer="json")
        return TestApp(config.make_wsgi_app())

    return make


def put(request: Request) -> dict[str, str]:
    request.session["word"] = "kept"
    return {}


def get(request: Request) -> dict[str, Any]:
    word, answer = request.session.get("word"), came_along(request, *ASKED)
    return {"word": word, "answer": answer.decode() if answer else answer, "other": came_along(request, "GET", "x")}


@pytest.mark.parametrize("options", [{}, READ_HEAVY], ids=["get", "push out"])
def test_the_answer_comes_with_the_session(
    any_redis: Any, make_app: Callable[..., TestApp], options: dict[str, str]
) -> None:
    asked_with = []
    browser = make_app(lambda request, handle: asked_with.append((request.path, handle)) or ASKED, **options)
    browser.get("/put")
    any_redis.set("app:greeting", "hello")
    browser.get("/get")  # the server learns the script
    any_redis.commands.clear()

    assert browser.get("/get").json == {"word": "kept", "answer": "hello", "other": None}
    assert any_redis.commands == ["PIPELINE"]
    (path, handle) = asked_with[-1]
    assert path == "/get"
    assert any_redis.exists(f"session:{handle}")


def test_who_has_nothing_to_ask_asks_nothing(any_redis: Any, make_app: Callable[..., TestApp]) -> None:
    browser = make_app(lambda _request, _handle: None)
    browser.get("/put")
    any_redis.commands.clear()

    assert browser.get("/get").json == {"word": "kept", "answer": None, "other": None}
    assert any_redis.commands == ["GET"]


def test_without_a_cookie_nothing_is_asked(any_redis: Any, make_app: Callable[..., TestApp]) -> None:
    browser = make_app(lambda _request, _handle: ASKED)

    browser.get("/get")
    browser.get("/get", headers={"Cookie": "session=forged"})

    assert any_redis.commands == []


def test_a_question_that_redis_refuses_takes_nothing_from_the_session(
    any_redis: Any, make_app: Callable[..., TestApp]
) -> None:
    browser = make_app(lambda _request, _handle: ASKED)
    browser.get("/put")
    any_redis.sadd("app:greeting", "no string")

    assert browser.get("/get").json == {"word": "kept", "answer": None, "other": None}


def test_rubbish_in_place_of_the_session_is_a_fresh_one(any_redis: Any, make_app: Callable[..., TestApp]) -> None:
    handles = []
    browser = make_app(lambda _request, handle: handles.append(handle) or ASKED)
    browser.get("/put")
    browser.get("/get")
    any_redis.delete(f"session:{handles[-1]}")
    any_redis.sadd(f"session:{handles[-1]}", "rubbish")

    assert browser.get("/get").json["word"] is None


def test_an_app_has_one_question(any_redis: Any) -> None:
    settings = {
        "redis.sessions.secret": TEST_SECRET,
        "redis.sessions.redis_client_callable": "shopapp.testing.ObservedRedis.of",
        "shopapp.testing.redis": any_redis,
    }
    config = Configurator(settings=settings)
    config.include("shopapp.sessions")
    read_along(config, lambda _request, _handle: ASKED)
    read_along(config, lambda _request, _handle: None)

    with pytest.raises(ConfigurationConflictError):
        config.commit()


def test_on_a_cluster_the_session_is_read_where_the_other_answer_is_out_of_reach(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two may be on different nodes, of which one is away."""
    settings = {
        "redis.sessions.secret": TEST_SECRET,
        "redis.sessions.redis_client_callable": "shopapp.testing.ObservedRedis.of",
        "shopapp.testing.redis": cluster,
    }
    with Configurator(settings=settings) as config:
        config.include("shopapp.sessions")
        read_along(config, lambda _request, _handle: ASKED)
        for name, view in (("put", put), ("get", get)):
            config.add_route(name, f"/{name}")
            config.add_view(view, route_name=name, renderer="json")
    browser = TestApp(config.make_wsgi_app())
    browser.get("/put")

    def fail(*_arguments: Any, **_options: Any) -> Any:
        raise redis.ConnectionError("a node is away")

    monkeypatch.setattr(cluster, "pipeline", fail)

    assert browser.get("/get").json == {"word": "kept", "answer": None, "other": None}
