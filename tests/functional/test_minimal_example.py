"""The smallest app, started as its README says: in its own process, on a Redis that outlives it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from minimal_site import APP, Browser, Site, sites
from shopapp.redis import connect

ANN = {"email": "ann@example.com", "password": "correct horse"}
USER = {"id": 1, "email": "ann@example.com", "name": "Ann"}


@pytest.fixture
def site(shop_valkey: str, tmp_path: Path) -> Iterator[Site]:
    """The running app."""
    with connect(shop_valkey) as client:
        client.flushall()
    with sites(shop_valkey, tmp_path) as (running,):
        yield running


@pytest.fixture
def visitor(site: Site) -> Iterator[Browser]:
    """A browser that has not been here before."""
    with Browser(site) as browser:
        yield browser


def test_the_readme_starts_the_app_and_signs_in_as_these_tests_do() -> None:
    readme = APP.with_name("README.md").read_text()

    assert "\npython app.py\n" in readme
    assert {"REDIS_URL", "SESSION_SECRET"} <= set(re.findall(r"^export (\w+)=", readme, re.MULTILINE))
    assert all(f"{name}={value}" in readme for name, value in ANN.items())


def test_a_visitor_who_only_looks_gets_no_cookie(visitor: Browser) -> None:
    assert visitor.get("/") == (200, {"user": None, "cart": {}})
    assert visitor.cookie == ""


def test_the_cart_of_a_visitor_comes_along_into_the_login_and_goes_with_the_logout(visitor: Browser) -> None:
    visitor.post("/cart/mug")
    assert visitor.post("/cart/mug") == (200, {"user": None, "cart": {"mug": 2}})
    before = visitor.cookie

    assert visitor.post("/login", **ANN) == (200, {"user": USER, "cart": {"mug": 2}})
    assert visitor.cookie != before
    assert visitor.get("/") == (200, {"user": USER, "cart": {"mug": 2}})
    signed_in = visitor.cookie

    assert visitor.post("/logout") == (204, None)
    visitor.cookie = signed_in
    assert visitor.get("/") == (200, {"user": None, "cart": {}})


def test_the_id_from_before_the_login_opens_nothing(visitor: Browser, site: Site) -> None:
    visitor.post("/cart/mug")
    with Browser(site, visitor.cookie) as planted:
        visitor.post("/login", **ANN)

        assert planted.get("/") == (200, {"user": None, "cart": {}})


def test_a_wrong_password_signs_nobody_in(visitor: Browser) -> None:
    assert visitor.post("/login", email=ANN["email"], password="wrong")[0] == 401
    assert visitor.get("/") == (200, {"user": None, "cart": {}})


def test_a_visitor_who_logs_out_is_a_visitor(visitor: Browser) -> None:
    assert visitor.post("/logout")[0] == 204


def test_a_restart_keeps_carts_and_logins(shop_valkey: str, tmp_path: Path) -> None:
    with sites(shop_valkey, tmp_path) as (site,), Browser(site) as visitor, Browser(site) as customer:
        visitor.post("/cart/mug")
        customer.post("/login", **ANN)
        cookies = visitor.cookie, customer.cookie

    with sites(shop_valkey, tmp_path) as (site,):
        with Browser(site, cookies[0]) as visitor:
            assert visitor.get("/") == (200, {"user": None, "cart": {"mug": 1}})
        with Browser(site, cookies[1]) as customer:
            assert customer.get("/") == (200, {"user": USER, "cart": {}})


def test_without_a_redis_it_says_to_come_again(tmp_path: Path) -> None:
    with sites("redis://127.0.0.1:1/0", tmp_path) as (site,), Browser(site) as visitor:
        assert visitor.get("/") == (200, {"user": None, "cart": {}})
        assert visitor.post("/cart/mug")[0] == 503


def test_without_a_secret_it_does_not_start() -> None:
    environ = {"REDIS_URL": "redis://127.0.0.1:1/0"}
    done = subprocess.run([sys.executable, "app.py"], cwd=APP.parent, env=environ, capture_output=True, text=True)

    assert done.returncode != 0
    assert "redis.sessions.secret" in done.stderr
