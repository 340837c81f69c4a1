"""shopapp orders, as a shopkeeper uses it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from shopapp.accounts.models import User
from shopapp.catalog.models import Category, Product
from shopapp.cli import cli
from shopapp.orders.models import Order
from shopapp.orders.store import Purchase, place
from shopapp.settings.shop import ShopSettings

Run = Callable[..., Result]


@pytest.fixture
def sessions(migrated_engine: Engine) -> sessionmaker[Session]:
    sessions = sessionmaker(migrated_engine)
    with sessions.begin() as dbsession:
        kitchen = Category(slug="kitchen", name="Kitchen")
        mug = {"sku": "mug", "name": "Mug", "description": "", "price": 1850, "stock": 10, "image": ""}
        dbsession.add(Product(**mug, category=kitchen))
        dbsession.add(User(email="petra@example.com", name="Petra", password_hash="none"))
    return sessions


@pytest.fixture
def order(sessions: sessionmaker[Session]) -> Order:
    buyer = {"email": "g@example.com", "name": "G", "street": "1 Road", "postcode": "D1", "city": "D", "country": "IE"}
    purchase: dict[str, Any] = {"form": "form", "fingerprint": "", "user_id": None, "buyer": buyer}
    purchase |= {"lines": {"mug": 2}, "accept_total": 9999, "payment": "invoice"}
    return place(sessions, Purchase(**purchase), ShopSettings())[0]


@pytest.fixture
def run(each_migrated_url: str, tmp_path: Path) -> Run:
    """A function that runs the command and returns its result."""
    ini = tmp_path / "shop.ini"
    secret = "a-secret-for-tests-only-7f3a9b51c2d84e60"
    lines = ("[app:main]", f"shop.database_url = {each_migrated_url}", f"redis.sessions.secret = {secret}")
    ini.write_text("\n".join(lines))
    return lambda *arguments: CliRunner().invoke(cli, ["-c", str(ini), "orders", *arguments])


def test_a_shop_without_orders_says_so(run: Run, sessions: sessionmaker[Session]) -> None:
    assert run("list").output == "No orders.\n"


def test_orders_are_listed_with_state_total_and_address(run: Run, order: Order) -> None:
    assert re.fullmatch(
        rf"{order.number}  \d{{4}}-\d\d-\d\d \d\d:\d\dZ  placed      EUR 41\.90  g@example\.com\n", run("list").output
    )
    assert run("list", "--status", "sent").output == "No orders.\n"


def test_an_order_is_shown_whole(run: Run, order: Order) -> None:
    shown = run("show", order.number).output

    for part in (order.number, "2 x mug  Mug  EUR 37.00", "delivery   EUR 4.90", "total      EUR 41.90", "1 Road"):
        assert part in shown
    assert order.key not in shown


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        (["pay"], "paid"),
        (["send"], "sent"),
        (["send", "pay"], "sent, paid"),
        (["cancel"], "cancelled"),
    ],
)
def test_an_order_is_changed_by_its_number_with_or_without_dashes(
    run: Run, order: Order, changes: list[str], state: str
) -> None:
    for change in changes:
        result = run(change, order.number.replace("-", ""))

    assert result.output == f"Order {order.number} is {state}.\n"
    assert f"  {state}" in run("list").output


def test_what_cannot_be_is_one_sentence_and_changes_nothing(
    run: Run, order: Order, sessions: sessionmaker[Session]
) -> None:
    run("send", order.number)

    result = run("cancel", order.number)

    assert (result.exit_code, result.output) == (
        1,
        f"Error: Order {order.number} is sent, so it cannot be cancelled any more.\n",
    )
    with sessions() as dbsession:
        assert dbsession.get_one(Order, order.id).status == "sent"


@pytest.mark.parametrize("command", ["show", "pay", "send", "cancel"])
def test_an_order_that_is_not_there_is_told(run: Run, sessions: sessionmaker[Session], command: str) -> None:
    result = run(command, "123-456-7890")

    assert (result.exit_code, result.output) == (1, "Error: There is no order 123-456-7890.\n")
