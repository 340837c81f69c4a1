"""Signing in and out, as a browser sees it."""

import pytest
from webtest import TestApp

from shopapp.testing import JSON, log_in

CREDENTIALS = {"email": "demo@example.com", "password": "correct horse battery"}


def test_login_answers_the_account_in_json(visitor: TestApp) -> None:
    response = log_in(visitor)

    assert response.status_int == 200
    assert response.json == {"user_id": 1, "email": "demo@example.com", "name": "Demo Customer"}
    assert visitor.get("/account", headers=JSON).json == response.json


def test_login_goes_on_to_next(visitor: TestApp) -> None:
    page = visitor.get("/account", status=303).follow()

    form = page.forms[-1]
    form["email"], form["password"] = CREDENTIALS.values()
    response = form.submit()

    assert response.status_int == 303
    assert response.location == "http://localhost/account"


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
    ],
)
def test_login_never_goes_on_to_another_site(visitor: TestApp, target: str) -> None:
    response = visitor.post("/login", {**CREDENTIALS, "next": target}, status=303)

    assert response.location == "http://localhost/"
