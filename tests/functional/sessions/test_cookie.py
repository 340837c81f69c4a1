"""The session cookie as the browser gets it: set, set anew, deleted, or left alone."""

import pytest
from pyramid.response import Response

from session_app import cookie_of
from session_site import HOUR, Trouble, handle_of, id_of, is_deletion, set_cookie
from shopapp.sessions.ids import SessionId
from shopapp.sessions.signing import CookieSigner
from shopapp.testing import TEST_SECRET

OLD_SECRET = "the-former-secret-of-this-app-11"
NEW_SECRET = "the-newer-secret-of-this-app-222"


def start(site, name="session"):
    """Start a session; return its ``Set-Cookie`` attributes."""
    return set_cookie(site.visit("/set?color=red", None), name)


# Its attributes


def test_the_cookie_is_for_the_whole_site_and_not_for_scripts_or_other_sites(site):
    cookie = start(site)

    assert cookie.pop("value")
    assert cookie.pop("expires")
    assert cookie == {"path": "/", "max-age": "10800", "httponly": "", "samesite": "lax"}


def test_every_attribute_is_a_setting(make_site):
    site = make_site(
        cookie_name="sid",
        cookie_path="/shop",
        cookie_domain="shop.example",
        cookie_secure="true",
        cookie_httponly="false",
        cookie_samesite="strict",
        cookie_max_age=77,
    )

    cookie = start(site, "sid")

    assert cookie.pop("value")
    assert cookie.pop("expires")
    assert cookie == {"path": "/shop", "domain": "shop.example", "secure": "", "samesite": "strict", "max-age": "77"}


def test_the_comment_is_a_setting(make_site):
    assert start(make_site(cookie_comment="session"))["comment"] == "session"


@pytest.mark.parametrize(("max_age", "is_sent_again"), [("timeout", True), ("77", False), ("None", False)])
@pytest.mark.parametrize("clock_in", ["python", "redis"])
def test_only_the_age_of_a_cookie_that_slides_is_sent_again(make_site, clock, max_age, is_sent_again, clock_in):
    keys = {} if clock_in == "python" else {"timeout_trigger": "None", "python_expires": "false"}
    site = make_site(cookie_max_age=max_age, rotation_interval="None", **keys)
    cookie = start(site)["value"]
    clock.shift(HOUR)

    assert (set_cookie(site.visit("/data", cookie)) is not None) is is_sent_again


def test_the_first_cookie_has_the_age_of_the_setting(make_site):
    assert start(make_site(cookie_max_age="77"))["max-age"] == "77"
    assert "max-age" not in start(make_site(cookie_max_age="None"))


def test_the_cookie_is_as_strict_when_it_is_set_anew(make_site, clock):
    site = make_site(cookie_name="__Host-session", cookie_secure="true", cookie_samesite="strict")
    first = start(site, "__Host-session")
    clock.shift(HOUR)

    second = set_cookie(site.visit("/data", first["value"]), "__Host-session")

    assert second["value"] != first["value"]
    assert {**second, "value": "", "expires": ""} == {**first, "value": "", "expires": ""}
    assert {"secure", "httponly"} <= second.keys()
    assert second["path"] == "/"
    assert "domain" not in second


@pytest.mark.parametrize("name", ["session", "__Host-session"])
def test_name_and_value_fit_into_what_browsers_keep(make_site, name):
    site = make_site(cookie_name=name, cookie_secure="true")

    assert len(name) + 1 + len(start(site, name)["value"]) <= 300


def test_two_new_sessions_have_nothing_of_their_ids_in_common(site):
    first, second = id_of(start(site)["value"]), id_of(start(site)["value"])

    assert len({first.series, first.secret, second.series, second.secret}) == 4
    assert min(len(half) for half in (first.series, first.secret)) >= 43


def test_a_generator_of_ids_is_a_setting(make_site):
    site = make_site(id_generator="session_hooks.short_ids")

    assert id_of(start(site)["value"]).series.startswith("made-here-")


def test_a_generator_may_make_ids_with_dots(make_site):
    site = make_site(id_generator="session_hooks.ids_with_dots")
    cookie = start(site)["value"]

    cookie = set_cookie(site.visit("/login", cookie))["value"]

    assert site.visit("/data", cookie).json["color"] == "red"


# When it is set


def test_the_cookie_is_set_once_and_then_left_alone(site):
    browser = site.browser()
    browser.get("/set?color=red")

    assert set_cookie(browser.get("/data")) is None
    assert set_cookie(browser.get("/set?color=blue")) is None
    assert set_cookie(browser.get("/plain")) is None


