"""The shop is killed (SIGKILL) at each step of an order: what must be true afterwards is, and the person can go on.

The process that dies is a real one, with the real Redis and the real database; it kills itself at the step.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from buying import MUG, fill, in_cart, look, order, orders, sent, stock
from shopapp.testing.shop import Mailbox, log_in

# What the child runs: the step's function is wrapped so that the process dies before it or after it.
CHILD = """
import importlib, json, os, signal, sys
from webtest import TestApp
import shopapp
given = json.load(sys.stdin)
module, _, path = given["step"].partition(":")
owner, name = importlib.import_module(module), path
if "." in path:
    cls, name = path.split(".")
    owner = getattr(owner, cls)
real = getattr(owner, name)
def dying(*args, **options):
    if given["when"] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    real(*args, **options)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, name, dying)
browser = TestApp(shopapp.main({}, **given["settings"]))
browser.set_cookie("session", given["cookie"])
browser.post("/checkout", given["fields"], headers={"Accept": "application/json"}, status="*")
print("it lived")
"""

BEFORE_THE_COMMIT = [
    ("shopapp.orders.checkout:save", "before"),
    ("shopapp.cart.store:CartStore.note_order", "before"),
    ("shopapp.cart.store:CartStore.note_order", "after"),
    ("shopapp.orders.store:_take", "after"),
    ("shopapp.orders.store:post", "before"),
    ("shopapp.orders.store:_place", "after"),
]
AFTER_THE_COMMIT = [
    ("shopapp.orders.checkout:place", "after"),
    ("shopapp.cart.store:CartStore.take_out", "before"),
    ("shopapp.cart.store:CartStore.take_out", "after"),
    ("shopapp.orders.checkout:wake", "before"),
    ("shopapp.orders.views:order_json", "before"),
]


@pytest.fixture
def buyer(visitor: TestApp) -> TestApp:
    """A guest, or by ``log_in`` a customer, with something in the cart."""
    fill(visitor)
    return visitor


@pytest.fixture
def die(shop_settings: dict[str, Any], shop_valkey: str) -> Callable[..., None]:
    """A function that sends the form to a process that is killed at a step."""

    def run(browser: TestApp, fields: dict[str, Any], step: str, when: str) -> None:
        settings = {key: value for key, value in shop_settings.items() if isinstance(value, str)}
        settings.pop("redis.sessions.redis_client_callable")
        settings["redis.sessions.redis_url"] = shop_valkey
        given = {
            "settings": settings,
            "cookie": browser.cookies["session"],
            "fields": fields,
            "step": step,
            "when": when,
        }
        environ = {key: value for key, value in os.environ.items() if key not in ("REDIS_URL", "DATABASE_URL")}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CHILD],
            input=json.dumps(given),
            text=True,
            capture_output=True,
            env=environ,
            cwd=Path(__file__).parents[2],
            check=False,
            timeout=60,
        )
        assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr

    return run


@pytest.mark.parametrize(("step", "when"), BEFORE_THE_COMMIT)
def test_killed_before_the_commit_nothing_is_ordered_and_the_same_form_orders_it(
    buyer: TestApp, die: Callable[..., None], shop_settings: dict[str, Any], step: str, when: str
) -> None:
    there, fields = stock(shop_settings), sent(look(buyer))

    die(buyer, fields, step, when)

    assert (orders(shop_settings), stock(shop_settings), in_cart(buyer)) == ([], there, {MUG: 2})
    order(buyer, fields)
    assert (len(orders(shop_settings)), stock(shop_settings), in_cart(buyer)) == (1, there - 2, {})


@pytest.mark.parametrize(("step", "when"), AFTER_THE_COMMIT)
def test_killed_after_the_commit_the_order_stands_and_the_cart_is_empty_at_the_next_look(
    buyer: TestApp,
    die: Callable[..., None],
    shop_settings: dict[str, Any],
    mailbox: Mailbox,
    step: str,
    when: str,
) -> None:
    if when == "before":
        log_in(buyer)
        mailbox.letters()
    there, fields = stock(shop_settings), sent(look(buyer))

    die(buyer, fields, step, when)

    assert (len(orders(shop_settings)), stock(shop_settings)) == (1, there - 2)
    assert in_cart(buyer) == {}
    again = order(buyer, fields, status=200)
    assert [(again.json["number"], again.json["total"], "placed")] == orders(shop_settings)
    assert (stock(shop_settings), in_cart(buyer)) == (there - 2, {})
    assert [again.json["number"] in letter["Subject"] for letter in mailbox.letters()].count(True) == 1


def test_what_is_added_after_the_crash_stays_in_the_cart(
    buyer: TestApp, die: Callable[..., None], shop_settings: dict[str, Any]
) -> None:
    fields = sent(look(buyer))
    die(buyer, fields, "shopapp.cart.store:CartStore.take_out", "before")

    fill(buyer, MUG, 3)

    assert in_cart(buyer) == {MUG: 3}
