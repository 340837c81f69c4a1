import logging
import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from shopapp.db import DatabaseUnavailable, watch
from shopapp.db.watch import Waits, Watch


class Server:
    """What answers, fails or hangs, as a test wants it."""

    def __init__(self) -> None:
        self.fails: Exception | None = None
        self.asked, self.hangs = 0, threading.Event()
        self.hangs.set()

    def ask(self) -> None:
        self.asked += 1
        self.hangs.wait(10)
        if self.fails:
            raise self.fails


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(watch, "PAUSE_SECONDS", 0.02)
    server = Server()
    yield server
    server.fails = None
    server.hangs.set()
    wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name == "database-watch"])


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_one_asks_however_many_doubt_and_all_are_refused_until_there_is_an_answer(
    server: Server, caplog: pytest.LogCaptureFixture
):
    it = Watch(server.ask)
    server.fails = OSError("Connection refused")
    for _ in range(20):
        it.doubt("connection refused")
    wait_until(lambda: it.away and server.asked > 2)
    assert len([thread for thread in threading.enumerate() if thread.name == "database-watch"]) == 1
    with pytest.raises(DatabaseUnavailable) as refused:
        it.refuse_if_away()
    assert refused.value.told

    server.fails = None
    wait_until(lambda: not it.away)

    it.refuse_if_away()
    assert [record.getMessage().split()[0] for record in caplog.records if record.levelno > logging.INFO] == [
        "database_away",
        "database_back",
    ]


def test_a_question_without_an_answer_is_an_answer_after_a_second(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watch, "ANSWER_SECONDS", 0.2)
    it = Watch(server.ask)
    server.hangs.clear()

    it.doubt()
    assert not it.away
    time.sleep(0.25)

    assert it.away
    server.hangs.set()
    wait_until(lambda: not it.away)


def test_a_server_that_turns_a_connection_away_is_there(server: Server):
    it = Watch(server.ask)
    server.fails = OSError("connection to server failed: FATAL:  sorry, too many clients already")

    it.doubt("no connection")
    wait_until(lambda: server.asked > 2)

    assert not it.away


def test_where_all_is_slow_it_is_not_asked_again_and_again(server: Server):
    it = Watch(server.ask)
    for _ in range(10):
        it.doubt()
        time.sleep(0.01)

    assert server.asked == 1


def test_all_wait_since_the_last_of_them_began_and_no_more_after_an_answer_to_anybody():
    waits = Waits()
    with waits.waiting():
        assert waits.all_since(2) is None
        with waits.waiting() as last:
            assert waits.all_since(2) == last
        assert waits.all_since(2) is None


def test_a_process_that_was_forked_while_it_was_asked_knows_nothing_and_asks_anew(server: Server):
    it, waits = Watch(server.ask), Waits()
    server.hangs.clear()
    it.doubt("connection lost")
    wait_until(lambda: server.asked)
    with waits.waiting():
        child = os.fork()
        if child == 0:
            try:
                time.sleep(watch.ANSWER_SECONDS + 0.1)
                is_new = not it.away and waits.all_since(1) is None
                server.hangs = threading.Event()  # its lock may have been another thread's
                server.hangs.set()
                it.doubt()
                wait_until(lambda: server.asked == 2 and not it.doubtful)
                os._exit(0 if is_new else 1)
            finally:
                os._exit(2)

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_where_no_thread_can_be_begun_nobody_is_taken_to_be_asking(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(watch, "CALM_SECONDS", 0)
    it = Watch(server.ask)

    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        it.doubt()

    assert "database_not_asked" in caplog.text
    assert server.asked == 0
    it.doubt()
    wait_until(lambda: server.asked == 1)


def test_without_a_server_there_is_nothing_to_ask():
    assert Watch().doubt("locked") is False
