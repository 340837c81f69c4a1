"""Start the shop with `make run`, fill a cart over HTTP, stop it in every way, which the cart has to survive, and buy.

Needs nothing but the standard library. Ends with 1 and a sentence at the first thing that is not as it should be.
"""

import json
import os
import signal
import subprocess
import sys
import time
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

ROOT = Path(__file__).resolve().parent.parent
SHOP = "http://localhost:6543"
INSTALL_SECONDS = 300
STOP_SECONDS = 20
MAIL_SECONDS = 20
FSYNC_SECONDS = 2  # Valkey syncs its file every second; what is older survives even a crash


class Visitor:
    """A browser as far as the shop can tell: it keeps its cookies."""

    def __init__(self) -> None:
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def ask(self, path: str, **form: object) -> dict:
        """GET the path as JSON, or POST the form to it."""
        body = urlencode(form).encode() if form else None
        request = Request(SHOP + path, body, {"Accept": "application/json"})  # noqa: S310 (the address is above)
        try:
            with self._opener.open(request, timeout=10) as response:
                return json.load(response)
        except HTTPError as error:
            raise SystemExit(f"smoke: FAILED: {request.get_method()} {path} answers {error}") from error


def say(text: str) -> None:
    print(f"smoke: {text}", flush=True)


def check(good: bool, complaint: str) -> None:
    if not good:
        raise SystemExit(f"smoke: FAILED: {complaint}")


def running(name: str) -> list[int]:
    """The processes of this name that belong to this checkout."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_text().split("\0") if entry.name.isdigit() else []
            here = (entry / "cwd").resolve() == ROOT or any(str(ROOT / ".venv") in word for word in words)
        except OSError:  # it has ended meanwhile, or is somebody else's
            continue
        if here and any(Path(word.split(" ")[0]).name == name for word in words):
            found.append(int(entry.name))
    return found


def start() -> subprocess.Popen:
    """Start the shop and wait until it serves its first page."""
    say("make run")
    command = ["make", "run"]
    shop = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
    deadline = time.monotonic() + INSTALL_SECONDS
    while time.monotonic() < deadline:
        check(shop.poll() is None, f"make run ended with {shop.returncode} before it served a page")
        try:
            Visitor().ask("/")
        except OSError:  # it does not listen yet
            time.sleep(0.2)
        else:
            check(len(running("pserve")) == 1, "there should be one pserve")
            check(len(running("valkey-server")) == 1, "there should be one valkey-server")
            return shop
    raise SystemExit(f"smoke: FAILED: no page after {INSTALL_SECONDS} seconds")


def stop(shop: subprocess.Popen) -> None:
    """Stop the shop the way a supervisor does, and see that it leaves nothing running."""
    say("SIGTERM")
    shop.terminate()
    shop.wait(STOP_SECONDS)
    deadline = time.monotonic() + STOP_SECONDS
    while (left := running("pserve") + running("valkey-server")) and time.monotonic() < deadline:
        time.sleep(0.1)
    check(not left, f"still running after SIGTERM: {left}")


def crash(shop: subprocess.Popen) -> None:
    """Kill the app so that it can tidy up nothing, and let make notice."""
    say("kill -9 of the app")
    time.sleep(FSYNC_SECONDS)
    (app,) = running("pserve")
    os.kill(app, signal.SIGKILL)
    shop.wait(STOP_SECONDS)


def fill_cart(visitor: Visitor) -> int:
    """Put two of some product into the cart; return how many things the cart then holds."""
    products = visitor.ask("/")["products"]
    sku = next(product["sku"] for product in products if product["available"])
    count = visitor.ask("/cart")["count"]
    for _ in range(2):
        count += 1
        answer = visitor.ask("/cart/items", sku=sku, quantity=1)
        check(answer["count"] == count, f"the cart says {answer['count']} after adding, expected {count}")
    return count


def expect_cart(visitor: Visitor, count: int, when: str) -> None:
    held = visitor.ask("/cart")["count"]
    check(held == count, f"the cart holds {held} {when}, expected {count}")
    say(f"the cart holds {count} {when}")


def buy(visitor: Visitor) -> None:
    """Order what is in the cart as a guest, find the mail about it, and see that the cart is empty."""
    seen = visitor.ask("/checkout")
    where = {"name": "Smoke", "street": "1 Road", "postcode": "D1", "city": "Dublin", "country": "IE"}
    total = {"form": seen["form"], "accept_total": seen["total"]}
    number = visitor.ask("/checkout", email="smoke@example.com", **where, **total)["number"]
    say(f"order {number}")
    deadline = time.monotonic() + MAIL_SECONDS
    while not any(number in letter["subject"] for letter in visitor.ask("/mail")["letters"]):
        check(time.monotonic() < deadline, "no mail came about the order")
        time.sleep(0.2)
    expect_cart(visitor, 0, "after the order")


def journey(shops: list[subprocess.Popen]) -> None:
    visitor = Visitor()

    shops.append(start())
    count = fill_cart(visitor)
    expect_cart(visitor, count, "after adding")
    stop(shops[-1])

    shops.append(start())
    expect_cart(visitor, count, "after a restart")
    count = fill_cart(visitor)
    crash(shops[-1])

    shops.append(start())
    expect_cart(visitor, count, "after a crash")
    buy(visitor)
    stop(shops[-1])
    say("nothing is left running")


def main() -> None:
    check(not running("pserve"), "the shop is running from this checkout already: stop it first")
    shops: list[subprocess.Popen] = []
    try:
        journey(shops)
    finally:
        for shop in shops:
            if shop.poll() is None:
                shop.terminate()
                shop.wait(STOP_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
