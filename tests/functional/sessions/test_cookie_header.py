"""What else may stand in the Cookie header: it neither hides our cookie, nor plants one, nor takes time."""

import time

import pytest

from session_app import cookie_of
from session_site import Site

DROPPED = pytest.mark.not_on("granian", reason="a header with a byte beyond ASCII reaches the app empty")
REFUSED = pytest.mark.not_on("granian", reason="it answers 400 to a control character, as waitress does")


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


@pytest.mark.parametrize("piece", ["a", "a[", '"', "=", ";", "a=", ",", "\\", pytest.param("\xe9", marks=DROPPED)])
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


@pytest.mark.parametrize(
    "space",
    [
        pytest.param("\xa0", marks=DROPPED),
        pytest.param("\x85", marks=DROPPED),
        pytest.param("\x1f", marks=REFUSED),
        pytest.param("\x0b", marks=REFUSED),
        "\t",
        " ",
    ],
)
def test_a_name_in_odd_spaces_is_another_name(site: Site, cookies: tuple[str, str], space: str) -> None:
    good, evil = cookies

    assert site.send("/data", f"a=,session{space}={evil}").json == {}
    assert site.send("/data", f"session={good}; a=,session{space}={evil}").json == {"whose": "victim"}
    if not space.isspace() or space in "\xa0\x85\x1f\x0b":
        assert site.send("/data", f"{space}session={evil}").json == {}
        assert site.send("/data", f"session={good}; {space}session={evil}").json == {"whose": "victim"}


@pytest.mark.parametrize(
    "other", ["session", pytest.param('x="a\\\\"; y="q=\\303\xa9"', marks=DROPPED), "; ;", "=", "session; session"]
)
def test_what_is_no_cookie_of_ours_leaves_ours_alone(site: Site, cookies: tuple[str, str], other: str) -> None:
    assert site.send("/data", f"session={cookies[0]}; {other}").json == {"whose": "victim"}


@pytest.mark.parametrize(
    "pair", ["phpsession=abc", "back=/x?session=1", "_ga=GA1.2.123.456", "jwt=e30.e30.x-_", "a=b=c"]
)
def test_ordinary_cookies_of_others_stay(site: Site, cookies: tuple[str, str], pair: str) -> None:
    name, _, value = pair.partition("=")

    def read(request):
        request.session.get("whose")
        return request.cookies[name]

    browser = site.browser()
    browser.set_cookie(name, value)
    site.run(browser, read)
    assert site.returned == value
