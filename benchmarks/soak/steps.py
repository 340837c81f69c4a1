"""What one can do in the shop, each with what must come of it. Whatever else comes is a broken promise: Surprise."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from html import escape
from secrets import token_urlsafe
from typing import Any

from benchmarks.soak.crowd import WHERE, Crowd
from benchmarks.soak.ledger import Account, Cart, Order, added
from benchmarks.soak.traffic import Answer, Browser

SESSION_COOKIE = "__Host-session"


class Surprise(Exception):
    """The shop has answered what it must not."""


class Shopper:
    """Somebody with a browser and a cart; with an account once they are signed in."""

    def __init__(self, crowd: Crowd, browser: Browser) -> None:
        self.crowd, self.browser, self.chance = crowd, browser, browser.chance
        self.account: Account | None = None
        self.cart: Cart = {}
        self.doubt: Cart = {}
        """What may be in the cart besides, or not: nobody knows until it is looked at."""

    # Looking

    def look_around(self) -> None:
        """Look at the catalogue, as most people do and no more."""
        sku = self.chance.choice(list(self.crowd.names))
        path = self.chance.choice(["/", f"/products/{sku}", "/?page=2", "/?q=mug", "/?sort=price"])
        self.expect(self.browser.insist(path, html=self.chance.random() < 0.7), 200, path)

    def look_at_cart(self) -> None:
        """See that the cart holds what it must."""
        self.check_cart(self.expect(self.browser.insist("/cart"), 200, "look at the cart").json["lines"], "a look")

    def check_cart(self, lines: list[dict[str, Any]], step: str) -> None:
        """Compare what the shop shows with what was acknowledged."""
        shown = {line["sku"]: line["quantity"] for line in lines}
        if shown != self.cart and shown != added(self.cart, self.doubt):
            raise Surprise(f"{step}: the cart holds {shown}, not {self.cart}, in doubt {self.doubt} ({self.who})")
        self.cart, self.doubt = shown, {}

    # Filling

    def add(self, sku: str | None = None) -> bool:
        """Add something; where the answer is lost, most send it again, and some look what came of it."""
        sku, quantity = sku or self.some_sku(), self.chance.randint(1, 3)
        fields, key = {"sku": sku, "quantity": quantity}, token_urlsafe(12)
        answer = self.browser.post("/cart/items", fields, key=key)
        if not answer.is_definite and self.chance.random() < 0.2:
            self.doubt = {sku: quantity}
            self.look_twice()
            return False
        if not answer.is_definite or self.chance.random() < 0.1:  # or in doubt whether it was pressed
            answer = self.browser.insist("/cart/items", fields, key=key)
        if answer.status == 409 and answer.json["error"]["code"] == "short" and sku in self.crowd.scarce:
            return False
        self.expect(answer, 200, "add")
        self.cart = added(self.cart, {sku: quantity})
        self.crowd.ledger.count("adds")
        self.check_cart(answer.json["lines"], "an add")
        return True

    def set_line(self) -> None:
        """Set a line to another quantity, or take it out and put it back."""
        if not self.cart:
            return
        sku = self.chance.choice(sorted(self.cart))
        before, quantity = self.cart[sku], self.chance.randint(1, 5)
        if self.chance.random() < 0.4:
            self.expect(self.browser.insist(f"/cart/items/{sku}", {"quantity": 0}, html=True), 303, "remove")
            del self.cart[sku]
            self.look_at_cart()
            self.crowd.pause(self.chance)
            quantity = before
        answer = self.expect(self.browser.insist(f"/cart/items/{sku}", {"quantity": quantity}), 200, "set")
        self.cart[sku] = quantity
        self.crowd.ledger.count("lines set")
        self.check_cart(answer.json["lines"], "a set")

    def use_two_tabs(self) -> None:
        """Add in two tabs at once: both count, and what each has to say is said, for no write to a session is lost."""
        if SESSION_COOKIE not in self.browser.cookies:
            return  # two tabs on a first visit start two sessions, as the README says
        one, other = self.chance.sample([sku for sku in self.crowd.names if sku not in self.crowd.scarce], 2)
        forms = [{"sku": sku, "quantity": 1, "press": token_urlsafe(12)} for sku in (one, other)]
        answers = at_once(*(lambda form=form: self.browser.post("/cart/items", form, html=True) for form in forms))
        for form, answer in zip(forms, answers, strict=True):
            final = answer if answer.is_definite else self.browser.insist("/cart/items", form, html=True)
            self.expect(final, 303, "add in a tab")
            self.cart = added(self.cart, {form["sku"]: 1})
            self.crowd.ledger.count("adds in two tabs at once")
        page = self.browser.get("/cart", html=True)
        if page.status == 200 and all(answer.is_definite for answer in answers):
            for sku in (one, other):
                if f"{escape(self.crowd.names[sku], quote=False)} is in your cart" not in page.body:
                    raise Surprise(f"two tabs: the message about {sku} is lost ({self.who})")
        self.look_at_cart()

    # Buying

    def buy(self) -> None:
        """Order what is in the cart, once, however often the form is sent."""
        seen = self.expect(self.browser.insist("/checkout"), 200, "checkout").json
        if not self.crowd.scarce & {*self.cart, *self.doubt}:
            self.check_cart(seen["lines"], "the checkout")
        if not seen["lines"]:
            return
        fields = {"form": seen["form"], "accept_total": seen["total"], **WHERE}
        email = self.account.email if self.account else f"guest-{token_urlsafe(6).lower()}@example.com"
        if not self.account:
            fields["email"] = email
        double = 2 if self.chance.random() < 0.3 else 1
        answers = at_once(*[lambda: self.browser.copy().post("/checkout", fields)] * double)
        lost = not all(answer.is_definite for answer in answers)
        if lost or self.chance.random() < 0.1:
            answers = [*filter(lambda answer: answer.is_definite, answers), self.browser.insist("/checkout", fields)]
        if answers[0].status == 409 and self.crowd.scarce & {*self.cart}:
            return
        numbers = set()
        for answer in answers:
            numbers.add(self.expect(answer, (200, 201), "order").json["number"])
        if len(numbers) > 1 or [answer.status for answer in answers].count(201) > 1:
            raise Surprise(f"one form made the orders {numbers} ({self.who})")
        self.note_order(answers[0].json, fields, email)

    def note_order(self, order: dict[str, Any], fields: Mapping[str, Any], email: str) -> None:
        """Take down an order, and see that the cart has lost what was bought."""
        bought = {line["sku"]: line["quantity"] for line in order["lines"]}
        form = str(fields["form"]).partition(".")[0]
        self.crowd.ledger.order(Order(order["number"], order["url"], email, form, order["total"], bought))
        if bought != self.cart:
            raise Surprise(f"order {order['number']} has {bought}, and the cart had {self.cart} ({self.who})")
        if order["total"] > fields["accept_total"]:
            raise Surprise(f"order {order['number']} costs {order['total']}, accepted was {fields['accept_total']}")
        self.cart = {}
        self.settle()

    def settle(self) -> None:
        """See the cart empty. While the database is away, nobody can say what was ordered: then a later look must."""
        deadline = time.monotonic() + 30
        while self.expect(self.browser.insist("/cart"), 200, "cart after the order").json["lines"]:
            if self.crowd.is_quiet() or time.monotonic() > deadline:
                break
            time.sleep(1)
        self.look_at_cart()

    def look_twice(self) -> None:
        """Look, and once more: what was on its way when the first look was answered has arrived by then."""
        self.expect(self.browser.insist("/cart"), 200, "look after a lost answer")
        time.sleep(1)
        self.look_at_cart()

    # Help

    def some_sku(self) -> str:
        """Return some product of which there are enough."""
        return self.chance.choice([sku for sku in self.crowd.names if sku not in self.crowd.scarce])

    @property
    def who(self) -> str:
        """Whose journey it is."""
        return self.account.email if self.account else f"a visitor at {self.browser.address}"

    def expect(self, answer: Answer, status: int | tuple[int, ...], step: str) -> Answer:
        """Return the answer. Raises Surprise if it has another status."""
        if answer.status not in (status if isinstance(status, tuple) else (status,)):
            raise Surprise(f"{step}: {answer.status}, not {status} ({self.who}): {answer.body[:300]}")
        return answer


def at_once(*calls: Callable[[], Answer]) -> list[Answer]:
    """Return what all answer, called at the same time."""
    if len(calls) == 1:
        return [calls[0]()]
    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(call) for call in calls]]
