"""Orders in the database, on each that the shop supports: what is stored, what is refused, what becomes of it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, sessionmaker

from shopapp.accounts.models import User
from shopapp.catalog.models import Category, Product
from shopapp.mail.models import Letter
from shopapp.orders import names, store
from shopapp.orders.changes import CHANGES, CannotChangeError, Change, change_order
from shopapp.orders.models import Order
from shopapp.orders.store import (
    OtherContentsError,
    Purchase,
    ShortError,
    TotalChangedError,
    keep_orders_of,
    order_by_number,
    orders_of,
    place,
)
from shopapp.settings.shop import ShopSettings

SHOP = ShopSettings()
MUG, LAMP = "stoneware-mug", "opal-lamp"
PERSON = "petra@example.com"
BUYER = {
    "email": "guest@example.com",
    "name": "Grace Guest",
    "street": "1 Road",
    "postcode": "D1",
    "city": "Dublin",
    "country": "IE",
}


@pytest.fixture
def engine(migrated_engine: Engine) -> Engine:
    with Session(migrated_engine) as dbsession, dbsession.begin():
        kitchen = Category(slug="kitchen", name="Kitchen")
        dbsession.add_all(
            Product(sku=sku, name=sku, description="", category=kitchen, price=1850, stock=120, image="")
            for sku in (MUG, LAMP)
        )
        dbsession.add(User(email=PERSON, name="Petra", password_hash="none"))
    return migrated_engine


@pytest.fixture
def sessions(engine: Engine) -> sessionmaker[Session]:
    return sessionmaker(engine)


def purchase(form: str = "form", **changes: Any) -> Purchase:
    values: dict[str, Any] = {
        "form": form,
        "fingerprint": "same",
        "user_id": None,
        "buyer": BUYER,
        "lines": {MUG: 2},
        "accept_total": 1_000_000_000,
        "payment": "invoice",
    }
    return Purchase(**{**values, **changes})


def stock(sessions: sessionmaker[Session], sku: str = MUG) -> int:
    with sessions() as dbsession:
        return dbsession.scalars(select(Product.stock).where(Product.sku == sku)).one()


def count(sessions: sessionmaker[Session], model: Any = Order) -> int:
    with sessions() as dbsession:
        return dbsession.scalar(select(func.count()).select_from(model)) or 0


def set_stock(sessions: sessionmaker[Session], units: int, sku: str = MUG) -> None:
    with sessions.begin() as dbsession:
        dbsession.scalars(select(Product).where(Product.sku == sku)).one().stock = units


class TestPlacing:
    def test_order_lines_stock_and_letter_are_stored_together(self, sessions: sessionmaker[Session]):
        there = stock(sessions)

        order, is_new = place(sessions, purchase(), SHOP)

        assert is_new
        assert [(line.sku, line.quantity, line.unit_price) for line in order.lines] == [(MUG, 2, 1850)]
        assert stock(sessions) == there - 2
        with sessions() as dbsession:
            [letter] = dbsession.scalars(select(Letter))
            assert (letter.kind, letter.recipient, letter.data) == (
                store.LETTER,
                BUYER["email"],
                {"order_id": order.id},
            )

    def test_all_of_it_or_nothing(self, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch):
        there = stock(sessions)

        def fail(*_arguments: Any, **_data: Any) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(store, "post", fail)  # the last step of all
        with pytest.raises(ZeroDivisionError):
            place(sessions, purchase(), SHOP)

        assert (stock(sessions), count(sessions), count(sessions, Letter)) == (there, 0, 0)

    def test_a_second_line_that_is_short_gives_the_first_one_back(self, sessions: sessionmaker[Session]):
        set_stock(sessions, 1)
        lamps = stock(sessions, LAMP)

        with pytest.raises(ShortError) as caught:
            place(sessions, purchase(lines={LAMP: 1, MUG: 2, "none-such": 1, "nul\0": 1}), SHOP)

        assert caught.value.available == {MUG: 1, "none-such": None, "nul\0": None}
        assert (stock(sessions, LAMP), count(sessions)) == (lamps, 0)

    def test_a_total_over_the_accepted_one_is_refused_by_one_unit(self, sessions: sessionmaker[Session]):
        there = stock(sessions)

        with pytest.raises(TotalChangedError) as caught:
            place(sessions, purchase(accept_total=4189), SHOP)

        assert (caught.value.total, stock(sessions)) == (4190, there)
        assert place(sessions, purchase(accept_total=4190), SHOP)[0].total == 4190

    def test_the_same_form_is_one_order_even_if_the_stock_is_gone_by_then(self, sessions: sessionmaker[Session]):
        set_stock(sessions, 2)
        order, _ = place(sessions, purchase(), SHOP)

        again, is_new = place(sessions, purchase(), SHOP)

        assert (again.number, is_new, stock(sessions)) == (order.number, False, 0)

    def test_the_same_form_with_other_contents_is_refused(self, sessions: sessionmaker[Session]):
        place(sessions, purchase(), SHOP)

        with pytest.raises(OtherContentsError):
            place(sessions, purchase(fingerprint="other"), SHOP)

    def test_a_number_that_is_taken_is_drawn_anew(
        self, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
    ):
        first, _ = place(sessions, purchase("first"), SHOP)
        drawn = [first.number, first.number, "111-111-1111"]
        monkeypatch.setattr(store, "new_number", lambda: drawn.pop(0))

        assert place(sessions, purchase("second"), SHOP)[0].number == "111-111-1111"
        assert names.new_number() != first.number

    def test_a_sum_beyond_32_bits_is_stored(self, sessions: sessionmaker[Session]):
        set_stock(sessions, 2_000_000)

        order, _ = place(sessions, purchase(lines={MUG: 2_000_000}, accept_total=10**15), SHOP)

        with sessions() as dbsession:
            assert dbsession.scalars(select(Order)).one().total == order.total == 2_000_000 * 1850


class TestRaces:
    def all_at_once(self, sessions: sessionmaker[Session], purchases: list[Purchase]) -> list[Any]:
        """Place all of them at the same moment; return the orders, and what was raised."""
        barrier = Barrier(len(purchases))

        def place_one(each: Purchase) -> Any:
            barrier.wait()
            try:
                return place(sessions, each, SHOP)
            except (ShortError, OtherContentsError) as error:
                return error

        with ThreadPoolExecutor(len(purchases)) as pool:
            return list(pool.map(place_one, purchases))

    def test_of_50_people_who_race_for_10_pieces_10_get_one_each(self, engine: Engine):
        sessions = sessionmaker(engine)
        set_stock(sessions, 10)

        results = self.all_at_once(sessions, [purchase(f"form {number}", lines={MUG: 1}) for number in range(50)])

        assert sum(isinstance(each, ShortError) for each in results) == 40
        assert all(each.available[MUG] == 0 for each in results if isinstance(each, ShortError))
        assert (count(sessions), stock(sessions)) == (10, 0)

    @pytest.mark.parametrize("units", [10, 2])
    def test_ten_parallel_sends_of_one_form_are_one_order(self, sessions: sessionmaker[Session], units: int):
        set_stock(sessions, units)

        results = self.all_at_once(sessions, [purchase()] * 10)

        assert len({order.number for order, _ in results}) == 1
        assert sorted(is_new for _, is_new in results) == [False] * 9 + [True]
        assert (count(sessions), stock(sessions)) == (1, units - 2)

    def test_orders_of_the_same_things_do_not_wait_for_one_another_for_ever(self, sessions: sessionmaker[Session]):
        set_stock(sessions, 1000)
        set_stock(sessions, 1000, LAMP)
        forth, back = {MUG: 1, LAMP: 1}, {LAMP: 1, MUG: 1}

        results = self.all_at_once(
            sessions, [purchase(f"form {number}", lines=forth if number % 2 else back) for number in range(20)]
        )

        assert all(is_new for _, is_new in results)
        assert (stock(sessions), stock(sessions, LAMP)) == (980, 980)

    def test_two_shopkeepers_who_cancel_one_order_return_its_stock_once(self, sessions: sessionmaker[Session]):
        there = stock(sessions)
        order, _ = place(sessions, purchase(), SHOP)
        barrier = Barrier(8)

        def cancel(_number: int) -> bool:
            with sessions() as dbsession, dbsession.begin():
                mine = dbsession.get_one(Order, order.id)
                barrier.wait()
                try:
                    change_order(dbsession, mine, "cancel")
                except CannotChangeError:
                    return False
                return True

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(cancel, range(8)))

        assert won.count(True) == 1
        assert stock(sessions) == there


class TestChanges:
    def after(self, sessions: sessionmaker[Session], *changes: Change) -> Order:
        order, _ = place(sessions, purchase(" ".join(changes)), SHOP)
        with sessions(expire_on_commit=False) as dbsession, dbsession.begin():
            mine = dbsession.get_one(Order, order.id)
            for change in changes:
                change_order(dbsession, mine, change)
            return mine

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            (["pay"], "paid"),
            (["send"], "sent"),
            (["cancel"], "cancelled"),
            (["pay", "send"], "sent"),
            (["send", "pay"], "sent"),
            (["pay", "cancel"], "cancelled"),
        ],
    )
    def test_the_ways_an_order_can_go(self, sessions: sessionmaker[Session], changes: list[Change], status: str):
        order = self.after(sessions, *changes)

        assert order.status == status
        done = {"pay": order.paid_at, "send": order.sent_at, "cancel": order.cancelled_at}
        assert {change for change, at in done.items() if at} == set(changes)

    @pytest.mark.parametrize(
        "changes",
        [
            ["pay", "pay"],
            ["send", "send"],
            ["cancel", "cancel"],
            ["send", "cancel"],
            ["cancel", "pay"],
            ["cancel", "send"],
        ],
    )
    def test_the_ways_it_cannot_go(self, sessions: sessionmaker[Session], changes: list[Change]):
        with pytest.raises(CannotChangeError, match=r"^Order \d{3}-\d{3}-\d{4} is "):
            self.after(sessions, *changes)

    def test_cancelling_returns_the_stock(self, sessions: sessionmaker[Session]):
        there = stock(sessions)

        self.after(sessions, "pay", "cancel")

        assert stock(sessions) == there
        assert CHANGES == ("pay", "send", "cancel")


class TestFinding:
    @pytest.mark.parametrize("written", ["{}", " {} ", "{}".replace("-", "")])
    def test_a_number_is_found_however_it_is_written(self, sessions: sessionmaker[Session], written: str):
        order, _ = place(sessions, purchase(), SHOP)

        with sessions() as dbsession:
            for number in (order.number, order.number.replace("-", ""), order.number.replace("-", " ")):
                found = order_by_number(dbsession, written.format(number))
                assert found is not None
                assert found.id == order.id
            assert order_by_number(dbsession, "12") is None
            assert order_by_number(dbsession, "٤" * 10) is None

    def test_a_person_has_their_orders_and_those_of_their_address_the_newest_first(
        self, sessions: sessionmaker[Session]
    ):
        own = {**BUYER, "email": PERSON}
        wanted = [
            place(sessions, purchase("as a guest", buyer=own), SHOP)[0],
            place(sessions, purchase("signed in", buyer=own, user_id=1), SHOP)[0],
        ]
        place(sessions, purchase("somebody else"), SHOP)

        with sessions() as dbsession:
            found, total = orders_of(dbsession, 1, 0, 10)
            assert [each.number for each in found] == [each.number for each in wanted[::-1]]
            assert (total, len(orders_of(dbsession, 1, 1, 10)[0])) == (2, 1)

    def test_orders_found_by_an_address_stay_when_it_changes(self, sessions: sessionmaker[Session]):
        place(sessions, purchase(buyer={**BUYER, "email": PERSON}), SHOP)

        with sessions.begin() as dbsession:
            keep_orders_of(dbsession, 1, PERSON)

        with sessions() as dbsession:
            assert dbsession.scalars(select(Order.user_id)).all() == [1]
