"""What of a session is in Redis, what is not, and what comes of anything else that may be found there."""

import json

import msgspec
import pytest
from pyramid_session_redis.exceptions import RawDeserializationError

import session_hooks
from session_app import cookie_of
from session_site import HOUR, Trouble, handle_of, id_of, set_cookie
from shopapp.sessions.data import SessionTooLargeError
from shopapp.sessions.record import Sealer
from shopapp.testing import TEST_SECRET


def whole_redis(site):
    """Every key and every value there is, as one text."""
    texts = []
    for key in site.redis.scan_iter():
        texts.append(key)
        kind = site.redis.type(key)
        texts.extend(site.redis.zrange(key, 0, -1) if kind == b"zset" else [site.redis.get(key)])
    return b"\n".join(texts)


def payload_of(site, cookie):
    """The payload in Redis, decoded as any tool would."""
    return json.loads(site.redis.get(site.key_of(cookie)).partition(b"\n")[2])


# What is there


def test_a_session_is_stored_under_the_prefix_and_the_hash_of_half_its_id(site, cookie):
    assert site.redis_keys() == [f"session:{handle_of(cookie)}"]


def test_the_prefix_is_a_setting(make_site):
    site = make_site(prefix="shop:sessions:")
    cookie = set_cookie(site.visit("/login", None))["value"]

    assert site.redis_keys() == [f"shop:sessions:{handle_of(cookie)}", "shop:sessions:user:1"]


def test_two_apps_with_different_prefixes_do_not_see_each_others_sessions(make_site, cookie):
    assert make_site(prefix="other:").visit("/data", cookie).json == {}


def test_the_payload_is_json_that_anyone_can_read(site, visitor, cookie):
    visitor.get("/set?size=9")

    assert payload_of(site, cookie) == {"color": "red", "size": "9"}


def test_no_half_of_any_id_is_ever_in_redis(site, visitor, clock):
    cookies = [cookie_of(visitor)]
    for step in ("/login", "/rotate", "/data", "/set?size=9", "/data", "/password"):
        clock.shift(HOUR / 2)
        visitor.get(step)
        cookies.append(cookie_of(visitor))
        visitor.get("/data")
        cookies.append(cookie_of(visitor))
    cookies = list(dict.fromkeys(cookies))

    stored = whole_redis(site)
    assert len(cookies) >= 6
    for cookie in cookies:
        assert id_of(cookie).series.encode() not in stored
        assert id_of(cookie).secret.encode() not in stored
    assert TEST_SECRET.encode() not in stored


# Anything else that may be there


def moved_from_another_session(site, value):
    other = set_cookie(site.visit("/login?user=2", None))["value"]
    return site.redis.get(site.key_of(other))


def sealed_by_somebody_else(site, value):
    record = Sealer([TEST_SECRET]).open(site.session_keys()[0], value)
    return Sealer(["guessed"]).seal(site.session_keys()[0], record.header, record.payload).value


def of_a_later_version(site, value):
    sealer = Sealer([TEST_SECRET])
    record = sealer.open(site.session_keys()[0], value)
    header = msgspec.structs.replace(record.header, version=99)
    return sealer.seal(site.session_keys()[0], header, record.payload).value