def test_a_response_with_a_cookie_says_that_it_varies_by_cookie(site):
    browser = site.browser()

    assert browser.get("/set?color=red").vary == ("Cookie",)
    assert browser.get("/login").vary == ("Cookie",)
    assert browser.get("/logout").vary == ("Cookie",)


def test_what_else_a_response_varies_by_is_kept(site):
    def vary(request):
        request.session["color"] = "red"
        request.response.vary = ("Accept",)

    response = site.run(None, vary)

    assert set(response.vary) == {"Accept", "Cookie"}


def public(request):
    """Start a session in a response that a shared cache may keep."""
    request.session["color"] = "blue"
    response = Response("cached")
    response.headers["Cache-Control"] = "public"
    return response


CHECK = "pyramid_session_redis.check_response_allow_cookies"


def test_a_response_that_may_carry_no_cookie_carries_none(make_site):
    site = make_site(func_check_response_allow_cookies=CHECK)

    assert set_cookie(site.run(None, public)) is None
    assert start(site)["value"]


@pytest.mark.parametrize("ending", ["dead", "idle"])
def test_a_response_that_may_carry_no_cookie_carries_no_deletion_either(make_site, clock, ending):
    site = make_site(func_check_response_allow_cookies=CHECK)
    cookie = start(site)["value"]
    if ending == "dead":
        site.redis.flushall()
    if ending == "idle":
        clock.shift(4 * HOUR)

    def look(request):
        request.session.get("color")
        response = Response("cached")
        response.headers["Cache-Control"] = "public"
        return response

    assert set_cookie(site.run(cookie, look)) is None


def test_the_cookie_is_set_on_error_pages_too(site):
    def refuse(request):
        request.session["tries"] = 1
        raise Trouble(403)

    cookie = set_cookie(site.run(None, refuse, status=403))

    assert site.visit("/data", cookie["value"]).json == {"tries": 1}


def test_error_pages_may_be_kept_free_of_cookies(make_site):
    site = make_site(cookie_on_exception="false")

    def refuse(request):
        request.session["tries"] = 1
        raise Trouble(403)

    assert set_cookie(site.run(None, refuse, status=403)) is None


# When it is deleted


@pytest.mark.parametrize("path", ["/logout", "/invalidate"])
def test_the_end_of_a_session_deletes_its_cookie(site, path):
    browser = site.browser()
    browser.get("/login")

    assert is_deletion(browser.get(path))
    assert not browser.cookies


@pytest.mark.parametrize("how", ["logout", "idle"])
def test_the_deletion_has_the_attributes_without_which_a_browser_ignores_it(make_site, clock, how):
    name = "__Host-session"
    site = make_site(cookie_name=name, cookie_secure="true")
    cookie = set_cookie(site.visit("/login", None), name)["value"]
    if how == "idle":
        clock.shift(4 * HOUR)

    deletion = set_cookie(site.visit("/logout" if how == "logout" else "/data", cookie), name)

    assert (deletion["value"], deletion["max-age"], deletion["path"]) == ("", "0", "/")
    assert {"secure", "httponly"} <= deletion.keys()
    assert "domain" not in deletion


def test_the_deletion_is_for_the_path_and_the_domain_of_the_cookie(make_site):
    site = make_site(cookie_path="/shop", cookie_domain="shop.example")
    cookie = start(site)["value"]

    deletion = set_cookie(site.visit("/invalidate", cookie))

    assert (deletion["path"], deletion["domain"], deletion["max-age"]) == ("/shop", "shop.example", "0")


def test_the_cookie_of_a_session_that_is_gone_is_left_alone(site):
    """That of a login may be on its way to the same browser, and a deletion that arrives after it would wipe it."""
    browser = site.browser()
    browser.get("/set?color=red")
    site.redis.flushall()

    assert set_cookie(browser.get("/data")) is None


def test_error_pages_free_of_cookies_still_delete_that_of_a_session_which_they_ended(make_site):
    site = make_site(cookie_on_exception="false")
    cookie = start(site)["value"]

    def end_and_refuse(request):
        request.session.invalidate()
        raise Trouble(403)

    assert is_deletion(site.run(cookie, end_and_refuse, status=403))


def test_a_cookie_is_not_deleted_by_a_page_that_does_not_look_at_it(site):
    cookie = start(site)["value"]
    site.redis.flushall()

    assert set_cookie(site.visit("/plain", cookie)) is None


