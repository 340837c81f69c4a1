"""A sign-in from a device that is new to the account is told by mail; devices are known by a cookie of their own."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from webtest import TestApp

import shopapp
from shopapp.accounts.models import User
from shopapp.accounts.passwords import hash_password
from shopapp.testing import TEST_SECRET
from shopapp.testing.shop import JSON, Mailbox, link_of, log_in, text_of

NewVisitor = Callable[[], TestApp]
SHAPE = re.compile(r"[A-Za-z0-9_-]{22}(\.[0-9a-f]{48}){1,5}")


def new_devices(mailbox: Mailbox) -> list[str]:
    return [text_of(letter) for letter in mailbox.letters() if "new device" in letter["Subject"]]


def cookies_set(response: Any) -> dict[str, str]:
    return {each.partition("=")[0]: each for each in response.headers.getall("Set-Cookie")}


@pytest.fixture
def neighbours(shop_app: Any) -> list[str]:
    """The addresses of other people with the same password."""
    emails = [f"neighbour{number}@example.com" for number in range(7)]
    password_hash = hash_password("correct horse battery")
    with shop_app.registry["shopapp.sessionmaker"].begin() as dbsession:
        dbsession.add_all(User(email=email, name="Neighbour", password_hash=password_hash) for email in emails)
    return emails


def test_the_first_sign_in_of_a_device_is_told_and_the_next_is_not(
    visitor: TestApp, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    visitor.extra_environ["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    log_in(visitor)
    (told,) = new_devices(mailbox)
    assert all(words in told for words in ("Firefox on Linux", "192.0.2.1", "UTC", "Demo Customer"))
    assert all(path in told for path in ("/account/sessions", "/password/forgotten"))

    visitor.post("/logout", headers=JSON)
    log_in(visitor)
    assert len(new_devices(mailbox)) == 1

    log_in(new_visitor())
    assert len(new_devices(mailbox)) == 2


def test_to_sign_up_marks_the_device_and_sends_no_such_mail(visitor: TestApp, mailbox: Mailbox) -> None:
    ann = {"email": "ann@example.com", "name": "Ann", "password": "kettle tulip bronze"}
    visitor.post("/register", ann, headers=JSON)
    token = link_of(mailbox.last()).partition("token=")[2]
    visitor.post("/register/confirm", {"token": token}, headers=JSON)
    visitor.post("/logout", headers=JSON)

    log_in(visitor, email=ann["email"], password=ann["password"])

    assert new_devices(mailbox) == []


def test_one_sign_in_form_sent_twice_is_told_once(visitor: TestApp, new_visitor: NewVisitor, mailbox: Mailbox) -> None:
    log_in(visitor, form="the-name-of-a-form")
    log_in(new_visitor(), form="the-name-of-a-form")  # the browser has dropped the first answer

    assert len(new_devices(mailbox)) == 1


def test_nobody_who_does_not_sign_in_gets_the_cookie(visitor: TestApp) -> None:
    visitor.post("/cart/items", {"sku": "brass-pen"})
    visitor.get("/login")
    wrong = {"email": "demo@example.com", "password": "wrong"}
    for headers in ({}, JSON):
        visitor.post("/login", wrong, headers=headers, status=401)
    visitor.post("/register", {"email": "a@example.com", "name": "A", "password": "kettle tulip bronze"})

    assert "device" not in visitor.cookies


@pytest.mark.parametrize("headers", [{}, JSON], ids=["form", "json"])
def test_the_cookie_is_guarded_and_says_nothing_of_anybody(visitor: TestApp, headers: dict[str, str]) -> None:
    fields = {"email": "demo@example.com", "password": "correct horse battery"}
    response = visitor.post("/login", fields, headers=headers)

    cookie = cookies_set(response)["device"]
    _, *attributes = cookie.lower().split("; ")
    assert {"httponly", "samesite=lax", "path=/", "max-age=34560000"} <= set(attributes)
    assert SHAPE.fullmatch(visitor.cookies["device"])


def test_in_production_it_is_secure_and_of_this_host_alone(shop_settings: dict[str, Any]) -> None:
    settings = {
        **shop_settings,
        "redis.sessions.cookie_secure": "true",
        "redis.sessions.cookie_name": "__Host-session",
    }
    browser = TestApp(shopapp.main({}, **settings), extra_environ={"wsgi.url_scheme": "https"})

    cookie = cookies_set(log_in(browser))["__Host-device"]

    assert "secure" in cookie.lower()
    assert "domain" not in cookie.lower()


def test_two_devices_of_one_person_have_nothing_in_common(visitor: TestApp, new_visitor: NewVisitor) -> None:
    other = new_visitor()
    log_in(visitor)
    log_in(other)

    ours, theirs = (set(browser.cookies["device"].split(".")) for browser in (visitor, other))

    assert not ours & theirs


def test_a_few_people_share_a_device_and_it_stays_small(
    visitor: TestApp, neighbours: list[str], mailbox: Mailbox
) -> None:
    for email in ("demo@example.com", *neighbours[:4]) * 2:
        log_in(visitor, email=email)
    assert len(new_devices(mailbox)) == 5

    for email in neighbours:
        log_in(visitor, email=email)
    assert SHAPE.fullmatch(visitor.cookies["device"])
    assert len(visitor.cookies["device"]) < 300


def test_another_persons_code_is_no_good(visitor: TestApp, neighbours: list[str], mailbox: Mailbox) -> None:
    log_in(visitor)
    log_in(visitor, email=neighbours[0])

    assert len(new_devices(mailbox)) == 2


@pytest.mark.parametrize(
    "rubbish",
    [
        "x",
        "",
        "a" * 22,
        f"{'a' * 22}.{'0' * 48}",
        f"{'a' * 22}.{'g' * 48}",
        "a" * 4000,
        f"{'a' * 22}" + f".{'0' * 48}" * 6,
    ],
)
def test_rubbish_is_as_good_as_no_cookie(visitor: TestApp, mailbox: Mailbox, rubbish: str) -> None:
    log_in(visitor)
    visitor.reset()
    visitor.set_cookie("device", rubbish)

    log_in(visitor)

    assert len(new_devices(mailbox)) == 2
    assert SHAPE.fullmatch(visitor.cookies["device"])


def test_two_of_the_name_are_none(visitor: TestApp, new_visitor: NewVisitor, mailbox: Mailbox) -> None:
    log_in(visitor)
    known = visitor.cookies["device"]

    fields = {"email": "demo@example.com", "password": "correct horse battery"}
    both = {"Cookie": f"device={known}; device={known}"}
    new_visitor().post("/login", fields, headers={**JSON, **both})

    assert len(new_devices(mailbox)) == 2


def test_a_device_stays_known_when_the_secret_changes(
    visitor: TestApp, shop_settings: dict[str, Any], mailbox: Mailbox
) -> None:
    log_in(visitor)
    old = visitor.cookies["device"]
    secrets = f"another-secret-for-tests-only-5d1c93aa7e {TEST_SECRET}"
    later = TestApp(shopapp.main({}, **{**shop_settings, "redis.sessions.secret": secrets}))
    later.set_cookie("device", old)

    log_in(later)

    assert len(new_devices(mailbox)) == 1
    assert later.cookies["device"].split(".")[0] == old.split(".")[0]
    assert later.cookies["device"] != old
    assert later.cookies["device"].count(".") == 1
