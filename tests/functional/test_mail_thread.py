"""The app's own thread: it sends what requests have posted, and what others have left."""

import gc
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPBadRequest
from pyramid.response import Response
from sqlalchemy import text
from webtest import TestApp

from mail_server import MailServer
from shopapp.mail import post, postman, send_soon, wake
from shopapp.mail.folder import MailFolder
from shopapp.mail.outbox import SENDER
from shopapp.settings.shop import load_settings
from shopapp.testing import TEST_SECRET

MakeApp = Callable[..., Any]


def make_small_app(database_url: str, mail_url: str, thread: str = "true") -> Any:
    """An app with a database, mail and two pages: one that posts a letter, and one that does and then fails."""
    raw = {"redis.sessions.secret": TEST_SECRET, "shop.database_url": database_url}
    with Configurator(settings={}) as config:
        config.registry["shopapp.settings"] = load_settings(raw | {"mail.url": mail_url, "mail.thread": thread}, {})
        config.include("shopapp.db")
        config.include("shopapp.mail")
        config.add_route("post", "/post")
        config.add_route("fail", "/fail")
        config.add_route("look", "/look")
        config.add_view(post_view, route_name="post")
        config.add_view(fail_view, route_name="fail")
        config.add_view(lambda _request: Response("ok"), route_name="look")
    return config.make_wsgi_app()


def post_view(request: Any) -> Response:
    post(request.dbsession, "trial", request.GET.get("to", "bob@example.com"))
    send_soon(request)
    return Response("posted")


def fail_view(request: Any) -> Response:
    post_view(request)
    raise HTTPBadRequest


@pytest.fixture
def folder(tmp_path: Path) -> MailFolder:
    return MailFolder(tmp_path / "mail")


@pytest.fixture
def database_url(each_migrated_url: str) -> str:
    return each_migrated_url


@pytest.fixture
def make_app(database_url: str, folder: MailFolder) -> Iterator[MakeApp]:
    """A function that makes an app whose mail goes to the folder. Its thread ends with the test."""
    apps: list[Any] = []

    def make(mail_url: str = f"folder:{folder.path}", **more: str) -> Any:
        apps.append(make_small_app(database_url, mail_url, **more))
        return apps[-1]

    yield make
    apps.clear()
    wait_until(no_postman_is_left)


def postmen() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "postman"]


def no_postman_is_left() -> bool:
    gc.collect()  # each time, for while a thread looks, it holds its app
    return postmen() == []


def recipients(folder: MailFolder) -> list[str]:
    return [str(message["To"]) for _, message in folder.messages()]


def leave(app: Any, recipient: str = "left@example.com") -> None:
    """Post a letter as another process would, which was killed before it sent it."""
    with app.registry["shopapp.sessionmaker"].begin() as dbsession:
        post(dbsession, "trial", recipient)


