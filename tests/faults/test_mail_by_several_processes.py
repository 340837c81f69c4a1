"""Several processes send mail out of one outbox, and some are killed: each letter arrives, and once if nobody is."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from mail_server import MailServer
from shopapp.mail import post
from shopapp.mail.models import Letter
from shopapp.mail.sending import LEASE
from shopapp.testing import TEST_SECRET

PROCESSES, LETTERS = 4, 80

Start = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def engine(migrated_engine: Engine) -> Engine:
    """The shop's database; on each kind."""
    return migrated_engine


@pytest.fixture
def start(
    each_migrated_url: str, mail_server: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Start]:
    """A function that starts a process which sends what is due."""
    for name in ("DATABASE_URL", "SESSION_SECRET", "REDIS_URL", "MAIL_URL"):
        monkeypatch.delenv(name, raising=False)
    ini = tmp_path / "shop.ini"
    ini.write_text(
        f"[app:main]\nredis.sessions.secret = {TEST_SECRET}\nshop.database_url = {each_migrated_url}\n"
        f"mail.url = smtp://127.0.0.1:{mail_server.port}\n"
    )
    processes: list[subprocess.Popen[str]] = []

    def start_one() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "shopapp", "-c", str(ini), "mail", "send"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        processes.append(process)
        return process

    yield start_one
    for process in processes:
        process.kill()
        process.communicate()


def post_to(engine: Engine, *recipients: str) -> None:
    with Session(engine) as dbsession, dbsession.begin():
        for recipient in recipients:
            post(dbsession, "trial", recipient)


def pass_time(engine: Engine, pause: timedelta) -> None:
    with Session(engine) as dbsession, dbsession.begin():
        then = dbsession.get_one(Letter, 1).next_try_at
        dbsession.execute(update(Letter).values(next_try_at=then - pause))


def sent_to(server: MailServer) -> Counter[str]:
    return Counter(str(message["To"]) for message in server.received)


def test_four_processes_send_each_letter_once(engine: Engine, start: Start, mail_server: MailServer) -> None:
    mail_server.meeting = PROCESSES  # no letter leaves before each process has one in its hands
    recipients = [f"{number}@example.com" for number in range(LETTERS)]
    post_to(engine, *recipients)

    processes = [start() for _ in range(PROCESSES)]
    said = [process.communicate(timeout=60)[0] for process in processes]

    assert sent_to(mail_server) == dict.fromkeys(recipients, 1)
    assert [process.returncode for process in processes] == [0] * PROCESSES, said
    assert sum(int(words.partition("Sent: ")[2].partition(".")[0]) for words in said) == LETTERS
    with Session(engine) as dbsession:
        assert dbsession.query(Letter).count() == 0


@pytest.mark.parametrize(("step", "times"), [(MailServer.HANG, 1), (MailServer.HANG_AFTER, 2)])
def test_a_process_that_is_killed_loses_no_letter(
    engine: Engine, start: Start, mail_server: MailServer, step: str, times: int
) -> None:
    """Killed after the server took the letter, which nobody could write down, it is sent again: as the same mail."""
    mail_server.on["DATA", ""] = step
    post_to(engine, "bob@example.com")
    killed = start()
    wait_until(lambda: mail_server.busy)

    killed.kill()
    killed.wait()
    mail_server.on.clear()
    meanwhile = start().communicate(timeout=60)[0]
    pass_time(engine, LEASE)
    afterwards = start().communicate(timeout=60)[0]

    assert ("Sent: 0." in meanwhile, "Sent: 1." in afterwards) == (True, True), meanwhile + afterwards
    assert sent_to(mail_server) == {"bob@example.com": times}
    assert len({message["Message-ID"] for message in mail_server.received}) == 1


def wait_until(done: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)
