"""The end of the soak: what is there is compared with what was acknowledged."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, func, select, text, update

from benchmarks.soak.crowd import Crowd
from benchmarks.soak.ledger import Account, Cart, Ended, Ledger, Order, stock_left
from benchmarks.soak.members import Member
from benchmarks.soak.steps import Surprise
from benchmarks.soak.traffic import Browser, GaveUp
from shopapp.mail.models import Letter
from shopapp.mail.sending import LEASE

WORKERS = 8
MAIL_SECONDS = 90.0
MOST_PASSWORDS = 20
"""Of each kind that are tried: each costs a hash."""

T = TypeVar("T")


def reckon(crowd: Crowd, database_url: str, stock: Mapping[str, int], chance: random.Random) -> Counter[str]:
    """Compare all, note what differs among the ledger's violations, and return how many of each kind were compared."""
    ledger, checked = crowd.ledger, Counter[str]()
    # First those who are signed in: that pays what a change of the password still owed.
    _each(ledger, checked, "sessions alive", _devices(ledger), lambda pair: _is_alive(*pair))
    _each(ledger, checked, "persons' carts", ledger.accounts, lambda account: _cart_is_right(crowd, account, chance))
    _each(ledger, checked, "visitors' carts", ledger.visitors, lambda pair: _visitors_cart_is_right(crowd, *pair))
    _each(ledger, checked, "ended sessions", ledger.ended, _opens_nothing)
    former = [(a, p) for a in ledger.accounts for p in a.former_passwords]
    some = chance.sample(former, min(MOST_PASSWORDS, len(former)))
    _each(ledger, checked, "old passwords", some, lambda pair: _is_refused(crowd, *pair, chance))
    guests = [order for order in ledger.orders.values() if "key=" in order.url]
    _each(ledger, checked, "guests' orders", guests, lambda order: _is_shown(crowd, order, chance))
    engine = create_engine(database_url)
    with engine.connect() as connection:
        compare_orders(connection, ledger, checked)
        compare_stock(connection, ledger, stock, checked)
    wait_for_mail(engine, ledger)
    engine.dispose()
    compare_mail(crowd, checked)
    return checked


def compare_orders(connection: Connection, ledger: Ledger, checked: Counter[str]) -> None:
    """Each order that was acknowledged is there once, as it was told, and there is no other."""
    rows = connection.execute(text('SELECT number, form, total, status FROM "order"')).all()
    stored = {row.number: (row.form, row.total, row.status) for row in rows}
    told = {order.number: (order.form, order.total, order.status) for order in ledger.orders.values()}
    checked["orders"] += len(told)
    for number in told.keys() - stored.keys():
        ledger.violate(f"order {number} is lost")
    for number in stored.keys() - told.keys():
        ledger.violate(f"order {number} was told to nobody")
    for number in stored.keys() & told.keys():
        if stored[number] != told[number]:
            ledger.violate(f"order {number} is {stored[number]}, not {told[number]}")


def compare_stock(connection: Connection, ledger: Ledger, start: Mapping[str, int], checked: Counter[str]) -> None:
    """What there was is what is left and what is in orders that are not cancelled."""
    left = dict(connection.execute(text("SELECT sku, stock FROM product")).all())
    expected = stock_left(start, ledger.orders)
    checked["products' stock"] += len(expected)
    for sku, quantity in expected.items():
        if left[sku] != quantity:
            ledger.violate(f"of {sku} {left[sku]} are left, not {quantity}")


def wait_for_mail(engine: Engine, ledger: Ledger) -> None:
    """Have what is left sent: a letter that a killed process had taken up waits for its time to be over, so it is."""
    with engine.begin() as connection:
        then = datetime.now(UTC) - LEASE
        connection.execute(update(Letter).values(next_try_at=then))
    deadline = time.monotonic() + MAIL_SECONDS
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if not connection.scalar(select(func.count()).select_from(Letter)):
                return
        time.sleep(0.5)
    ledger.violate(f"mail has not left within {MAIL_SECONDS:.0f} s")


def compare_mail(crowd: Crowd, checked: Counter[str]) -> None:
    """Each order has its letter. One that was being sent when its process was killed may come twice."""
    for order in crowd.ledger.orders.values():
        times = sum(order.number in subject for subject in crowd.postbox.subjects_for(order.email))
        checked["letters about orders"] += 1
        checked["letters that came twice"] += max(0, times - 1)
        if not times:
            crowd.ledger.violate(f"no letter came about order {order.number}")


def _devices(ledger: Ledger) -> list[tuple[Account, Browser]]:
    return [(account, device) for account in ledger.accounts for device in account.devices]


def _is_alive(account: Account, device: Browser) -> None:
    answer = device.insist("/account")
    if answer.status != 200 or answer.json["email"] != account.email:
        raise Surprise(f"{account.email} is not signed in any more: {answer.status}")


def _cart_is_right(crowd: Crowd, account: Account, chance: random.Random) -> None:
    if account.devices:
        Member(crowd, crowd.new_browser(chance)).come_back(account)
    elif account.cart:
        Member(crowd, crowd.new_browser(chance)).sign_in(account)


def _visitors_cart_is_right(crowd: Crowd, browser: Browser, cart: Cart) -> None:
    member = Member(crowd, browser)
    member.cart = cart
    member.look_at_cart()


def _opens_nothing(ended: Ended) -> None:
    answer = ended.browser.insist("/account")
    if answer.status != 401:
        raise Surprise(f"a session opens the account again: {ended.why} ({answer.status})")


def _is_refused(crowd: Crowd, account: Account, password: str, chance: random.Random) -> None:
    if Member(crowd, crowd.new_browser(chance)).sign_in(account, password):
        raise Surprise(f"an old password of {account.email} is taken")


def _is_shown(crowd: Crowd, order: Order, chance: random.Random) -> None:
    answer = crowd.new_browser(chance).insist(order.url)
    if answer.status != 200 or answer.json["total"] != order.total:
        raise Surprise(f"order {order.number} is not shown to the guest who placed it: {answer.status}")


def _each(ledger: Ledger, checked: Counter[str], what: str, things: Iterable[T], check: Callable[[T], Any]) -> None:
    """Check all of them, some at a time."""

    def one(thing: T) -> None:
        try:
            check(thing)
        except (Surprise, GaveUp) as error:
            ledger.violate(f"{what}: {error}")

    all_things = list(things)
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(one, all_things))
    checked[what] += len(all_things)
