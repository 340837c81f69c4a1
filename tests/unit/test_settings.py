"""Settings: what each key takes, that all mistakes are told at once, and that no message tells a secret."""

import re
import secrets
from collections.abc import Mapping
from configparser import RawConfigParser
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyramid_session_redis import util as psr
from redis.connection import parse_url

from shopapp.sessions.setting_rules import EXAMPLE_WORDS, SECRET_BYTES, estimated_bytes
from shopapp.sessions.settings import SessionSettings, load_session_settings
from shopapp.settings import SettingsError, key_of
from shopapp.settings.mail import MailSettings
from shopapp.settings.metrics import MetricsSettings
from shopapp.settings.shop import ShopSettings, load_settings
from shopapp.settings.urls import parse_redis_url

ROOT = Path(__file__).parents[2]
STRONG = "0Zq7vXn3KfTgWm2LrJh9YbPdCs5aEuQx8VwNiRz4Mo1HkBt6FySjGlAcUpIeDvOq"
PRODUCTION = {
    "shop.production": "true",
    "redis.sessions.secret": STRONG,
    "redis.sessions.cookie_name": "__Host-session",
    "redis.sessions.cookie_secure": "true",
}


def sessions(environ: Mapping[str, str] | None = None, **keys: object) -> SessionSettings:
    """Load `redis.sessions.*` keys with a secret."""
    return load_session_settings(_raw("redis.sessions.", keys, {"redis.sessions.secret": "s"}), environ or {})


def shop(environ: Mapping[str, str] | None = None, **keys: object) -> ShopSettings:
    """Load `shop.*` keys."""
    return load_settings(_raw("shop.", keys, {"redis.sessions.secret": "s"}), environ or {}).shop


def complaints_of(raw: Mapping[str, str], environ: Mapping[str, str] | None = None) -> list[str]:
    """What is wrong with these settings; nothing is an empty list."""
    try:
        load_settings(raw, environ or {})
    except SettingsError as error:
        return error.complaints
    return []


def complaint(environ: Mapping[str, str] | None = None, **keys: object) -> str:
    """The one complaint about these `redis.sessions.*` keys."""
    (found,) = complaints_of(_raw("redis.sessions.", keys, {"redis.sessions.secret": "s"}), environ)
    return found


def shop_complaint(environ: Mapping[str, str] | None = None, **keys: object) -> str:
    """The one complaint about these `shop.*` keys."""
    (found,) = complaints_of(_raw("shop.", keys, {"redis.sessions.secret": "s"}), environ)
    return found


def _raw(prefix: str, keys: Mapping[str, object], base: Mapping[str, object]) -> dict:
    raw = {**base, **{prefix + key: value for key, value in keys.items()}}
    return {key: value for key, value in raw.items() if value is not None}


# What is known


def test_every_key_of_pyramid_session_redis_is_known():
    documented = {
        *psr.configs_str,
        *psr.configs_dotable,
        *psr.configs_bool,
        *psr.configs_int,
        *psr.configs_int_none,
        "prefix",
    }
    known = {field.metadata["key"] or field.name for field in fields(SessionSettings)}

    assert documented <= known


@pytest.mark.parametrize("key", psr.configs_unsupported)
def test_a_key_that_takes_a_python_object_is_refused_with_its_substitute(key):
    assert f"redis.sessions.{key} takes a Python object" in complaint(**{key: "x"})


def test_the_defaults_are_those_of_the_shop():
    found = sessions()

    assert (found.timeout, found.timeout_trigger, found.redis_socket_timeout) == (10_800, 300, 1.0)
    assert (found.cookie_samesite, found.cookie_httponly, found.cookie_max_age) == ("lax", True, "timeout")
    assert (found.deserialized_fails_new, found.detect_changes, found.set_redis_ttl) == (True, True, True)
    assert (found.prefix, found.redis_url) == ("session:", "redis://localhost:6379/0")
    assert shop() == ShopSettings()


def test_settings_are_frozen():
    with pytest.raises(FrozenInstanceError):
        sessions().timeout = 1


