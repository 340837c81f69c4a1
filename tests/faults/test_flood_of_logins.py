"""A flood of wrong passwords: pages go on, memory stays, and who knows the password gets in."""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest

from granian_site import free_port
from shopapp.catalog import demo

PATIENCE_SECONDS = 60
CONNECTIONS, SECONDS = 40, 3.0
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}

INI = """
[app:main]
use = egg:shopapp
redis.sessions.secret = for-this-test-alone
redis.sessions.redis_url = {redis}
shop.database_url = sqlite:///{database}
mail.url = folder:%(here)s/mail

[server:main]
use = egg:shopapp#waitress
listen = 127.0.0.1:{port}
threads = 16
trusted_proxy = 127.0.0.1
trusted_proxy_headers = x-forwarded-for
clear_untrusted_proxy_headers = true

[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = plain
[logger_root]
level = ERROR
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = plain
[formatter_plain]
format = %(levelname)s %(message)s
"""


class Shop:
    """pserve in a process of its own, with hashes that cost what they cost in public."""

    def __init__(self, directory: Path, database: Path, valkey: str) -> None:
        self.port = free_port()
        ini = directory / "shop.ini"
        ini.write_text(INI.format(redis=valkey, database=database, port=self.port))
        self.process = subprocess.Popen([Path(sys.executable).with_name("pserve"), ini], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.is_away():
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def is_away(self) -> bool:
        assert self.process.poll() is None
        try:
            return self.ask("GET", "/healthz")[0] != 200
        except OSError:
            return True

    def connection(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)

    def ask(self, method: str, path: str, **headers: str) -> tuple[int, float]:
        """Return the status, and how long it took."""
        began, connection = time.monotonic(), self.connection()
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status, time.monotonic() - began

    def megabytes(self) -> int:
        """The most memory that it has had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024


@pytest.fixture
def shop(tmp_path: Path, shop_database_template: Path, shop_redis: object, shop_valkey: str) -> Iterator[Shop]:
    database = Path(shutil.copy(shop_database_template, tmp_path / "shop.sqlite"))
    shop = Shop(tmp_path, database, shop_valkey)
    yield shop
    shop.process.terminate()
    shop.process.wait(PATIENCE_SECONDS)


def sign_in(connection: HTTPConnection, address: str, password: str) -> tuple[int, str]:
    """Return the status, and the code of the error."""
    body = urlencode({"email": demo.EMAIL, "password": password})
    connection.request("POST", "/login", body, {**FORM, "X-Forwarded-For": address})
    response = connection.getresponse()
    answer = json.loads(response.read())
    if response.status >= 429:
        assert response.headers["Retry-After"]
    return response.status, answer.get("error", {}).get("code", "")


def test_pages_memory_and_right_passwords_in_a_flood_of_wrong_ones(shop: Shop) -> None:
    stop, answers, lock = threading.Event(), Counter[tuple[int, str]](), threading.Lock()

    def flood() -> None:
        connection = shop.connection()
        while not stop.is_set():
            answer = sign_in(connection, "203.0.113.9", "wrong")
            with lock:
                answers[answer] += 1
        connection.close()

    threads = [threading.Thread(target=flood) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    pages, right, until = [], [], time.monotonic() + SECONDS
    while time.monotonic() < until:
        pages += [shop.ask("GET", "/healthz"), shop.ask("GET", "/"), shop.ask("GET", "/cart")]
        began, connection = time.monotonic(), shop.connection()
        right.append((sign_in(connection, f"198.51.{len(right)}.1", demo.PASSWORD), time.monotonic() - began))
        connection.close()
    stop.set()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)

    assert {status for status, _ in pages} == {200}
    assert sorted(seconds for _, seconds in pages)[len(pages) // 2] < 0.5
    assert {answer for answer, _ in right} == {(200, "")}
    assert min(seconds for _, seconds in right) < 5  # on a quiet machine all of them are in within one
    assert set(answers) <= {(401, "unauthorized"), (429, "too_many_tries"), (503, "busy")}
    assert answers[429, "too_many_tries"] > answers[401, "unauthorized"]
    assert 0 < answers[401, "unauthorized"] <= 10 + len(right) * 10
    assert shop.megabytes() < 400