RUBBISH = {
    "empty": lambda site, value: b"",
    "one byte": lambda site, value: b"\x00",
    "a dot and a line end": lambda site, value: b".\n",
    "text": lambda site, value: "größe".encode(),
    "pickle": lambda site, value: b"\x80\x04cos\nsystem\n.",
    "plain JSON": lambda site, value: b'{"m":{"user":{"id":1}},"c":1,"v":1}',
    "huge": lambda site, value: b"x" * 1_000_000,
    "truncated by one": lambda site, value: value[:-1],
    "truncated by half": lambda site, value: value[: len(value) // 2],
    "header only": lambda site, value: value.partition(b"\n")[0],
    "longer": lambda site, value: value + b" ",
    "changed payload": lambda site, value: value.replace(b"red", b"RED"),
    "changed header": lambda site, value: value.replace(b'"version":2', b'"version":3'),
    "longer life": lambda site, value: value.replace(b'"ends":', b'"ends":9'),
    "no seal": lambda site, value: b"." + value.partition(b".")[2],
    "another session's": moved_from_another_session,
    "somebody else's seal": sealed_by_somebody_else,
    "a later version": of_a_later_version,
}


@pytest.mark.parametrize("kind", RUBBISH)
def test_rubbish_in_redis_is_a_fresh_session(site, visitor, cookie, kind):
    key = site.key_of(cookie)
    value = site.redis.get(key)
    rubbish = RUBBISH[kind](site, value)
    assert rubbish != value
    site.redis.set(key, rubbish)

    assert site.visit("/data", cookie).json == {}
    assert site.visit("/set?size=9", cookie).json == {"size": "9"}
    assert site.visit("/logout", cookie).status_int == 200
    assert site.redis.get(key) == rubbish


@pytest.mark.parametrize("kind", RUBBISH)
def test_rubbish_that_comes_between_read_and_write_is_not_taken_for_a_session(site, visitor, cookie, kind):
    key = site.key_of(cookie)
    rubbish = RUBBISH[kind](site, site.redis.get(key))

    def change(request):
        request.session["size"] = 9
        site.redis.set(key, rubbish)

    response = site.run(cookie, change)

    assert set_cookie(response) is None
    was_dropped = site.redis.get(key) == rubbish
    assert site.visit("/data", cookie).json == ({} if was_dropped else {"color": "red", "size": 9})


@pytest.mark.parametrize("kind", ["truncated by half", "changed payload", "text"])
def test_rubbish_in_redis_is_an_error_where_that_is_asked_for(make_site, kind):
    site = make_site(deserialized_fails_new="false")
    cookie = set_cookie(site.visit("/set?color=red", None))["value"]
    site.redis.set(site.key_of(cookie), RUBBISH[kind](site, site.redis.get(site.key_of(cookie))))

    with pytest.raises(RawDeserializationError):
        site.visit("/data", cookie)


def test_a_key_of_another_type_is_a_fresh_session(site, cookie):
    site.redis.delete(site.key_of(cookie))
    site.redis.lpush(site.key_of(cookie), "rubbish")

    assert site.visit("/data", cookie).json == {}


@pytest.mark.parametrize("kind", RUBBISH)
def test_rubbish_that_comes_between_read_and_logout_is_no_error(site, visitor, cookie, kind):
    key = site.key_of(cookie)
    rubbish = RUBBISH[kind](site, site.redis.get(key))

    def log_out(request):
        request.session.get("color")
        site.redis.set(key, rubbish)
        request.session.invalidate()

    assert site.run(cookie, log_out).status_int == 200
    assert site.visit("/data", cookie).json == {}


def test_a_session_of_a_stolen_dump_put_back_after_its_end_is_what_it_was(site, visitor, cookie):
    dump = site.redis.get(site.key_of(cookie))
    visitor.get("/login?user=1")
    visitor.get("/rotate")
    site.redis.set(site.key_of(cookie), dump)

    assert site.visit("/data", cookie_of(visitor)).json == {}


# How much


def test_a_session_that_grows_too_large_is_an_error_that_names_the_key_and_nothing_is_written(site, visitor, cookie):
    before = site.redis.get(site.key_of(cookie))

    def stuff(request):
        request.session["small"] = "x"
        request.session["wish list"] = "x" * 20_000

    with pytest.raises(SessionTooLargeError, match="'wish list'") as caught:
        site.run(visitor, stuff)

    assert "16384" in str(caught.value)
    assert "xxx" not in str(caught.value)
    assert site.redis.get(site.key_of(cookie)) == before
    assert visitor.get("/data").json == {"color": "red"}


def test_a_new_session_that_is_too_large_is_not_begun(site):
    with pytest.raises(SessionTooLargeError):
        site.run(None, lambda request: request.session.update({"big": "x" * 20_000}))

    assert site.redis_keys() == []
    assert site.told == []


@pytest.mark.parametrize(("length", "fits"), [(900, True), (1025, False)])
def test_the_size_is_a_setting(make_site, length, fits):
    site = make_site(max_size=1024)

    def act():
        site.run(None, lambda request: request.session.update({"big": "x" * length}))

    if fits:
        act()
    else:
        with pytest.raises(SessionTooLargeError):
            act()
    assert len(site.redis_keys()) == fits


def test_what_json_cannot_hold_is_an_error_and_nothing_is_written(site, visitor):
    with pytest.raises(TypeError):
        site.run(visitor, lambda request: request.session.update({"thing": object()}))

    assert visitor.get("/data").json == {"color": "red"}


# Changes


def test_a_change_inside_of_a_nested_value_is_noticed(site, visitor):
    site.run(visitor, lambda request: request.session.update({"lists": {"wishes": [1]}}))
    site.run(visitor, lambda request: request.session["lists"]["wishes"].append(2))

    assert visitor.get("/data").json["lists"] == {"wishes": [1, 2]}


def test_without_detection_a_nested_change_needs_a_word(make_site):
    site = make_site(detect_changes="false")
    browser = site.browser()
    site.run(browser, lambda request: request.session.update({"lists": [1]}))

    site.run(browser, lambda request: request.session["lists"].append(2))
    assert browser.get("/data").json == {"lists": [1]}

    def append_and_say_so(request):
        request.session["lists"].append(2)
        request.session.changed()

    site.run(browser, append_and_say_so)
    assert browser.get("/data").json == {"lists": [1, 2]}


def test_without_detection_a_read_writes_nothing(make_site):
    site = make_site(detect_changes="false")
    site.warm()
    browser = site.browser()
    browser.get("/set?color=red")

    assert site.commands_of(lambda: browser.get("/data")) == ["GET"]


@pytest.mark.parametrize(
    "value", ["", "größe 🎁", "\x00", "\n", 0, -1, 1.5, True, None, [], {}, [None, [1, {"a": []}]], {"": ""}, 2**60]
)
def test_every_json_value_comes_back_as_it_was(site, value):
    cookie = set_cookie(site.run(None, lambda request: request.session.update({"key": value})))["value"]

    site.run(cookie, lambda request: request.session["key"])

    assert site.returned == value
    assert type(site.returned) is type(value)


@pytest.mark.parametrize("key", ["", "größe", "a\nb", "_", "m", "user\x00"])
def test_every_text_is_a_key(site, key):
    cookie = set_cookie(site.run(None, lambda request: request.session.update({key: 1, "other": 2})))["value"]

    site.run(cookie, lambda request: dict(request.session))

    assert site.returned == {key: 1, "other": 2}


@pytest.mark.parametrize("user", ["bob", 7, {"name": "Bob"}], ids=["text", "number", "other dict"])
def test_an_app_may_keep_something_of_its_own_under_user(site, user):
    cookie = set_cookie(site.run(None, lambda request: request.session.update({"user": user})))["value"]

    assert site.visit("/data", cookie).json == {"user": user}


# The keys of pyramid_session_redis that are about storage


def test_serialize_and_deserialize_are_settings(make_site):
    site = make_site(serialize="session_hooks.dumps", deserialize="session_hooks.loads")
    browser = site.browser()
    browser.get("/set?color=red")
    browser.get("/set?size=9")

    assert browser.get("/data").json == {"color": "red", "size": "9"}
    assert b"\nmark{" in site.redis.get(site.session_keys()[0])


def test_a_payload_that_the_apps_own_deserialize_refuses_is_a_fresh_session(make_site, cookie):
    site = make_site(serialize="session_hooks.dumps", deserialize="session_hooks.loads")

    assert site.visit("/data", cookie).json == {}


def test_what_is_written_where_a_payload_was_refused_starts_a_new_session(make_site, cookie):
    site = make_site(serialize="session_hooks.dumps", deserialize="session_hooks.loads")

    fresh = set_cookie(site.visit("/set?color=blue", cookie))["value"]

    assert handle_of(fresh) != handle_of(cookie)
    assert site.visit("/data", fresh).json == {"color": "blue"}


def test_a_payload_that_cannot_be_read_may_be_made_an_error(make_site, cookie):
    site = make_site(serialize="session_hooks.dumps", deserialize="session_hooks.loads", deserialized_fails_new="false")

    with pytest.raises(RawDeserializationError):
        site.visit("/data", cookie)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("none", "InvalidSession_NoSessionCookie"),
        ("forged", "InvalidSession_NoSessionCookie"),
        ("dead", "InvalidSession_NotInBackend"),
        ("idle", "InvalidSession_PayloadTimeout"),
    ],
)
def test_an_invalid_session_is_told_to_the_operators_own_function(make_site, cookie, clock, kind, error):
    site = make_site(func_invalid_logger="session_hooks.note_refusal")
    session_hooks.refused.clear()
    if kind == "dead":
        site.redis.flushall()
    if kind == "idle":
        clock.shift(4 * HOUR)

    site.visit("/data", {"none": None, "forged": "forged"}.get(kind, cookie))

    ((_, refusal),) = session_hooks.refused
    assert type(refusal).__name__ == error
    assert not any(half in str(refusal) for half in str(id_of(cookie)).split())