def test_keys_of_other_parts_are_left_alone():
    assert complaints_of({"redis.sessions.secret": "s", "pyramid.includes": "x", "shopping.cart": "x"}) == []


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("redis.session.timeout", "redis.sessions.timeout"),
        ("redis_sessions.secret", "redis.sessions.secret"),
        ("redis.sesions.secret", "redis.sessions.secret"),
        ("redis-session.cookie_secure", "redis.sessions.cookie_secure"),
        ("Redis.Sessions.timeout", "redis.sessions.timeout"),
        ("redis.session.timeuot", "redis.sessions.timeout"),
        ("shops.currency", "shop.currency"),
    ],
)
def test_a_key_with_a_misspelt_beginning_is_refused(key, meant):
    expected = [f"{key} is not a known setting; did you mean {meant}?"]

    assert complaints_of({"redis.sessions.secret": "s", key: "60"}) == expected


def test_another_pyramid_app_is_told_of_a_misspelt_beginning_too():
    with pytest.raises(SettingsError, match=r"did you mean redis\.sessions\.timeout\?"):
        load_session_settings({"redis.sessions.secret": "s", "redis.session.timeout": "60"}, {})


@pytest.mark.parametrize(
    "key",
    [
        "redis.something.url",
        "redis.url",
        "redis.secret",
        "redis.session.url",
        "session.type",
        "session.secret",
        "session.timeout",
        "session.redis.secret",
        "beaker.session.timeout",
        "pyramid.includes",
        "sqlalchemy.url",
        "retry.attempts",
        "shopping.currency",
        "timeout",
        "",
    ],
)
def test_a_key_of_another_library_is_left_alone(key):
    assert complaints_of({"redis.sessions.secret": "s", key: "x"}) == []


def test_an_unknown_key_is_refused_with_the_nearest_known_name():
    assert complaint(timeuot="1") == (
        "redis.sessions.timeuot is not a known setting; did you mean redis.sessions.timeout?"
    )
    assert "did you mean shop.currency?" in shop_complaint(curency="EUR")


def test_an_unknown_key_that_resembles_none_is_refused():
    assert "redis.sessions.zzz is not a known setting; remove it" in complaint(zzz="1")


def test_another_pyramid_app_can_load_the_session_keys_alone():
    found = load_session_settings({"redis.sessions.secret": "s", "shop.nonsense": "x"}, {})

    assert found.secrets == ("s",)


def test_all_mistakes_are_told_at_once():
    raw = {
        "redis.sessions.timeout": "soon",
        "redis.sessions.cookie_secure": "perhaps",
        "redis.sessions.nonsense": "1",
        "shop.currency": "doubloon",
        "shop.page_size": "0",
    }

    with pytest.raises(SettingsError) as caught:
        load_settings(raw, {"DATABASE_URL": "mysql://u:p@h/d", "REDIS_URL": "http://h"})

    found = caught.value.complaints
    assert {line.split()[0] for line in found} == {*raw, "DATABASE_URL", "REDIS_URL", "redis.sessions.secret"}
    assert str(caught.value).splitlines() == found


def test_a_complaint_names_key_value_problem_and_remedy():
    assert complaint(timeout="soon") == (
        "redis.sessions.timeout = 'soon' is not a whole number; write a whole number from 1 to 34560000, or None"
    )


def test_a_value_with_line_breaks_stays_on_one_line():
    assert len(complaint(cookie_path="/a\nb").splitlines()) == 1


# The environment


@pytest.mark.parametrize(
    ("variable", "value", "read"),
    [
        ("REDIS_URL", "redis://elsewhere/1", lambda s: s.sessions.redis_url),
        ("DATABASE_URL", "sqlite:///elsewhere", lambda s: s.shop.database_url),
        ("SESSION_SECRET", "elsewhere", lambda s: s.sessions.secrets[0]),
    ],
)
def test_the_environment_wins_unless_it_is_empty(variable, value, read):
    raw = {
        "redis.sessions.secret": "in-ini",
        "redis.sessions.redis_url": "redis://in-ini/0",
        "shop.database_url": "sqlite:///in-ini",
    }

    assert read(load_settings(raw, {variable: value})) == value
    assert "in-ini" in read(load_settings(raw, {variable: ""}))
    assert "in-ini" in read(load_settings(raw, {variable: " "}))


def test_a_complaint_about_a_variable_names_the_variable():
    assert complaint({"REDIS_URL": "http://h"}, redis_url="redis://h").startswith("REDIS_URL (environment) ")


# Numbers, words and choices


