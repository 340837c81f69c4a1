"""What was acknowledged, kept outside of the shop: whose cart holds what, who is signed in where, what was ordered."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.soak.traffic import Browser

Cart = dict[str, int]


@dataclass
class Account:
    """A person. One client alone acts for them, so what it knows is exact."""

    email: str
    password: str
    name: str
    cart: Cart = field(default_factory=dict)
    doubt: Cart = field(default_factory=dict)
    """What may be in the cart besides, or not."""
    devices: list[Browser] = field(default_factory=list)
    """Where they are signed in."""
    strays: int = 0
    """Sessions that may be there besides: a sign-in whose answer was lost, and that was sent again from elsewhere."""
    former_passwords: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Order:
    """An order that was acknowledged."""

    number: str
    url: str
    email: str
    form: str
    total: int
    lines: Cart
    status: str = "placed"


@dataclass(frozen=True)
class Ended:
    """A cookie that must open nothing any more, and why."""

    browser: Browser
    why: str


class Ledger:
    """All of it. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.accounts: list[Account] = []
        self.visitors: list[tuple[Browser, Cart]] = []
        """Carts that visitors have left."""
        self.orders: dict[str, Order] = {}
        self.ended: list[Ended] = []
        self.acknowledged: Counter[str] = Counter()
        """How many changes of each kind were acknowledged."""
        self.violations: list[str] = []

    def count(self, what: str) -> None:
        """Note that a change was acknowledged."""
        with self._lock:
            self.acknowledged[what] += 1

    def end(self, browser: Browser, why: str) -> None:
        """Note that the cookies that a browser has now were acknowledged as good for nothing any more."""
        with self._lock:
            self.ended.append(Ended(browser.copy(), why))

    def order(self, order: Order) -> None:
        """Note an order that was acknowledged."""
        with self._lock:
            if order.number in self.orders:
                self.violations.append(f"order {order.number} was given to two forms")
            self.orders[order.number] = order
            self.acknowledged["orders"] += 1

    def set_status(self, number: str, status: str) -> None:
        """Note what became of an order."""
        with self._lock:
            self.orders[number] = Order(**{**vars(self.orders[number]), "status": status})

    def placed(self) -> list[str]:
        """Return the numbers of the orders of which nothing has become yet."""
        with self._lock:
            return [number for number, order in self.orders.items() if order.status == "placed"]

    def violate(self, what: str) -> None:
        """Note that a promise was broken."""
        with self._lock:
            self.violations.append(what)


def added(cart: Mapping[str, int], other: Mapping[str, int]) -> Cart:
    """Return both carts in one."""
    return dict(Counter(cart) + Counter(other))


def stock_left(start: Mapping[str, int], orders: Mapping[str, Order]) -> Cart:
    """Return what has to be left of each product: what there was, less what is in orders that are not cancelled."""
    left = dict(start)
    for order in orders.values():
        for sku, quantity in order.lines.items():
            left[sku] -= quantity if order.status != "cancelled" else 0
    return left