def test_by_default_a_session_that_has_become_empty_lives_on(site, visitor, cookie):
    response = visitor.get("/delete?color")

    assert set_cookie(response) is None
    assert site.redis_keys() == [f"session:{handle_of(cookie)}"]


def test_a_session_that_has_become_empty_may_be_ended(make_site):
    site = make_site(invalidate_empty_session="true")
    browser = site.browser()
    browser.get("/set?color=red")
    handle = handle_of(cookie_of(browser))

    response = browser.get("/delete?color")

    assert set_cookie(response)["value"] == ""
    assert site.redis_keys() == []
    assert [(event.handle, event.reason) for event in site.told if hasattr(event, "reason")] == [(handle, "empty")]


def test_a_failed_request_ends_no_session_for_being_empty(make_site):
    site = make_site(invalidate_empty_session="true")
    browser = site.browser()
    browser.get("/set?color=red")

    def clear_and_fail(request):
        request.session.clear()
        raise Trouble(500)

    site.run(browser, clear_and_fail, status=500)

    assert browser.get("/data").json == {"color": "red"}


def test_the_id_generator_is_asked_for_the_half_that_names_the_session(make_site):
    site = make_site(id_generator="session_hooks.short_ids")
    cookie = set_cookie(site.visit("/set?color=red", None))["value"]

    assert id_of(cookie).series.startswith("made-here-")
    assert len(id_of(cookie).secret) == 43  # an HMAC, whatever the generator makes


def test_an_id_generator_that_repeats_itself_never_makes_two_visitors_share_a_session(make_site):
    site = make_site(id_generator="session_hooks.same_id")
    first = set_cookie(site.visit("/set?color=red", None))["value"]

    with pytest.raises(RuntimeError, match="id generator"):
        site.visit("/set?color=blue", None)

    assert site.visit("/data", first).json == {"color": "red"}


# Flash messages


def test_a_flash_message_is_there_once(site, visitor):
    visitor.get("/flash?text=Saved")

    assert visitor.get("/pop-flash").json == ["Saved"]
    assert visitor.get("/pop-flash").json == []
    assert visitor.get("/data").json == {"color": "red"}


def test_a_flash_message_of_a_failed_request_that_popped_it_is_still_there(site, visitor):
    visitor.get("/flash?text=Saved")

    def pop_and_fail(request):
        request.session.pop_flash()
        raise Trouble(500)

    site.run(visitor, pop_and_fail, status=500)

    assert visitor.get("/pop-flash").json == ["Saved"]