@pytest.mark.parametrize("word", ["true", "True", "yes", "on", "1", "t", "y", True])
def test_the_true_words_of_pyramid_are_true(word):
    assert sessions(cookie_secure=word).cookie_secure is True


@pytest.mark.parametrize("word", ["false", "False", "no", "off", "0", "f", "n", False])
def test_the_false_words_of_pyramid_are_false(word):
    assert sessions(cookie_httponly=word).cookie_httponly is False


@pytest.mark.parametrize("word", ["", "None", "2", "maybe", "tru\u0435"])  # the last one ends with a Cyrillic letter
def test_any_other_word_is_neither_true_nor_false(word):
    assert "is neither true nor false; write true or false" in complaint(cookie_secure=word)


@pytest.mark.parametrize("key", ["timeout", "timeout_trigger", "cookie_max_age", "redis_socket_timeout"])
@pytest.mark.parametrize("none", ["None", "none", "0", 0, None])
def test_none_and_zero_mean_none(key, none):
    expected = getattr(SessionSettings(), key) if none is None else None

    assert getattr(sessions(**{key: none}), key) == expected


@pytest.mark.parametrize("key", ["timeout", "timeout_trigger", "cookie_max_age", "redis_socket_timeout"])
@pytest.mark.parametrize("value", ["", "false", "-1", "1e99", "nan", "inf", "١٢", "1_000", "9" * 5000])
def test_what_is_no_number_of_seconds_is_refused(key, value):
    assert complaint(**{key: value}).startswith(f"redis.sessions.{key} ")


def test_numbers_are_read_as_such():
    found = sessions(timeout="600", cookie_max_age="60", redis_socket_timeout="0.5", redis_db="3")

    assert (found.timeout, found.cookie_max_age, found.redis_socket_timeout, found.redis_db) == (600, 60, 0.5, 3)


@pytest.mark.parametrize(
    ("key", "value"),
    [("page_size", "0"), ("page_size", "101"), ("cart_max_quantity", "-1"), ("cart_max_lines", "1e3")],
)
def test_a_number_of_the_shop_out_of_range_is_refused(key, value):
    assert shop_complaint(**{key: value}).startswith(f"shop.{key} = '{value}' is ")


@pytest.mark.parametrize(("key", "value"), [("redis_port", "0"), ("redis_port", "65536"), ("redis_db", "-1")])
def test_a_number_of_redis_out_of_range_is_refused(key, value):
    assert "is out of range; write a whole number from" in complaint(**{key: value})


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "timeout"), ("timeout", "timeout"), ("Timeout", "timeout"), ("None", None), ("60", 60)],
)
def test_the_cookie_lives_as_long_as_the_timeout_or_the_browser_or_so_many_seconds(value, expected):
    assert sessions(cookie_max_age=value).cookie_max_age == expected


def test_a_word_that_is_no_lifetime_of_a_cookie_is_refused():
    assert complaint(cookie_max_age="session").endswith(
        "is not a whole number; write a whole number from 1 to 34560000, or None, or timeout"
    )


@pytest.mark.parametrize("value", ["later", "Error"])
def test_what_becomes_of_a_conflict_is_one_of_two_words(value):
    assert sessions(conflict=value).conflict == value.lower()
    assert "write later or error" in complaint(conflict="both")


@pytest.mark.parametrize("value", ["lax", "Strict", "NONE"])
def test_samesite_is_read_in_any_case(value):
    assert sessions(cookie_samesite=value, cookie_secure="yes").cookie_samesite == value.lower()


def test_another_samesite_is_refused():
    assert "is not one of the choices; write lax, strict or none" in complaint(cookie_samesite="loose")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("cookie_name", ""),
        ("cookie_name", "a b"),
        ("cookie_name", "a;b"),
        ("cookie_path", ""),
        ("cookie_path", "shop"),
        ("cookie_path", "/;x"),
        ("cookie_domain", "https://shop.example"),
        ("cookie_comment", "a;b"),
        ("prefix", ""),
        ("redis_encoding", "klingon"),
        ("redis_encoding_errors", "shrug"),
        ("redis_host", "redis://h"),
        ("redis_unix_socket_path", "redis.sock"),
    ],
)
def test_text_that_cannot_be_is_refused(key, value):
    assert complaint(**{key: value}).startswith(f"redis.sessions.{key} = {value!r} ")


