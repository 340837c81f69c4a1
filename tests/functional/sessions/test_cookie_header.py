"""What else may stand in the Cookie header: it neither hides our cookie, nor plants one, nor takes time."""

import time

import pytest

from session_app import cookie_of
from session_site import Site


@pytest.fixture
def cookies(site: Site) -> tuple[str, str]:
    """The cookie of a visitor, and that of an attacker."""
    victim, attacker = site.browser(), site.browser()
    victim.get("/set?whose=victim")
    attacker.get("/set?whose=attacker")
    return cookie_of(victim), cookie_of(attacker)


@pytest.mark.parametrize("glue", [",", " ", "[", "a,", 'a"', '"x"', ", ", "a[b ", "\t"])
def test_no_other_cookie_plants_ours(site: Site, cookies: tuple[str, str], glue: str) -> None:
    good, evil = cookies

    for header in (f"session={good}; theme={glue}session={evil}", f"theme={glue}session={evil}; session={good}"):
        assert site.send("/data", header).json == {"whose": "victim"}
    assert site.send("/data", f"theme={glue}session={evil}").json == {}


def test_no_other_cookie_hides_ours(site: Site, cookies: tuple[str, str]) -> None:
    good, _ = cookies

    for before, after in [('a="', 'b="'), ('a="', ""), ("", 'b="'), ("a", "b"), ("=", "="), ("a[", "b,c")]:
        assert site.send("/data", f"{before}; session={good}; {after}").json == {"whose": "victim"}


@pytest.mark.parametrize("piece", ["a", "a[", '"', "=", ";", "a=", ",", "\\", "\xe9"])
def test_no_header_takes_long(site: Site, cookies: tuple[str, str], piece: str) -> None:
    good, _ = cookies
    started = time.process_time()

    answer = site.send("/data", f"session={good}; " + piece * (64_000 // len(piece)))

    assert answer.json == {"whose": "victim"}
    assert time.process_time() - started < 1


@pytest.mark.parametrize("piece", ["a", "a[", 'a="', "a[;"])
def test_many_odd_cookies_within_the_limit_take_no_time_either(site: Site, piece: str) -> None:
    started = time.process_time()

    site.send("/data", "; ".join([piece + "a" * 240] * 60))

    assert time.process_time() - started < 1
