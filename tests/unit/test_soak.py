"""What the soak makes of what it has seen: which failure a fault explains, what the ledger expects, what is told."""

import random
import signal
import socket
import sys
import threading
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from benchmarks.contenders import BenchmarkError
from benchmarks.soak.faults import KINDS, Fault, Storm
from benchmarks.soak.judging import explain, failures, growth, unexplained
from benchmarks.soak.ledger import Ledger, Order, stock_left
from benchmarks.soak.parts import Part
from benchmarks.soak.reckoning import compare_orders, compare_stock
from benchmarks.soak.report import markdown
from benchmarks.soak.run import Plan, Result
from benchmarks.soak.traffic import NO_ANSWER, Answer, Browser, Hit, Traffic

KILLED = next(kind for kind in KINDS if kind.name == "Redis killed")
ROLLED = next(kind for kind in KINDS if kind.name == "rolling restart")


def hit(began: float, ended: float, status: int, *, is_look: bool = False, is_put_off: bool = False) -> Hit:
    return Hit(began, ended, "POST /cart/items", status, is_look, is_put_off)


def order(number: str, status: str = "placed", **lines: int) -> Order:
    return Order(number, f"/orders/{number}", "a@example.com", f"form-{number}", 100, lines, status)


@pytest.mark.parametrize(
    ("found", "is_explained"),
    [
        (hit(9.0, 10.5, 503), True),
        (hit(20.0, 21.9, 503), True),
        (hit(5.0, 9.9, 503), False),
        (hit(22.1, 22.2, 503), False),
        (hit(12.0, 12.1, 500), False),
        (hit(12.0, 12.1, NO_ANSWER), False),
        (hit(12.0, 12.1, 503, is_look=True), False),
    ],
)
def test_a_failure_is_explained_by_a_fault_that_lasts_and_allows_it(found: Hit, is_explained: bool) -> None:
    assert (explain(found, [Fault(KILLED, 10.0, 20.0)]).fault is not None) is is_explained


def test_a_rolling_restart_explains_no_failure() -> None:
    hits = [hit(12.0, 13.0, 502), hit(12.0, 13.0, 200), hit(12.0, 13.0, 503, is_put_off=True)]

    found = failures(hits, [Fault(ROLLED, 10.0, 20.0)])

    assert unexplained(found, start=2.0) == [
        "1 of POST /cart/items failed with 502 outside of what a fault allows, the first after 10.0 s"
    ]


def test_stock_is_what_there_was_less_what_is_in_orders_that_live() -> None:
    orders = {"1": order("1", mug=3), "2": order("2", "cancelled", mug=5), "3": order("3", "sent", mug=1, pen=2)}

    assert stock_left({"mug": 20, "pen": 2, "lamp": 7}, orders) == {"mug": 16, "pen": 0, "lamp": 7}


def test_what_the_database_has_is_compared_with_what_was_acknowledged() -> None:
    ledger, checked = Ledger(), Counter[str]()
    for number in ("kept", "lost"):
        ledger.order(order(number, mug=1))
    ledger.order(order("changed", mug=1))
    ledger.set_status("changed", "cancelled")
    with create_engine("sqlite://").connect() as connection:
        for statement in (
            'CREATE TABLE "order" (number TEXT, form TEXT, total INTEGER, status TEXT)',
            "CREATE TABLE product (sku TEXT, stock INTEGER)",
            "INSERT INTO \"order\" VALUES ('kept', 'form-kept', 100, 'placed')",
            "INSERT INTO \"order\" VALUES ('changed', 'form-changed', 100, 'sent')",
            "INSERT INTO \"order\" VALUES ('doubled', 'form-kept', 100, 'placed')",
            "INSERT INTO product VALUES ('mug', 8), ('pen', 3)",
        ):
            connection.execute(text(statement))
        compare_orders(connection, ledger, checked)
        compare_stock(connection, ledger, {"mug": 9, "pen": 3}, checked)

    assert ledger.violations == [
        "order lost is lost",
        "order doubled was told to nobody",
        "order changed is ('form-changed', 100, 'sent'), not ('form-changed', 100, 'cancelled')",
        "of mug 8 are left, not 7",
    ]


def test_one_order_for_two_forms_breaks_a_promise() -> None:
    ledger = Ledger()

    ledger.order(order("1"))
    ledger.order(order("1"))

    assert ledger.violations == ["order 1 was given to two forms"]


def test_growth_is_told_from_the_least_of_a_while_for_hashes_come_and_go() -> None:
    assert growth([50, 90, 100, 165, 102, 166, 101, 165]) == 1.0
    assert growth([50, 90, 100, 165, 140, 166, 180, 190]) == 80.0


def test_each_round_has_all_faults_and_those_that_end_app_processes_stand_together() -> None:
    storm = Storm(SimpleNamespace(), seed=4, until=0.0)  # type: ignore[arg-type]

    first, second = (storm._round(number) for number in range(2))

    assert set(first) == set(second) == set(KINDS)
    assert [kind.ends_apps for kind in first] == [True] * 3 + [False] * 3
    assert [kind.ends_apps for kind in second] == [False] * 3 + [True] * 3


def test_a_browser_sends_again_what_was_not_answered_and_waits_where_it_is_put_off() -> None:
    answers = [
        b"",
        b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Max-Age=0\r\nContent-Length: 2\r\n\r\n{}",
    ]
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for answer in answers:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        browser = Browser(Traffic(server.getsockname()[1]), "198.18.0.1", random.Random(1))
        browser.cookies["b"] = "1"
        answer = browser.insist("/cart/items/mug", {"quantity": 1})

    assert answer == Answer(200, "{}")
    assert browser.cookies == {"a": "1"}
    assert [(each.what, each.status, each.is_put_off) for each in browser.traffic.hits] == [
        ("POST /cart/items/{sku}", status, status == 429) for status in (NO_ANSWER, 429, 503, 200)
    ]


def test_a_part_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    part = Part("broken", [sys.executable, "-c", "raise SystemExit('no-luck')"], tmp_path / "log", lambda: False)

    part.start()

    with pytest.raises(BenchmarkError, match="no-luck"):
        part.wait()


def test_a_part_that_does_not_hear_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    log = tmp_path / "log"
    part = Part("deaf", [sys.executable, "-c", code], log, lambda: "deaf" in log.read_text())
    part.start()
    part.wait()
    monkeypatch.setattr("benchmarks.soak.parts.PATIENCE_SECONDS", 0.2)

    part.stop()

    assert part.process is not None
    assert part.process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("violations", [[], ["order 1 is lost"]])
def test_the_report_says_whether_a_promise_was_broken(violations: list[str]) -> None:
    hits = [hit(1.0, 1.1, 200), hit(10.5, 10.6, 503), hit(20.5, 21.0, 503)]
    faults = [Fault(KILLED, 10.0, 20.0)]
    memory: Any = SimpleNamespace(growths=lambda: [(90.0, 1.5)], top=lambda: 120.0)
    found = failures(hits, faults)
    told, checked = Counter({"adds": 1}), Counter({"orders": 2})

    report = markdown(Result(Plan(5, 2, 1), 0.0, 30.0, hits, faults, found, told, checked, memory, violations))

    assert ("Nothing was lost, doubled or revived." in report) is (not violations)
    assert all(f"- {line}" in report for line in violations)
    assert "2 × 503" in report  # noqa: RUF001
    assert "1.0" in report