@pytest.mark.parametrize("key", ["cookie_domain", "cookie_comment", "redis_password", "serialize", "cookie_signer"])
@pytest.mark.parametrize("none", ["", "None"])
def test_empty_text_and_none_mean_none_where_none_is_allowed(key, none):
    assert getattr(sessions(**{key: none}), key) is None


@pytest.mark.parametrize("value", ["EUR", "eur", "JPY"])
def test_a_currency_is_known_to_babel(value):
    assert shop(currency=value).currency == value.upper()


def test_an_unknown_currency_is_refused():
    assert "shop.currency = 'XQX' is not a currency; write the ISO 4217 code" in shop_complaint(currency="XQX")


@pytest.mark.parametrize("value", ["en_IE", "de", "zh_Hant_TW", "zh_CN"])
def test_a_locale_is_known_to_babel(value):
    assert shop(locale=value).locale == value


@pytest.mark.parametrize("value", ["", "en-IE", "xx_YY", "en_ZZ", "../en"])
def test_an_unknown_locale_is_refused(value):
    assert f"shop.locale = {value!r} is not a " in shop_complaint(locale=value)


def test_trusted_origins_are_written_as_browsers_send_them():
    found = shop(trusted_origins="https://Pay.Example http://localhost:8080\nhttps://a.example:443 http://b.example:80")

    expected = ("https://pay.example", "http://localhost:8080", "https://a.example", "http://b.example")
    assert found.trusted_origins == expected


@pytest.mark.parametrize(
    "value",
    [
        "shop.example",
        "https://",
        "https://a.example/",
        "ftp://a.example",
        "https://a.example:x",
        "https://u@a",
        "https://[",
    ],
)
def test_what_is_not_an_origin_is_refused(value):
    assert "holds what is not an origin; write scheme and host" in shop_complaint(trusted_origins=value)


# URLs


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://user:pass@host:6380/2",
        "rediss://host:6379/0?ssl_cert_reqs=none",
        "unix:///run/redis.sock?db=1",
        "redis://[::1]:6379/0",
        "embedded:var/valkey",
        "redis+cluster://user:p%40@h1,h2:7001,[::1]:7002/",
        "rediss+cluster://h1/0?ssl_check_hostname=false",
        "redis+sentinel://user:p%40@h1,h2:26380,h3/my-master.1/2?sentinel_username=a&sentinel_password=b",
        "rediss+sentinel://h1/mymaster?ssl_ca_certs=/etc/hosts",
    ],
)
def test_a_redis_url_is_kept_as_it_is(url):
    assert sessions(redis_url=url).redis_url == url


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://host", "has the scheme 'http'"),
        ("localhost:6379", "has no scheme"),
        ("", "has no scheme"),
        ("redis://", "names no host or socket"),
        ("unix://", "names no host or socket"),
        ("redis://host:port", "cannot be read"),
        ("redis://host:99999", "cannot be read"),
        ("redis://host?socket_timeout=soon", "cannot be read"),
        ("redis://host/zero", "has a database that is not a number"),
        ("embedded:", "names no directory"),
        ("redis://h1,h2", "names several hosts"),
        ("redis+cluster://h1,,h2", "names no host"),
        ("redis+cluster://h1,h2:port", "cannot be read"),
        ("redis+cluster://h/1", "has a database, and a cluster has none but 0"),
        ("redis+sentinel://h1,h2", "does not say what the Sentinels call the primary"),
        ("redis+sentinel://h1,h2/name/zero", "has a database that is not a number"),
        ("redis+other://h", "has the scheme 'redis+other'"),
        ("redis://h?sentinel_username=a", "has an option that is neither db nor ssl_"),
        ("rediss://h?ssl_unknown=1", "has an option that is neither db nor ssl_"),
        ("rediss+cluster://h?ssl_ciphers=x", "has an option that is neither db nor ssl_"),
        ("redis://h?ssl_cert_reqs=required", "has options of TLS and is without TLS"),
        ("rediss://h?ssl_ca_certs=/no/such.pem", "names in ssl_ca_certs what is not there"),
    ],
)
def test_another_redis_url_is_refused(url, problem):
    assert f"redis.sessions.redis_url {problem}" in complaint(redis_url=url)


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("sqlite:///var/shop.sqlite", "sqlite:///var/shop.sqlite"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
    ],
)
def test_a_database_url_names_its_driver(url, read):
    assert shop(database_url=url).database_url == read


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://h/d", "has the scheme 'mysql'"),
        ("shop.sqlite", "has no scheme"),
        ("postgresql://h", "names no database"),
        ("postgresql://h:port/d", "cannot be read"),
    ],
)
def test_another_database_url_is_refused(url, problem):
    assert f"shop.database_url {problem}" in shop_complaint(database_url=url)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"redis_host": "cache"}, {"host": "cache", "port": 6379, "db": 0}),
        ({"redis_port": "6380", "redis_db": "2"}, {"host": "localhost", "port": 6380, "db": 2}),
        ({"redis_host": "::1"}, {"host": "::1", "port": 6379, "db": 0}),
        ({"redis_password": "p@/ %:#"}, {"host": "localhost", "port": 6379, "db": 0, "password": "p@/ %:#"}),
        (
            {"redis_unix_socket_path": "/run/my redis?.sock", "redis_password": "p@", "redis_db": "4"},
            {"path": "/run/my redis?.sock", "db": 4, "password": "p@"},
        ),
    ],
)
def test_host_port_and_password_become_one_url(keys, expected):
    found = parse_url(sessions(**keys).redis_url)
    found.pop("connection_class", None)

    assert found == expected