def test_a_new_session_takes_the_place_of_a_dead_cookie_without_a_deletion(site):
    cookie = start(site)["value"]
    site.redis.flushall()

    response = site.visit("/set?color=blue", cookie)

    assert set_cookie(response)["value"] not in ("", cookie)


def test_a_cookie_that_we_did_not_sign_is_left_alone(site):
    forged = CookieSigner(["another secret"]).dumps("a.b").decode()

    assert set_cookie(site.visit("/data", forged)) is None


def test_a_refused_cookie_is_left_alone(site):
    old = start(site)["value"]
    site.visit("/login", old)

    assert set_cookie(site.visit("/data", old)) is None


def test_a_logout_that_finds_its_session_gone_deletes_nothing_that_is_newer(site):
    old = start(site)["value"]

    def log_out_too_late(request):
        request.session.get("color")
        newer = site.visit("/login", old)
        request.session.invalidate()
        return Response(set_cookie(newer)["value"])

    response = site.run(old, log_out_too_late)

    assert set_cookie(response) is None
    assert site.visit("/data", response.text).json["user"]["id"] == 1


# Secrets in rotation


def test_a_cookie_signed_by_an_older_secret_is_signed_anew_at_its_next_use(make_site):
    old = start(make_site(secret=OLD_SECRET))["value"]
    site = make_site(secret=f"{NEW_SECRET} {OLD_SECRET}")

    response = site.visit("/data", old)
    new = set_cookie(response)

    assert response.json == {"color": "red"}
    assert new["max-age"] == "10800"
    assert CookieSigner([NEW_SECRET]).loads(new["value"].encode()) == CookieSigner([OLD_SECRET]).loads(old.encode())
    assert set_cookie(site.visit("/data", new["value"])) is None


def test_signing_anew_writes_nothing(make_site):
    old = start(make_site(secret=OLD_SECRET))["value"]
    site = make_site(secret=f"{NEW_SECRET}\n{OLD_SECRET}")

    assert site.commands_of(lambda: site.visit("/data", old)) == ["GET"]


def test_a_record_sealed_by_an_older_secret_is_sealed_anew_at_its_next_write(make_site):
    old = start(make_site(secret=OLD_SECRET))["value"]
    cookie = set_cookie(make_site(secret=f"{NEW_SECRET} {OLD_SECRET}").visit("/set?size=9", old))["value"]

    assert make_site(secret=NEW_SECRET).visit("/data", cookie).json == {"color": "red", "size": "9"}


def test_a_removed_secret_opens_nothing_and_costs_nothing(make_site):
    old = start(make_site(secret=OLD_SECRET))["value"]
    site = make_site(secret=NEW_SECRET)
    answers = []

    assert site.commands_of(lambda: answers.append(site.visit("/data", old))) == []
    assert answers[0].json == {}
    assert set_cookie(answers[0]) is None


def test_a_cookie_that_is_not_signed_anew_on_a_failed_request_still_works(make_site):
    old = start(make_site(secret=OLD_SECRET))["value"]
    site = make_site(secret=f"{NEW_SECRET} {OLD_SECRET}")

    def fail(request):
        request.session.get("color")
        raise Trouble(500)

    assert set_cookie(site.run(old, fail, status=500)) is None
    assert site.visit("/data", old).json == {"color": "red"}


def test_a_signer_of_ones_own_is_a_setting(make_site):
    site = make_site(cookie_signer="session_hooks.signer")

    cookie = start(site)["value"]

    assert site.visit("/data", cookie).json == {"color": "red"}
    assert site.visit("/data", CookieSigner([TEST_SECRET]).dumps("a.b").decode()).json == {}


# What the page can know of it


def test_the_id_is_in_no_body_and_in_no_header_but_set_cookie(site):
    browser = site.browser()
    response = browser.get("/login")
    session_id = id_of(cookie_of(browser))

    others = [value for name, value in response.headers.items() if name.lower() != "set-cookie"]
    for half in (session_id.series, session_id.secret, cookie_of(browser)):
        assert half not in response.text
        assert not any(half in value for value in others)


def test_the_handle_does_not_open_the_session(site):
    cookie = start(site)["value"]
    handle = handle_of(cookie)

    signer = CookieSigner([TEST_SECRET])
    series = id_of(cookie).series
    for guess in (("", handle), (handle, handle), (series, handle), (series, "")):
        for generation in (0, 1):
            guessed = SessionId(guess[0], generation, guess[1])
            assert site.visit("/data", signer.dumps(str(guessed)).decode()).json == {}
    assert site.visit("/data", cookie).json == {"color": "red"}
