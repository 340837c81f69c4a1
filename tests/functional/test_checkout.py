"""Buying, as guest and as customer: what is ordered, what is refused, and what is true afterwards."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from webtest import TestApp

from buying import (
    GUEST,
    LAMP,
    MUG,
    WHERE,
    fill,
    in_cart,
    look,
    order,
    orders,
    sent,
    set_product,
    sql,
    stock,
    typed_in,
)
from observing import form_to, text_of
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

Settings = dict[str, Any]


class TestOrdering:
    def test_a_guest_gets_an_order_with_its_lines_and_amounts(self, visitor: TestApp, shop_settings: Settings):
        there = stock(shop_settings)
        fill(visitor)

        placed = order(visitor, sent(look(visitor))).json

        assert placed["lines"] == [
            {"sku": MUG, "name": "Stoneware Mug, Moss", "quantity": 2, "unit_price": 1850, "line_total": 3700}
        ]
        assert (placed["subtotal"], placed["shipping"], placed["total"], placed["currency"]) == (3700, 490, 4190, "EUR")
        assert placed["status"] == "placed"
        assert stock(shop_settings) == there - 2
        assert in_cart(visitor) == {}

    def test_a_customer_orders_with_their_account_and_is_asked_for_no_address_of_mail(
        self, customer: TestApp, shop_settings: Settings
    ):
        fill(customer)
        page = customer.get("/checkout")
        form = form_to(page, "/checkout")
        assert "email" not in form.fields
        for name, value in WHERE.items():
            form[name] = value

        answer = form.submit("")

        assert answer.status_int == 303
        assert "key=" not in answer.location
        assert "Grace Guest" in text_of(answer.follow())
        assert sql(shop_settings, 'SELECT email, user_id FROM "order"') == [("demo@example.com", 1)]

    def test_a_guest_without_script_is_led_to_the_order_which_can_be_loaded_again(self, visitor: TestApp):
        fill(visitor)
        form = typed_in(visitor.get("/checkout"))

        page = form.submit("").follow()

        assert "Thank you" in text_of(page)
        assert visitor.get(page.request.path_qs).text == page.text
        assert visitor.get("/cart").status_int == 200

    def test_the_address_of_the_last_order_is_there_the_next_time(self, customer: TestApp):
        fill(customer)
        order(customer, sent(look(customer)))
        fill(customer)

        form = form_to(customer.get("/checkout"), "/checkout")

        assert {name: form[name].value for name in WHERE} == WHERE

    @pytest.mark.parametrize(("quantity", "shipping"), [(2, 490), (3, 0)])
    def test_delivery_is_free_from_an_amount_on(self, visitor: TestApp, quantity: int, shipping: int):
        fill(visitor, quantity=quantity)

        assert look(visitor)["shipping"] == shipping

    def test_what_is_put_into_the_cart_while_it_is_ordered_stays(
        self,
        visitor: TestApp,
        new_visitor: Callable[[], TestApp],
        shop_redis: ObservedRedis,
        shop_settings: Settings,
    ):
        fill(visitor)
        fields, cookies = sent(look(visitor)), dict(visitor.cookies)
        other = new_visitor()
        for name, value in cookies.items():
            other.set_cookie(name, value)

        def add_before_it_is_emptied(_name: str) -> None:
            if orders(shop_settings):
                shop_redis.before = lambda _name: None
                fill(other, MUG, 1)
                fill(other, LAMP, 1)

        shop_redis.before = add_before_it_is_emptied
        order(visitor, fields)

        assert in_cart(visitor) == {MUG: 1, LAMP: 1}

    def test_the_page_says_what_tax_is_in_the_total(self, visitor: TestApp):
        fill(visitor)

        assert "With €7.83 of tax in it (23 %)" in text_of(visitor.get("/checkout"))

    def test_an_empty_cart_leads_back_to_the_cart(self, visitor: TestApp):
        answer = visitor.get("/checkout")

        assert (answer.status_int, answer.location) == (303, "http://localhost/cart")


class TestOncePerForm:
    def test_the_same_form_again_is_the_same_order(self, visitor: TestApp, shop_settings: Settings):
        fill(visitor)
        fields = sent(look(visitor))
        first = order(visitor, fields)

        again = order(visitor, fields, status=200)

        assert again.json == first.json
        assert len(orders(shop_settings)) == 1

    def test_it_is_so_from_the_page_as_well_and_with_the_back_button(self, visitor: TestApp, shop_settings: Settings):
        fill(visitor)
        form = typed_in(visitor.get("/checkout"))
        first = form.submit("")

        assert form.submit("").location == first.location
        assert len(orders(shop_settings)) == 1

    def test_it_is_so_after_the_cart_was_filled_anew(self, visitor: TestApp, shop_settings: Settings):
        fill(visitor)
        fields = sent(look(visitor))
        order(visitor, fields)
        fill(visitor, LAMP, 1)

        order(visitor, fields, status=200)

        assert in_cart(visitor) == {LAMP: 1}
        assert len(orders(shop_settings)) == 1

    @pytest.mark.parametrize("other", [{"city": "Cork"}, {"accept_total": "99999"}, {"email": "other@example.com"}])
    def test_the_same_form_with_other_contents_is_a_conflict(
        self, visitor: TestApp, shop_settings: Settings, other: dict[str, str]
    ):
        fill(visitor)
        fields = sent(look(visitor))
        order(visitor, fields)

        answer = order(visitor, {**fields, **other}, status=409)

        assert answer.json["error"]["code"] == "conflict"
        assert len(orders(shop_settings)) == 1

    def test_a_form_that_no_page_showed_is_refused(self, visitor: TestApp, shop_settings: Settings):
        fill(visitor)
        seen = look(visitor)
        name, user, cart, mark = seen["form"].split(".")
        forged = [
            "x",
            "",
            "é" * 50,
            f"{name}x.{user}.{cart}.{mark}",
            f"{name}.1.{cart}.{mark}",
            f"{name}.{user}.{cart}.{mark[::-1]}",
            "." * 60,
        ]

        for form in forged:
            answer = order(visitor, sent(seen, form=form), status=422)
            assert list(answer.json["error"]["fields"]) == ["form"]
        assert orders(shop_settings) == []

    def test_a_form_of_a_secret_that_is_going_out_is_good(self, shop_with: Any, shop_settings: Settings):
        old = shop_settings["redis.sessions.secret"]
        browser = shop_with({})
        fill(browser)
        fields = sent(look(browser))
        renewed = shop_with({"redis.sessions.secret": f"another-secret-for-tests-2b8e61f0a7 {old}"})
        renewed.set_cookie("session", browser.cookies["session"])

        order(renewed, fields)


class TestRefusals:
    def refused(self, browser: TestApp, fields: dict[str, Any]) -> dict[str, Any]:
        return dict(order(browser, fields, status=409).json["error"])

    def test_a_total_that_has_risen_is_not_charged(self, visitor: TestApp, shop_settings: Settings):
        fill(visitor)
        fields = sent(look(visitor))
        set_product(shop_settings, price=1900)

        error = self.refused(visitor, fields)

        assert (error["code"], error["total"]) == ("total_changed", 4290)
        assert (orders(shop_settings), in_cart(visitor)) == ([], {MUG: 2})

    def test_a_total_that_has_fallen_is_passed_on(self, visitor: TestApp, shop_settings: Settings):
        fill(visitor)
        fields = sent(look(visitor))
        set_product(shop_settings, price=1000)

        assert order(visitor, fields).json["total"] == 2490

    def test_the_delivery_that_a_lower_price_brings_back_is_not_charged_unseen(
        self, visitor: TestApp, shop_settings: Settings
    ):
        set_product(shop_settings, price=2500)
        fill(visitor)
        fields = sent(look(visitor))  # 50.00 and no delivery
        set_product(shop_settings, price=2499)

        assert self.refused(visitor, fields)["code"] == "total_changed"

    def test_a_line_that_has_become_short_is_told(self, visitor: TestApp, shop_settings: Settings):
        fill(visitor)
        fill(visitor, LAMP, 1)
        fields = sent(look(visitor))
        set_product(shop_settings, stock=1)
        lamps = stock(shop_settings, LAMP)

        error = self.refused(visitor, fields)

        assert (error["code"], error["available"]) == ("short", {MUG: 1})
        assert (orders(shop_settings), stock(shop_settings, LAMP)) == ([], lamps)
        assert in_cart(visitor) == {MUG: 2, LAMP: 1}

    def test_a_product_that_is_gone_is_told(self, visitor: TestApp, shop_settings: Settings):
        fill(visitor)
        fields = sent(look(visitor))
        sql(shop_settings, "DELETE FROM product WHERE sku = :sku", sku=MUG)

        error = self.refused(visitor, fields)

        assert (error["code"], error["available"]) == ("short", {MUG: 0})
        assert look(visitor)["changes"][0]["message"] == "This is no longer sold."

    def test_an_empty_cart_is_told(self, visitor: TestApp, shop_settings: Settings):
        fill(visitor)
        fields = sent(look(visitor))
        visitor.post(f"/cart/items/{MUG}", {"quantity": "0"}, headers=JSON)

        assert self.refused(visitor, fields)["code"] == "cart_empty"

    @pytest.mark.parametrize("quantity", ["1", "3"])
    def test_a_cart_that_another_tab_has_changed_is_shown_first(
        self, visitor: TestApp, shop_settings: Settings, quantity: str
    ):
        fill(visitor)
        fields = sent(look(visitor))
        visitor.post(f"/cart/items/{MUG}", {"quantity": quantity}, headers=JSON)

        assert self.refused(visitor, fields)["code"] == "total_changed"
        assert orders(shop_settings) == []

    def test_the_page_says_it_in_words_and_keeps_what_was_typed(self, visitor: TestApp, shop_settings: Settings):
        fill(visitor)
        form = typed_in(visitor.get("/checkout"))
        set_product(shop_settings, price=1900)

        page = form.submit("", status=409)

        assert "The total has risen" in text_of(page)
        again = form_to(page, "/checkout")
        assert {name: again[name].value for name in GUEST} == GUEST
        assert "Order for €42.90" in text_of(page)
        assert again.submit("").status_int == 303

    def test_a_cart_with_a_short_line_has_no_button_to_order_it(self, visitor: TestApp, shop_settings: Settings):
        fill(visitor)
        set_product(shop_settings, stock=1)

        page = visitor.get("/checkout")

        assert "Only 1 left" in text_of(page)
        assert "Order for" not in text_of(page)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("email", "nobody"),
            ("email", "a@b@c.de"),
            ("name", " "),
            ("street", "x" * 201),
            ("city", "\x1b[31mDublin"),
            ("city", "Dub\u202elin"),
            ("postcode", ""),
            ("country", "US"),
            ("country", ""),
            ("accept_total", "1e9"),
            ("accept_total", "-1"),
            ("accept_total", ""),
            ("accept_total", "9" * 30),
        ],
    )
    def test_a_bad_field_is_told_and_changes_nothing(
        self, visitor: TestApp, shop_settings: Settings, field: str, value: str
    ):
        fill(visitor)

        answer = order(visitor, sent(look(visitor), **{field: value}), status=422)

        assert list(answer.json["error"]["fields"]) == [field]
        assert answer.json["error"]["fields"][field]
        assert (orders(shop_settings), in_cart(visitor)) == ([], {MUG: 2})

    def test_another_site_cannot_order(self, visitor: TestApp, shop_settings: Settings):
        fill(visitor)
        fields = sent(look(visitor))

        visitor.post("/checkout", fields, headers={**JSON, "Sec-Fetch-Site": "cross-site"}, status=403)

        assert orders(shop_settings) == []


class TestSessionsInTheMiddle:
    def test_who_signs_in_in_the_middle_orders_with_their_account(self, visitor: TestApp, shop_settings: Settings):
        fill(visitor)
        fields = sent(look(visitor))
        log_in(visitor)

        placed = order(visitor, fields).json

        assert placed["email"] == "demo@example.com"
        assert in_cart(visitor) == {}

    def test_who_has_more_in_the_cart_of_their_account_sees_it_first(self, visitor: TestApp, shop_settings: Settings):
        log_in(visitor)
        fill(visitor, LAMP, 1)
        visitor.post("/logout", headers=JSON)
        fill(visitor)
        fields = sent(look(visitor))
        log_in(visitor)

        assert order(visitor, fields, status=409).json["error"]["code"] == "total_changed"

    def test_the_way_to_sign_in_keeps_what_was_typed(self, visitor: TestApp):
        fill(visitor)
        form = form_to(visitor.get("/checkout"), "/checkout")
        form["street"] = "7 Long Lane"
        form["city"] = "Cork"

        answer = form.submit("then", value="sign-in")

        assert answer.location == "http://localhost/login?next=%2Fcheckout"
        login = form_to(answer.follow(), "/login")
        login["email"], login["password"] = "demo@example.com", "correct horse battery"
        again = form_to(login.submit().follow(), "/checkout")
        assert (again["street"].value, again["city"].value) == ("7 Long Lane", "Cork")

    def test_changing_the_cart_in_the_middle_keeps_what_was_typed(self, visitor: TestApp, shop_settings: Settings):
        fill(visitor)
        fill(visitor, LAMP, 1)
        set_product(shop_settings, LAMP, stock=0)
        form = form_to(visitor.get("/checkout"), "/checkout")
        form["street"], form["city"] = "7 Long Lane", "Cork"

        answer = form.submit("then", value="cart")

        assert answer.location == "http://localhost/cart"
        form_to(answer.follow(), f"/cart/items/{LAMP}").submit("quantity", value="0")
        again = form_to(visitor.get("/checkout"), "/checkout")
        assert (again["street"].value, again["city"].value) == ("7 Long Lane", "Cork")

    def test_who_was_signed_out_elsewhere_signs_in_and_goes_on(
        self, visitor: TestApp, new_visitor: Callable[[], TestApp], shop_settings: Settings
    ):
        log_in(visitor)
        fill(visitor)
        form = form_to(visitor.get("/checkout"), "/checkout")
        for name, value in WHERE.items():
            form[name] = value
        other = new_visitor()
        log_in(other)
        other.post("/account/sessions/end-others", headers=JSON)

        answer = form.submit("")

        assert answer.location == "http://localhost/login?next=%2Fcheckout"
        page = answer.follow()
        assert "not signed in any more" in text_of(page)
        assert orders(shop_settings) == []
        login = form_to(page, "/login")
        login["email"], login["password"] = "demo@example.com", "correct horse battery"
        again = form_to(login.submit().follow(), "/checkout")
        assert {name: again[name].value for name in WHERE} == WHERE
        assert again.submit("").status_int == 303

    def test_a_program_that_was_signed_out_is_told_401(self, customer: TestApp, shop_settings: Settings):
        fill(customer)
        fields = sent(look(customer))
        customer.post("/logout", headers=JSON)

        order(customer, fields, status=401)

        assert orders(shop_settings) == []

    def test_a_page_made_for_another_account_orders_nothing(self, customer: TestApp, shop_settings: Settings):
        fill(customer)
        fields = sent(look(customer))
        sql(
            shop_settings,
            'INSERT INTO "user" (email, name, password_hash, owes_sign_out, created_at)'
            " SELECT 'other@example.com', 'Other', password_hash, owes_sign_out, created_at FROM \"user\"",
        )
        log_in(customer, email="other@example.com")
        fill(customer)

        assert order(customer, fields, status=409).json["error"]["code"] == "conflict"


class TestWhatWasTyped:
    def test_it_is_forgotten_once_it_is_ordered(self, visitor: TestApp, shop_settings: Settings):
        fill(visitor)
        form = typed_in(visitor.get("/checkout"))
        set_product(shop_settings, price=1900)
        form_to(form.submit("", status=409), "/checkout").submit("", status=303)
        fill(visitor)

        assert form_to(visitor.get("/checkout"), "/checkout")["street"].value == ""

    def test_a_form_without_anything_starts_no_session(self, visitor: TestApp):
        answer = visitor.post("/checkout", {"x": "y"}, status=422)

        assert "Set-Cookie" not in answer.headers


def go_away_after_the_commit(shop_redis: ObservedRedis, shop_settings: Settings) -> None:
    """Have Redis be away from the moment on that an order is stored."""

    def fail(_command: str) -> None:
        if orders(shop_settings):
            raise RedisConnectionError("Redis is gone")

    shop_redis.before = fail


class TestRedisAway:
    def test_what_was_bought_leaves_the_cart_at_the_next_look_if_redis_was_away_after_the_commit(
        self, visitor: TestApp, shop_redis: ObservedRedis, shop_settings: Settings
    ):
        fill(visitor, quantity=3)
        fields = sent(look(visitor))
        go_away_after_the_commit(shop_redis, shop_settings)
        placed = order(visitor, fields)
        shop_redis.before = lambda _name: None

        assert placed.json["status"] == "placed"
        assert visitor.get("/cart", headers=JSON).json["lines"] == []
        assert visitor.get("/cart", headers=JSON).json["lines"] == []
        assert len(orders(shop_settings)) == 1

    def test_it_leaves_it_also_if_the_visitor_signs_in_first(
        self, visitor: TestApp, shop_redis: ObservedRedis, shop_settings: Settings
    ):
        fill(visitor, quantity=3)
        fields = sent(look(visitor))
        go_away_after_the_commit(shop_redis, shop_settings)
        order(visitor, fields)
        shop_redis.before = lambda _name: None
        log_in(visitor)

        assert in_cart(visitor) == {}

    def test_what_was_in_the_account_before_stays_though_the_stock_is_less_by_the_order(
        self, visitor: TestApp, shop_redis: ObservedRedis, shop_settings: Settings
    ):
        set_product(shop_settings, stock=6)
        log_in(visitor)
        fill(visitor, quantity=3)
        visitor.post("/logout", headers=JSON)
        fill(visitor, quantity=3)
        fields = sent(look(visitor))
        go_away_after_the_commit(shop_redis, shop_settings)
        order(visitor, fields)
        shop_redis.before = lambda _name: None
        log_in(visitor)

        assert in_cart(visitor) == {MUG: 3}

    def test_nothing_is_ordered_while_redis_is_away(
        self, visitor: TestApp, shop_redis: ObservedRedis, shop_settings: Settings
    ):
        fill(visitor)
        fields = sent(look(visitor))

        def fail(_name: str) -> None:
            raise RedisConnectionError("Redis is gone")

        shop_redis.before = fail
        order(visitor, fields, status=503)

        assert orders(shop_settings) == []

    def test_a_note_of_an_order_that_never_came_is_forgotten_and_the_cart_stays(
        self, visitor: TestApp, shop_redis: ObservedRedis, shop_settings: Settings
    ):
        fill(visitor)
        (key,) = shop_redis.keys("cart:*}")
        shop_redis.hset(key, ":order:form", str(int(time.time())))
        fields = sent(look(visitor))

        assert in_cart(visitor) == {MUG: 2}
        assert order(visitor, fields, status=409).json["error"]["code"] == "conflict"
        shop_redis.hset(key, ":order:form", str(int(time.time()) - 11))
        assert order(visitor, fields).status_int == 201
        fill(visitor)
        (key,) = shop_redis.keys("cart:*}")
        shop_redis.hset(key, ":order:form", "1000")
        assert in_cart(visitor) == {MUG: 2}
        assert not shop_redis.hexists(key, ":order:form")

    def test_an_order_that_is_refused_leaves_no_note(
        self, visitor: TestApp, shop_redis: ObservedRedis, shop_settings: Settings
    ):
        fill(visitor)
        fields = sent(look(visitor))
        set_product(shop_settings, stock=1)

        order(visitor, fields, status=409)

        (key,) = shop_redis.keys("cart:*}")
        assert shop_redis.hkeys(key) == [MUG.encode()]