def test_a_redis_url_wins_over_host_and_port():
    assert sessions(redis_url="redis://a/0", redis_host="b").redis_url == "redis://a/0"
    assert sessions({"REDIS_URL": "redis://a/0"}, redis_host="b").redis_url == "redis://a/0"


def test_a_redis_url_says_whom_to_ask_and_how():
    said = parse_redis_url("rediss+sentinel://u:p%40@h1,[::1]:5/mymaster/3?sentinel_password=%2Fx&ssl_password=k")

    assert (said.kind, said.service) == ("sentinel", "mymaster")
    assert said.seeds == (("h1", 26_379), ("::1", 5))
    assert said.options == {"username": "u", "password": "p@", "db": 3, "ssl": True, "ssl_password": "k"}
    assert said.credentials == {"password": "/x"}
    assert "p@" not in repr(said)
    assert "/x" not in repr(said)


@pytest.mark.parametrize("option", ["ssl_cert_reqs=none", "ssl_cert_reqs=optional", "ssl_check_hostname=false"])
def test_tls_with_anybody_is_refused_in_production(option):
    raw = {**PRODUCTION, "redis.sessions.redis_url": f"rediss+sentinel://h/mymaster?{option}"}

    with pytest.raises(SettingsError, match="turns off the check of the server's certificate"):
        load_settings(raw, {})


def test_the_number_of_replicas_has_a_key_of_its_own_and_a_misspelt_one_is_told():
    raw = {"redis.sessions.secret": "s", "redis.min_replicas": "2"}
    assert load_session_settings(raw, {}).redis_min_replicas == 2

    with pytest.raises(SettingsError, match=r"did you mean redis\.min_replicas"):
        load_session_settings({"redis.sessions.secret": "s", "redis.min_replica": "2"}, {})


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        ({"redis.sessions.redis_client_callable": "secrets.token_urlsafe"}, "nothing waits for replicas"),
        ({"redis.sessions.redis_url": "embedded:var"}, "an embedded server has no replicas"),
    ],
)
def test_waiting_for_replicas_that_nobody_could_wait_for_is_refused(other, problem):
    (found,) = complaints_of({"redis.sessions.secret": "s", "redis.min_replicas": "1", **other})

    assert found.startswith("redis.min_replicas is set")
    assert problem in found


# Dotted names


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("serialize", "json.dumps"),
        ("deserialize", "json:loads"),
        ("cookie_signer", "json"),
        ("id_generator", "secrets.token_urlsafe"),
        ("func_invalid_logger", "builtins.print"),
        ("redis_client_callable", "pyramid_session_redis.connection.get_default_connection"),
        ("func_check_response_allow_cookies", "pyramid_session_redis.check_response_allow_cookies"),
    ],
)
def test_a_dotted_name_that_can_be_imported_is_kept(key, name):
    assert getattr(sessions(**{key: name}), key) == name


