"""Signing out, as a browser and as a program see it."""

from collections.abc import Callable

from webtest import TestApp

from observing import cookie_of, form_to, text_of
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in


def test_logout_from_the_page_leads_out_and_says_so(customer: TestApp) -> None:
    response = form_to(customer.get("/account"), "/logout").submit()

    assert (response.status_int, response.location) == (303, "http://localhost/logout")
    page = response.follow()
    assert "You are signed out" in text_of(page)
    assert "Demo Customer" not in page
    customer.get("/account", headers=JSON, status=401)


def test_every_page_offers_to_sign_out(customer: TestApp) -> None:
    for page in ("/", "/cart", "/products/brass-pen", "/account"):
        form_to(customer.get(page), "/logout")


def test_logout_in_json_answers_204(customer: TestApp) -> None:
    response = customer.post("/logout", headers=JSON, status=204)

    assert response.body == b""
    customer.get("/account", headers=JSON, status=401)


def test_the_cookie_is_gone_and_its_copy_opens_nothing(customer: TestApp, new_visitor: Callable[[], TestApp]) -> None:
    copied = cookie_of(customer)

    customer.post("/logout", headers=JSON)

    assert set(customer.cookies) == {"device"}
    new_visitor().get("/account", headers={**JSON, **copied}, status=401)


def test_the_same_person_stays_signed_in_on_another_device(
    customer: TestApp, new_visitor: Callable[[], TestApp]
) -> None:
    other_device = new_visitor()
    log_in(other_device)

    customer.post("/logout", headers=JSON)

    other_device.get("/account", headers=JSON, status=200)


def test_signing_out_twice_is_no_error(customer: TestApp) -> None:
    customer.post("/logout", headers=JSON, status=204)
    customer.post("/logout", headers=JSON, status=204)
    customer.post("/logout", status=303)


def test_a_visitor_who_signs_out_costs_nothing(visitor: TestApp, shop_redis: ObservedRedis) -> None:
    response = visitor.post("/logout", status=303)

    assert "Set-Cookie" not in response.headers
    assert shop_redis.commands == []


def test_a_link_cannot_sign_anybody_out_but_shows_the_button(customer: TestApp) -> None:
    page = customer.get("/logout")

    customer.get("/account", headers=JSON, status=200)
    form_to(page, "/logout").submit()
    customer.get("/account", headers=JSON, status=401)


def test_the_page_after_it_costs_nothing_and_starts_no_session(visitor: TestApp, shop_redis: ObservedRedis) -> None:
    page = visitor.get("/logout")

    assert "You are signed out" in text_of(page)
    assert "Set-Cookie" not in page.headers
    assert shop_redis.commands == []


def test_after_the_logout_one_can_sign_in_again(customer: TestApp) -> None:
    customer.post("/logout", headers=JSON)

    log_in(customer)

    customer.get("/account", headers=JSON, status=200)
