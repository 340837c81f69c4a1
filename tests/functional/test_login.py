"""Signing in, as a browser and as a program see it."""

from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update
from webtest import TestApp

from observing import form_to, text_of
from shopapp.accounts.models import User
from shopapp.accounts.passwords import verify_password
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

CREDENTIALS = {"email": "demo@example.com", "password": "correct horse battery"}
ACCOUNT = {"user_id": 1, "email": "demo@example.com", "name": "Demo Customer"}


def test_login_answers_the_account_in_json(visitor: TestApp) -> None:
    response = log_in(visitor)

    assert response.status_int == 200
    assert response.json == ACCOUNT
    assert visitor.get("/account", headers=JSON).json == ACCOUNT


def test_login_takes_a_json_body(visitor: TestApp) -> None:
    response = visitor.post_json("/login", CREDENTIALS, headers=JSON)

    assert response.json == ACCOUNT


@pytest.mark.parametrize("email", ["DEMO@Example.COM", "  demo@example.com "])
def test_the_address_is_taken_as_people_type_it(visitor: TestApp, email: str) -> None:
    assert log_in(visitor, email=email).json == ACCOUNT


def test_login_from_the_form_shows_who_is_signed_in(visitor: TestApp) -> None:
    form = form_to(visitor.get("/login"), "/login")
    form["email"], form["password"] = CREDENTIALS.values()
    response = form.submit()

    assert (response.status_int, response.location) == (303, "http://localhost/")
    assert "Demo Customer" in response.follow()
    assert "demo@example.com" in visitor.get("/account")


def test_login_goes_on_to_where_the_visitor_was_going(visitor: TestApp) -> None:
    page = visitor.get("/account", status=303).follow()

    form = form_to(page, "/login")
    form["email"], form["password"] = CREDENTIALS.values()
    response = form.submit()

    assert (response.status_int, response.location) == (303, "http://localhost/account")


def test_next_keeps_its_query(visitor: TestApp) -> None:
    page = visitor.get("/account?tab=1&name=%C3%A9", status=303).follow()

    form = form_to(page, "/login")
    form["email"], form["password"] = CREDENTIALS.values()

    assert form.submit().location == "http://localhost/account?tab=1&name=%C3%A9"


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "/日本",  # no Location header holds it
        "/" + "x" * 2000,  # longer than any address of ours
        "",
    ],
)
def test_login_never_goes_on_to_another_site(visitor: TestApp, target: str) -> None:
    response = visitor.post("/login", {**CREDENTIALS, "next": target}, status=303)

    assert response.location == "http://localhost/"
    assert visitor.get("/login", {"next": target}, status=303).location == "http://localhost/"


def test_the_login_page_sends_on_whoever_is_signed_in(customer: TestApp) -> None:
    assert customer.get("/login?next=/account", status=303).location == "http://localhost/account"


def test_signing_in_again_as_the_same_person_keeps_working(customer: TestApp) -> None:
    assert log_in(customer).json == ACCOUNT
    assert customer.get("/account", headers=JSON).json == ACCOUNT


@pytest.mark.parametrize("wrong", [{"password": "correct horse"}, {"email": "nobody@example.com"}])
def test_wrong_credentials_are_401_and_do_not_say_which_was_wrong(visitor: TestApp, wrong: dict[str, str]) -> None:
    in_json = visitor.post("/login", {**CREDENTIALS, **wrong}, headers=JSON, status=401)
    page = visitor.post("/login", {**CREDENTIALS, **wrong}, status=401)

    error = {"code": "unauthorized", "message": "E-mail or password is not right. Please check both.", "fields": {}}
    assert in_json.json == {"error": error}
    assert error["message"] in text_of(page)
    visitor.get("/account", headers=JSON, status=401)


def test_a_failed_login_keeps_the_address_and_drops_the_password(visitor: TestApp) -> None:
    page = visitor.post("/login", {**CREDENTIALS, "password": "wr0ng-passw0rd", "next": "/account"}, status=401)

    form = form_to(page, "/login")
    assert form["email"].value == "demo@example.com"
    assert form["next"].value == "/account"
    assert form["password"].value == ""
    assert "wr0ng-passw0rd" not in page


def test_a_failed_login_starts_no_session(visitor: TestApp, shop_redis: ObservedRedis) -> None:
    response = visitor.post("/login", {**CREDENTIALS, "password": "wrong"}, headers=JSON, status=401)

    assert "Set-Cookie" not in response.headers
    assert shop_redis.keys("session:*") == []


@pytest.mark.parametrize(
    ("fields", "complaints"),
    [
        (
            {},
            {"email": "Please enter your e-mail address.", "password": "Please enter your password."},
        ),
        ({"email": "demo@example.com"}, {"password": "Please enter your password."}),
        ({**CREDENTIALS, "email": "a" * 255}, {"email": "This is too long for an address."}),
        ({**CREDENTIALS, "password": "a" * 1025}, {"password": "This is too long for a password."}),
    ],
)
def test_a_form_with_gaps_is_422_with_a_message_for_each_field(
    visitor: TestApp, fields: dict[str, str], complaints: dict[str, str]
) -> None:
    response = visitor.post("/login", fields, headers=JSON, status=422)

    assert response.json["error"]["code"] == "invalid"
    assert response.json["error"]["fields"] == complaints


def test_the_form_shows_each_message_beside_its_field(visitor: TestApp) -> None:
    page = visitor.post("/login", {}, status=422)

    assert "Please enter your e-mail address." in text_of(page)
    assert "Please enter your password." in text_of(page)
    assert page.text.count('aria-invalid="true"') == 2


def test_a_visitor_is_asked_to_sign_in_for_the_account(visitor: TestApp) -> None:
    assert visitor.get("/account", headers=JSON, status=401).json["error"]["code"] == "unauthorized"
    assert visitor.get("/account", status=303).location == "http://localhost/login?next=%2Faccount"


def test_a_password_of_an_older_cost_is_hashed_anew_at_login(visitor: TestApp, shop_app: Any) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("correct horse battery")
    with shop_app.registry["shopapp.sessionmaker"].begin() as dbsession:
        dbsession.execute(update(User).values(password_hash=weak))

    log_in(visitor)

    with shop_app.registry["shopapp.sessionmaker"]() as dbsession:
        stored = dbsession.scalar(select(User.password_hash))
    assert stored != weak
    assert verify_password(stored, "correct horse battery")