@pytest.mark.parametrize("name", ["no.such.module", "json.no_such_name", "not a name", "json:", "."])
def test_a_dotted_name_that_cannot_be_imported_is_refused(name):
    assert f"redis.sessions.serialize = {name!r} cannot be imported" in complaint(serialize=name)


def test_a_dotted_name_of_something_unfit_is_refused():
    assert "has no method __call__" in complaint(id_generator="json")
    assert "has no method dumps and no loads" in complaint(cookie_signer="json.dumps")


@pytest.mark.parametrize("key", ["serialize", "deserialize"])
@pytest.mark.parametrize(
    "name", ["pickle.loads", "pickle:dumps", "_pickle.loads", "marshal.loads", "dill.loads", "builtins.eval"]
)
def test_a_serializer_that_executes_code_is_refused(key, name):
    assert "executes code when it loads what is stored" in complaint(**{key: name})


harmless_looking = __import__("pickle").loads


def test_a_serializer_that_executes_code_is_refused_under_another_name(monkeypatch):
    monkeypatch.setattr("json.harmless_looking", harmless_looking, raising=False)

    assert "executes code when it loads what is stored" in complaint(deserialize="json.harmless_looking")


# Keys that cannot go together


@pytest.mark.parametrize(
    ("keys", "key", "problem"),
    [
        ({"cookie_name": "__Host-s"}, "cookie_secure", "is false"),
        ({"cookie_name": "__Secure-s"}, "cookie_secure", "is false"),
        ({"cookie_name": "__Host-s", "cookie_secure": "1", "cookie_path": "/shop"}, "cookie_path", "is not /"),
        ({"cookie_name": "__Host-s", "cookie_secure": "1", "cookie_domain": "a.example"}, "cookie_domain", "is set"),
        ({"cookie_samesite": "none"}, "cookie_samesite", "is none"),
        ({"timeout": "60", "timeout_trigger": "60"}, "timeout_trigger", "is not less than"),
        ({"timeout": "None", "timeout_trigger": "60"}, "timeout_trigger", "is set without a timeout"),
        ({"rotation_interval": "10"}, "rotation_interval", "is not more than"),
        ({"rotation_late": "9"}, "rotation_late", "is less than"),
        ({"set_redis_ttl_readheavy": "1"}, "set_redis_ttl_readheavy", "cannot be combined with python_expires"),
        (
            {"set_redis_ttl_readheavy": "1", "python_expires": "0", "timeout_trigger": "60"},
            "set_redis_ttl_readheavy",
            "cannot be combined with a timeout_trigger",
        ),
        (
            {"set_redis_ttl_readheavy": "1", "python_expires": "0", "set_redis_ttl": "0"},
            "set_redis_ttl_readheavy",
            "needs both a timeout and set_redis_ttl",
        ),
        ({"prefix": "p:", "id_generator": "secrets.token_urlsafe"}, "prefix", "is given as well as an id_generator"),
        (
            {"redis_url": "redis+sentinel://h/m", "redis_client_callable": "secrets.token_urlsafe"},
            "redis_url",
            "names Sentinels",
        ),
    ],
)
def test_keys_that_cannot_go_together_are_refused(keys, key, problem):
    found = complaint(**keys)

    assert found.startswith(f"redis.sessions.{key} ")
    assert problem in found


@pytest.mark.parametrize(
    "keys",
    [
        {"cookie_name": "__Host-s", "cookie_secure": "1"},
        {"cookie_name": "__Secure-s", "cookie_secure": "1", "cookie_domain": "a.example", "cookie_path": "/x"},
        {"cookie_samesite": "none", "cookie_secure": "1"},
        {"timeout": "60", "timeout_trigger": "59"},
        {"set_redis_ttl_readheavy": "1", "python_expires": "0"},
        {"id_generator": "secrets.token_urlsafe"},
    ],
)
def test_keys_that_can_go_together_are_taken(keys):
    assert isinstance(sessions(**keys), SessionSettings)


def test_a_wrong_value_is_not_also_a_contradiction():
    assert "cookie_secure = 'perhaps' is neither" in complaint(cookie_secure="perhaps", cookie_name="__Host-s")


@pytest.mark.parametrize(
    ("keys", "trigger"),
    [
        ({}, 300),
        ({"timeout": "600"}, 150),
        ({"timeout": "None"}, None),
        ({"set_redis_ttl_readheavy": "1", "python_expires": "0"}, None),
    ],
)
def test_a_timeout_trigger_that_was_left_out_fits_the_timeout(keys, trigger):
    assert sessions(**keys).timeout_trigger == trigger