def wait_until(done: Callable[[], Any], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_letter_leaves_as_soon_as_its_request_is_committed(make_app: MakeApp, folder: MailFolder):
    browser = TestApp(make_app())
    browser.get("/look")  # the thread has begun, found nothing, and would look again in fifteen seconds
    time.sleep(0.5)

    browser.get("/post")

    wait_until(lambda: recipients(folder) == ["bob@example.com"], seconds=5)


def test_a_request_that_failed_has_posted_nothing(make_app: MakeApp, folder: MailFolder):
    browser = TestApp(make_app())

    browser.get("/fail", status=400)
    browser.get("/post?to=eve@example.com")

    wait_until(lambda: recipients(folder) == ["eve@example.com"])


def test_what_a_killed_process_left_goes_out_with_the_first_request(make_app: MakeApp, folder: MailFolder):
    app = make_app()
    leave(app)
    assert postmen() == []

    TestApp(app).get("/look")

    wait_until(lambda: recipients(folder) == ["left@example.com"])
    assert len(postmen()) == 1


def test_what_others_leave_later_is_found(make_app: MakeApp, folder: MailFolder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postman, "LOOK_SECONDS", 0.1)
    app = make_app()
    TestApp(app).get("/look")

    leave(app)

    wait_until(lambda: recipients(folder) == ["left@example.com"])


def test_code_with_a_transaction_of_its_own_wakes_it(make_app: MakeApp, folder: MailFolder):
    app = make_app()
    leave(app)

    wake(app.registry)

    wait_until(lambda: recipients(folder) == ["left@example.com"])


def test_without_the_setting_there_is_no_thread(make_app: MakeApp, folder: MailFolder):
    app = make_app(thread="false")

    TestApp(app).get("/post")
    wake(app.registry)

    assert postmen() == []
    assert app.registry[SENDER].send_due().sent == 1


def test_the_thread_ends_with_its_app(make_app: MakeApp, database_url: str, folder: MailFolder):
    app = make_small_app(database_url, f"folder:{folder.path}")
    TestApp(app).get("/look")
    wait_until(lambda: len(postmen()) == 1)

    del app

    wait_until(no_postman_is_left)


def test_it_outlives_an_outbox_that_is_away(
    make_app: MakeApp, folder: MailFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(postman, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(postman, "AWAY_SECONDS", 0.1)
    app = make_app()
    leave(app)
    rename(app, "letter", "letters")
    TestApp(app).get("/look")
    wait_until(lambda: caplog.records)
    time.sleep(0.5)  # for more looks in vain

    rename(app, "letters", "letter")

    wait_until(lambda: recipients(folder) == ["left@example.com"])
    (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert told in (
        "outbox_not_looked_at error=OperationalError",
        "outbox_not_looked_at error=ProgrammingError",
    )
    wait_until(lambda: "outbox_looked_at_again" in caplog.text)
    assert all(record.exc_info is None for record in caplog.records)


def rename(app: Any, table: str, name: str) -> None:
    with app.registry["shopapp.sessionmaker"].begin() as dbsession:
        dbsession.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


def test_while_the_mail_server_is_away_it_is_not_asked_for_each_letter(
    make_app: MakeApp, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(postman, "LOOK_SECONDS", 1.0)
    mail_server.on["MAIL", ""] = MailServer.DROP
    browser = TestApp(make_app(f"smtp://127.0.0.1:{mail_server.port}"))

    for number in range(20):
        browser.get(f"/post?to={number}@example.com")
    wait_until(lambda: mail_server.connections)
    assert mail_server.connections == 1
    mail_server.on.clear()

    wait_until(lambda: len(mail_server.received) == 19)  # the first one is tried again in a minute
    assert {str(message["To"]) for message in mail_server.received} == {f"{n}@example.com" for n in range(1, 20)}


SCRIPT = """
import sys, time
from test_mail_thread import *
app = make_small_app({database_url!r}, {mail_url!r})
browser = TestApp(app)
"""


def run(script: str, **values: str) -> subprocess.CompletedProcess[str]:
    """Run a program that has made the small app."""
    path = {"PYTHONPATH": ":".join(str(Path(__file__).parents[up]) for up in (0, 1)), "PATH": "/usr/bin:/bin"}
    program = SCRIPT.format(**values) + script
    return subprocess.run([sys.executable, "-c", program], env=path, capture_output=True, text=True, timeout=60)


def test_a_hanging_mail_server_keeps_no_process_from_ending(database_url: str, mail_server: MailServer):
    mail_server.on["DATA", ""] = MailServer.HANG

    begun = time.monotonic()
    done = run(
        "browser.get('/post')\nwait_until(lambda: any(t.name == 'postman' for t in threading.enumerate()))\n"
        "time.sleep(0.5)\nprint(time.monotonic())",
        database_url=database_url,
        mail_url=f"smtp://127.0.0.1:{mail_server.port}",
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - max(begun, float(done.stdout)) < 5  # CLOCK_MONOTONIC is that of the machine


def test_each_process_that_was_forked_has_a_thread_of_its_own(database_url: str, folder: MailFolder):
    done = run(
        "import os\n"
        "assert not postmen()\n"
        "children = []\n"
        "for number in range(2):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        browser.get(f'/post?to={number}@example.com')\n"
        "        assert len(postmen()) == 1\n"
        "        time.sleep(1)\n"
        "        os._exit(0)\n"
        "    children.append(child)\n"
        "print([os.waitpid(child, 0)[1] for child in children])",
        database_url=database_url,
        mail_url=f"folder:{folder.path}",
    )

    assert (done.stdout, done.stderr) == ("[0, 0]\n", "")
    assert sorted(recipients(folder)) == ["0@example.com", "1@example.com"]
