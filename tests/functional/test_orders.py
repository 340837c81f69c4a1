"""Looking at orders: who sees which, and what the mail says."""

from collections.abc import Callable
from typing import Any

import pytest
from webtest import TestApp

from buying import fill, look, order, orders, sent, sql
from observing import text_of
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, Mailbox, html_of, link_of, log_in
from shopapp.testing.shop import text_of as text_of_letter

Settings = dict[str, Any]


def buy(browser: TestApp, **fields: str) -> dict[str, Any]:
    fill(browser)
    placed = dict(order(browser, sent(look(browser), **fields)).json)
    assert placed.pop("pay_url") is None  # of an invoice
    return placed


class TestOneOrder:
    def test_a_guest_comes_back_by_the_link_of_the_mail_from_any_browser(
        self, visitor: TestApp, new_visitor: Callable[[], TestApp], mailbox: Mailbox
    ):
        placed = buy(visitor)
        letter = mailbox.letters()[-1]

        assert placed["number"] in letter["Subject"]
        assert letter["To"] == "guest@example.com"
        assert "€41.90" in text_of_letter(letter)
        path = link_of(letter).removeprefix("http://localhost:6543")
        assert path == placed["url"]
        page = new_visitor().get(path)
        assert placed["number"] in text_of(page)
        assert page.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in page.headers

    @pytest.mark.parametrize("key", ["", "?key=", "?key=x", "?key=%C3%A9", "?key=" + "A" * 43])
    def test_without_the_key_a_guests_order_is_not_there(
        self, visitor: TestApp, new_visitor: Callable[[], TestApp], key: str
    ):
        number = buy(visitor)["number"]

        for browser in (visitor, new_visitor()):
            for path in (f"/orders/{number}{key}", f"/orders/000-000-0000{key}"):
                answer = browser.get(path, headers=JSON, status=404)
                assert number not in answer.text

    def test_anothers_order_is_not_there_either_and_cannot_be_told_from_none(
        self, customer: TestApp, new_visitor: Callable[[], TestApp]
    ):
        number = buy(customer)["number"]
        stranger = new_visitor()

        theirs = stranger.get(f"/orders/{number}", headers=JSON, status=404)
        none = stranger.get("/orders/123-456-7890", headers=JSON, status=404)

        assert theirs.json == none.json

    def test_a_person_needs_no_key_and_gets_none(self, customer: TestApp):
        placed = buy(customer)

        assert "key" not in placed["url"]
        assert customer.get(placed["url"], headers=JSON).json == placed

    @pytest.mark.parametrize("path", ["/orders/x", "/orders/1", "/orders/" + "9" * 40, "/orders/%00", "/orders/%D9%A4"])
    def test_what_is_no_number_is_not_there(self, visitor: TestApp, path: str):
        visitor.get(path, status=404)


class TestTheList:
    def test_it_is_for_people_who_are_signed_in(self, visitor: TestApp):
        assert visitor.get("/orders").location == "http://localhost/login?next=%2Forders"
        visitor.get("/orders", headers=JSON, status=401)

    def test_it_holds_ones_own_the_newest_first(self, customer: TestApp, new_visitor: Callable[[], TestApp]):
        first, second = buy(customer), buy(customer)
        buy(new_visitor())

        found = customer.get("/orders", headers=JSON).json

        assert found == {"orders": [second, first], "page": 1, "pages": 1}
        page = text_of(customer.get("/orders"))
        assert page.index(second["number"]) < page.index(first["number"])

    def test_what_was_ordered_as_a_guest_with_the_accounts_address_is_in_it(
        self, visitor: TestApp, shop_settings: Settings
    ):
        placed = buy(visitor, email="Demo@Example.com")
        log_in(visitor)

        found = visitor.get("/orders", headers=JSON).json["orders"]

        assert [each["number"] for each in found] == [placed["number"]]
        assert visitor.get(f"/orders/{placed['number']}").status_int == 200

    def test_who_signs_up_later_with_a_confirmed_address_sees_what_they_bought_as_a_guest(
        self, visitor: TestApp, mailbox: Mailbox
    ):
        placed = buy(visitor)
        visitor.post(
            "/register",
            {"email": "guest@example.com", "name": "Grace", "password": "seven brown herons wade"},
            headers=JSON,
            status=202,
        )
        letter = next(each for each in mailbox.letters() if "order" not in each["Subject"].lower())
        token = link_of(letter).partition("token=")[2]
        visitor.post("/register/confirm", {"token": token}, headers=JSON)

        found = visitor.get("/orders", headers=JSON).json["orders"]

        assert [each["number"] for each in found] == [placed["number"]]

    def test_an_unconfirmed_address_shows_nothing(self, visitor: TestApp, new_visitor: Callable[[], TestApp]):
        buy(visitor)
        stranger = new_visitor()
        stranger.post(
            "/register",
            {"email": "guest@example.com", "name": "Mallory", "password": "seven brown herons wade"},
            headers=JSON,
            status=202,
        )

        stranger.get("/orders", headers=JSON, status=401)

    def test_a_long_list_has_pages(self, customer: TestApp, shop_settings: Settings):
        buy(customer)
        columns = (
            "email, name, street, postcode, city, country, user_id, fingerprint, payment, subtotal, shipping, tax,"
            " tax_rate, total, currency, status, placed_at"
        )
        for number in range(20):
            sql(
                shop_settings,
                f'INSERT INTO "order" (number, key, form, {columns})'
                f' SELECT :number, key, :form, {columns} FROM "order" WHERE id = 1',
                number=f"100-000-{number:04}",
                form=f"form {number}",
            )
        sql(
            shop_settings,
            "INSERT INTO order_line (order_id, sku, name, unit_price, quantity)"
            ' SELECT o.id, sku, l.name, unit_price, quantity FROM "order" o, order_line l WHERE o.id > 1',
        )

        first, second = (customer.get(f"/orders?page={page}", headers=JSON).json for page in (1, 2))

        assert (len(first["orders"]), len(second["orders"]), first["pages"]) == (20, 1, 2)
        customer.get("/orders?page=3", status=404)
        customer.get("/orders?page=x", status=400)
        assert "Next" in text_of(customer.get("/orders"))