# Secrets and production


def test_several_secrets_are_read_in_order():
    assert sessions(secret="new old\nolder").secrets == ("new", "old", "older")


@pytest.mark.parametrize("secret", [None, "", "  \n "])
def test_a_missing_secret_is_refused_and_the_complaint_says_how_to_make_one(secret):
    found = complaint(secret=secret)

    assert found.startswith("redis.sessions.secret is missing")
    assert 'python3 -c "import secrets; print(secrets.token_urlsafe(48))"' in found


def test_good_production_settings_are_taken():
    assert load_settings(PRODUCTION, {}).shop.production is True


@pytest.mark.parametrize(
    ("change", "key", "problem"),
    [
        ({"redis.sessions.secret": ""}, "redis.sessions.secret", "is missing"),
        ({"redis.sessions.secret": STRONG[:31]}, "redis.sessions.secret", "too little randomness"),
        ({"redis.sessions.secret": "a" * 500}, "redis.sessions.secret", "too little randomness"),
        ({"redis.sessions.secret": "Tr0ub4dor&3" * 9}, "redis.sessions.secret", "too little randomness"),
        ({"redis.sessions.secret": f"changeme{STRONG}"}, "redis.sessions.secret", "looks like an example"),
        ({"redis.sessions.secret": f"My-Secret-{STRONG}"}, "redis.sessions.secret", "looks like an example"),
        ({"redis.sessions.secret": f"{STRONG} short"}, "redis.sessions.secret", "no. 2 holds too little randomness"),
        ({"redis.sessions.redis_url": "embedded:var"}, "redis.sessions.redis_url", "is an embedded server"),
        ({"redis.sessions.cookie_httponly": "false"}, "redis.sessions.cookie_httponly", "is false"),
        ({"redis.sessions.cookie_samesite": "none"}, "redis.sessions.cookie_samesite", "is none"),
        ({"redis.sessions.redis_socket_timeout": "None"}, "redis.sessions.redis_socket_timeout", "is None"),
        ({"redis.sessions.cookie_name": "session"}, "redis.sessions.cookie_name", "has no __Host- or __Secure- prefix"),
    ],
)
def test_production_refuses_what_is_unsafe_in_public_and_development_does_not(change, key, problem):
    (found,) = complaints_of({**PRODUCTION, **change})

    assert found.startswith(key)
    assert problem in found
    unsafe_anywhere = [*complaints_of({**PRODUCTION, **change, "shop.production": "false"})]
    assert unsafe_anywhere == ([found] if "missing" in problem else [])


def test_production_refuses_a_cookie_that_plain_http_could_carry():
    found = complaints_of({**PRODUCTION, "redis.sessions.cookie_secure": "false", "redis.sessions.cookie_name": "s"})

    assert any(line.startswith("redis.sessions.cookie_secure is false") for line in found)


def test_production_allows_sqlite():
    assert complaints_of({**PRODUCTION, "shop.database_url": "sqlite:////var/lib/shop.sqlite"}) == []


def test_production_names_the_variable_an_unsafe_value_came_from():
    found = complaints_of(PRODUCTION, {"SESSION_SECRET": "x", "REDIS_URL": "embedded:var"})

    assert [line.split()[0] for line in found] == ["REDIS_URL", "SESSION_SECRET"]


@pytest.mark.parametrize("make", [secrets.token_hex, secrets.token_urlsafe])
def test_thirty_two_random_bytes_are_always_enough(make):
    for _ in range(200):
        secret = make(32)

        assert estimated_bytes(secret) >= SECRET_BYTES


@given(st.text(alphabet=st.characters(exclude_categories=["Z", "C"]), max_size=31))
def test_thirty_one_characters_are_never_enough(secret):
    assert estimated_bytes(secret) < SECRET_BYTES


@given(st.text(min_size=1, max_size=12), st.integers(1, 99))
def test_repeating_a_word_is_never_enough(word, times):
    assert estimated_bytes(word * times) < SECRET_BYTES


def test_the_ini_of_development_is_taken_as_it_is_and_its_secret_refused_in_production():
    raw = _app_section("development.ini")

    assert complaints_of(raw) == []
    (found,) = complaints_of({**PRODUCTION, "redis.sessions.secret": raw["redis.sessions.secret"]})
    assert "looks like an example" in found


