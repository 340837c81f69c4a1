"""The Python in docs/sessions.md runs as it is printed there."""

import re
from collections.abc import Callable
from pathlib import Path
from secrets import token_urlsafe
from types import SimpleNamespace
from typing import Any

import pytest
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPFound
from pyramid.request import Request
from pyramid.security import forget, remember
from webtest import TestApp

from interleaving import held, twin_of
from session_app import browser, cookie_of
from shopapp.sessions import validity
from shopapp.testing import TEST_SECRET, ObservedRedis

PAGE = Path(__file__).parents[2] / "docs" / "sessions.md"
ANN = SimpleNamespace(id=1, email="ann@example.com", name="Ann")

BLOCKS = {
    "include": 'config.include("shopapp.sessions")',
    "announce": "notify(UserLoggedOut(request, user.id))",
    "policy": "class SecurityPolicy",
    "retry": 'config.include("pyramid_retry")',
    "early": "save(request)",
    "observer": "add_observer(config",
    "record": "check_sessions_by(",
}
"""What each block is called here, and what is in no other."""


def all_blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def block(name: str) -> str:
    (found,) = (text for text in all_blocks() if BLOCKS[name] in text)
    return found


def run(name: str, **given: Any) -> dict[str, Any]:
    """Run a block with the names that its reader has; return the names that it defines."""
    names = dict(given)
    exec(compile(block(name), f"{PAGE.name}: {name}", "exec"), names)
    return names


Make = Callable[..., TestApp]


@pytest.fixture
def mails() -> list[int]:
    """Whom the observer has written to."""
    return []


@pytest.fixture
def sent() -> list[dict[str, int]]:
    """What the warehouse was told."""
    return []


@pytest.fixture
def make(shop_redis: ObservedRedis, mails: list[int], sent: list[dict[str, int]]) -> Make:
    """Return a browser in front of an app that consists of the page's blocks; ``includes``: what it has beside."""

    def make_app(*includes: str) -> TestApp:
        settings = {
            "redis.sessions.secret": TEST_SECRET,
            "redis.sessions.redis_client_callable": "shopapp.testing.ObservedRedis.of",
            "shopapp.testing.redis": shop_redis,
            "tm.manager_hook": "pyramid_tm.explicit_manager",
        }
        with Configurator(settings=settings) as config:
            run("include", config=config)
            run("retry", config=config)
            config.set_security_policy(run("policy")["SecurityPolicy"]())
            run("observer", config=config, queue_mail=mails.append)
            views = {**VIEWS, "order": run("early", send_to_the_warehouse=sent.append)["order"]}
            for include in includes:
                config.include(include)
            for name, view in views.items():
                config.add_route(name, f"/{name}")
                config.add_view(view, route_name=name, renderer="json", permission=PERMISSIONS.get(name))
        return browser(config.make_wsgi_app())

    return make_app


def _show(request: Request) -> dict[str, Any]:
    return {"user": request.identity, "id": request.authenticated_userid, "cart": request.session.get("cart", {})}


def _add(request: Request) -> dict[str, Any]:
    cart = request.session.setdefault("cart", {})
    cart["mug"] = cart.get("mug", 0) + 1
    return cart


def _announce(request: Request) -> dict[str, Any]:
    run("announce", request=request, user=ANN)
    return {}


def _remember(request: Request) -> HTTPFound:
    headers = remember(request, ANN.id, email=ANN.email, name=ANN.name)
    if "fail" in request.GET:
        raise RuntimeError("a fault in the view")
    return HTTPFound("/show", headers=headers)


def _forget(request: Request) -> HTTPFound:
    return HTTPFound("/show", headers=forget(request))


VIEWS = {"show": _show, "add": _add, "announce": _announce, "remember": _remember, "forget": _forget, "own": _show}
PERMISSIONS = {"own": "signed in"}


def test_each_block_of_the_page_is_run_here() -> None:
    assert sorted(all_blocks()) == sorted(map(block, BLOCKS))


def test_the_attempts_of_the_page_are_those_of_the_app(make: Make) -> None:
    assert make().app.registry.settings["retry.attempts"] == 20