class TestCosts:
    """No page makes more than two round trips to Redis, placing an order apart."""

    @pytest.mark.parametrize("headers", [{}, JSON], ids=["html", "json"])
    @pytest.mark.parametrize("path", ["/checkout", "/orders", "/orders/{number}"])
    def test_a_page_costs_one_round_trip(
        self, customer: TestApp, shop_redis: ObservedRedis, path: str, headers: dict[str, str]
    ):
        number = buy(customer)["number"]
        fill(customer)
        customer.get(path.format(number=number), headers=headers)
        shop_redis.commands.clear()

        customer.get(path.format(number=number), headers=headers)

        assert len(shop_redis.commands) <= 2

    def test_a_guests_order_costs_six_round_trips(self, visitor: TestApp, shop_redis: ObservedRedis):
        buy(visitor)  # whose scripts the server knows from now on
        fill(visitor)
        fields = sent(look(visitor))
        shop_redis.commands.clear()

        order(visitor, fields)

        # The session, the cart, the tries of guests from there and with this address of mail, the note in the cart,
        # what was bought out of it.
        assert len(shop_redis.commands) == 6

    def test_a_persons_order_costs_four_round_trips(self, customer: TestApp, shop_redis: ObservedRedis):
        buy(customer)
        fill(customer)
        fields = sent(look(customer))
        shop_redis.commands.clear()

        order(customer, fields)

        assert len(shop_redis.commands) == 4


def test_a_letter_cannot_carry_what_somebody_typed_as_markup(customer: TestApp, mailbox: Mailbox):
    buy(customer, name="<b>Grace</b> {{ 7*7 }}", street="<script>alert(1)</script>")

    html = html_of(mailbox.letters()[-1])

    assert "<script>" not in html
    assert "<b>Grace" not in html
    assert "&lt;b&gt;Grace&lt;/b&gt; {{ 7*7 }}" in html


def test_the_letter_to_a_guest_carries_nothing_that_was_typed_for_the_address_may_be_anybodys(
    visitor: TestApp, mailbox: Mailbox
):
    buy(visitor, name="Your bank", street="Your card is blocked", city="Unlock it", postcode="now")

    letter = mailbox.letters()[-1]

    for said in (text_of_letter(letter), html_of(letter), letter["Subject"]):
        assert not any(typed in said for typed in ("Your bank", "Your card", "Unlock", "now."))
        assert "Stoneware" in said or said == letter["Subject"]


def test_the_audit_log_has_the_order_and_neither_key_nor_address(
    visitor: TestApp, caplog: pytest.LogCaptureFixture, shop_settings: Settings
):
    caplog.set_level("INFO")

    placed = buy(visitor)

    [line] = [record.getMessage() for record in caplog.records if "OrderPlaced" in record.getMessage()]
    assert f"number={placed['number']}" in line
    assert "total=4190" in line
    key = placed["url"].partition("key=")[2]
    assert len(key) == 43
    assert key not in caplog.text
    assert "guest@example.com" not in caplog.text
    assert len(orders(shop_settings)) == 1