def test_the_ini_of_production_lacks_nothing_but_the_secret():
    raw = _app_section("production.ini")

    assert "secret" not in raw
    assert complaints_of(raw, {"SESSION_SECRET": STRONG}) == []
    (found,) = complaints_of(raw)
    assert found.startswith("redis.sessions.secret is missing")


def _app_section(name: str) -> dict[str, str]:
    parser = RawConfigParser()
    parser.read(ROOT / name)
    return dict(parser["app:main"])


# No message tells a secret

# Letters that no message has by itself, so that a single one of them in a message is a leak.
leaky = st.text(alphabet="ßþæøåłđŧħĸŋ", min_size=1, max_size=80)


def _assert_untold(secret: str, raw: Mapping[str, str], environ: Mapping[str, str]) -> None:
    assert complaints_of(raw, environ)
    with pytest.raises(SettingsError) as caught:
        load_settings(raw, environ)

    assert set(secret).isdisjoint(str(caught.value))


@given(leaky)
def test_no_character_of_a_weak_secret_is_told(secret):
    _assert_untold(secret, {**PRODUCTION, "redis.sessions.secret": secret}, {})
    _assert_untold(secret, PRODUCTION, {"SESSION_SECRET": f"{secret} {secret}"})


@given(leaky, st.sampled_from(EXAMPLE_WORDS))
def test_no_character_of_an_example_secret_is_told(secret, word):
    _assert_untold(secret, {**PRODUCTION, "redis.sessions.secret": secret + word}, {})


@given(
    leaky,
    st.sampled_from(
        [
            "redis://user:{}@host:port/0",
            "redis://:{}@host:6379/zero",
            "redis://user:{}@/",
            "http://user:{}@host/0",
            "user:{}@host",
            "{}",
            "unix://:{}@",
            "redis://host:6379/0?password={}&socket_timeout=x",
            "redis://user:#{}@host/0",
            "redis://[{}@host",
            "postgresql://user:{}@host:port/d",
            "postgresql://user:{}@host",
            "mysql://user:{}@host/d",
        ],
    ),
)
def test_no_character_of_a_password_in_a_url_is_told(secret, template):
    url = template.format(secret)
    raw = {**PRODUCTION, "redis.sessions.redis_url": url, "shop.database_url": url, "shop.trusted_origins": url}

    _assert_untold(secret, raw, {})
    _assert_untold(secret, PRODUCTION, {"REDIS_URL": url, "DATABASE_URL": url})


@given(leaky)
def test_no_character_of_the_redis_password_is_told(secret):
    raw = {**PRODUCTION, "redis.sessions.redis_password": f"{secret}\x00", "redis.sessions.redis_host": f"u:{secret}@h"}

    _assert_untold(secret, raw, {})


def test_the_settings_hide_their_secrets_when_printed():
    found = load_settings(
        {"redis.sessions.secret": "hush", "redis.sessions.redis_password": "hush", "shop.production": "0"},
        {"REDIS_URL": "redis://u:hush@h/0", "DATABASE_URL": "postgresql://u:hush@h/d"},
    )

    assert "hush" not in repr(found)


# The documentation


def test_the_documentation_lists_every_key_with_its_kind_default_and_meaning():
    rows = re.findall(
        r"^\| `((?:redis(?:\.sessions)?|shop|mail|metrics)\.\w+)` \| (.*?) \| (.*?) \| (.*?) \|$",
        _documentation(),
        re.M,
    )

    assert rows == [
        *_rows(SessionSettings, "redis.sessions."),
        *_rows(ShopSettings, "shop."),
        *_rows(MailSettings, "mail."),
        *_rows(MetricsSettings, "metrics."),
    ]


def _documentation() -> str:
    return (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def _rows(cls: type, prefix: str) -> list[tuple[str, str, str, str]]:
    return [
        (
            key_of(prefix, field),
            field.metadata["kind"].name,
            _shown(field.default),
            field.metadata["meaning"] + (f" Environment: `{variable}`." if (variable := field.metadata["env"]) else ""),
        )
        for field in fields(cls)
    ]


def _shown(default: object) -> str:
    if isinstance(default, tuple):
        default = " ".join(default)
    if default == "":
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"