def test_the_policy_signs_in_and_out_with_pyramids_own_words(make: Make) -> None:
    visitor = make()
    visitor.get("/own", status=403)
    visitor.get("/add")
    before = cookie_of(visitor)

    assert visitor.get("/remember").follow().json == {
        "user": {"id": 1, "email": "ann@example.com", "name": "Ann"},
        "id": 1,
        "cart": {"mug": 1},
    }
    assert cookie_of(visitor) != before
    visitor.get("/own", status=200)

    assert visitor.get("/forget").follow().json == {"user": None, "id": None, "cart": {}}
    assert cookie_of(visitor) == ""
    visitor.get("/forget", status=302)


def test_what_is_announced_takes_effect(make: Make) -> None:
    """In, out again, and a password changed by nobody."""
    visitor = make()
    visitor.get("/announce")

    assert visitor.get("/show").json["user"] is None


@pytest.mark.parametrize("includes", [(), ("pyramid_tm",)])
def test_the_observer_writes_to_whoever_signed_in(make: Make, mails: list[int], includes: tuple[str, ...]) -> None:
    newcomer = make(*includes)
    newcomer.get("/remember")
    assert mails == [1]

    visitor = make(*includes)
    visitor.get("/add")
    assert mails == [1]
    visitor.get("/remember")
    visitor.get("/show")
    assert mails == [1, 1]


@pytest.mark.parametrize("includes", [(), ("pyramid_tm",)])
def test_and_not_if_the_request_fails(make: Make, mails: list[int], includes: tuple[str, ...]) -> None:
    with pytest.raises(RuntimeError, match="a fault in the view"):
        make(*includes).get("/remember?fail")

    assert mails == []


def test_nor_if_the_commit_fails(make: Make, mails: list[int]) -> None:
    """The session is saved before, so the event is told; the mail waits."""
    visitor = make("pyramid_tm", f"{__name__}.refuse_to_commit")

    with pytest.raises(RuntimeError, match="the database refuses"):
        visitor.get("/remember")

    assert mails == []


def refuse_to_commit(config: Configurator) -> None:
    """Have a resource in each transaction that says no."""

    def join(event: Any) -> None:
        event.request.tm.get().addBeforeCommitHook(_refuse)

    config.add_subscriber(join, "pyramid.events.ContextFound")


def _refuse() -> None:
    raise RuntimeError("the database refuses")


def test_a_change_of_the_record_ends_what_the_list_has_lost(
    make: Make, shop_redis: ObservedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validity, "CHECK_SECONDS", 0)  # the minute is over
    user = SimpleNamespace(**vars(ANN), mark="one")

    def with_record(config: Configurator) -> None:
        names = {"user": user, "find_user": lambda *_: user, "find_mark": lambda _: user.mark}
        found = run("record", config=config, token_urlsafe=token_urlsafe, **names)
        for name in ("log_in", "change_password"):
            config.add_route(name, f"/{name}")
            config.add_view(found[name], route_name=name, renderer="json")

    owner = make(with_record)
    thief = browser(owner.app)
    for each in (owner, thief):
        each.post("/log_in", {"email": "", "password": ""})
    shop_redis.delete("session:user:1")

    owner.get("/change_password")

    assert (owner.get("/show").json["id"], thief.get("/show").json["id"]) == (1, None)


def test_what_is_ordered_is_sent_once_and_with_what_came_in_between(
    make: Make, shop_redis: ObservedRedis, sent: list[dict[str, int]]
) -> None:
    visitor = make()
    visitor.get("/add")

    with held(shop_redis, 2, lambda: twin_of(visitor.app, visitor).get("/order")):
        visitor.get("/add")

    assert sent == [{"mug": 2}]
    assert visitor.get("/show").json["cart"] == {}


def test_of_two_orders_at_the_same_moment_one_has_the_cart(
    make: Make, shop_redis: ObservedRedis, sent: list[dict[str, int]]
) -> None:
    visitor = make()
    visitor.get("/add")

    with held(shop_redis, 2, lambda: twin_of(visitor.app, visitor).get("/order")):
        visitor.get("/order")

    assert sorted(sent, key=len) == [{}, {"mug": 1}]
