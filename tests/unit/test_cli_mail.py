"""shopapp mail: what an operator does with letters."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shopapp.cli import cli
from shopapp.embedded import start_server, stop_server
from shopapp.mail import post
from shopapp.mail.folder import MailFolder
from shopapp.mail.models import Letter
from shopapp.testing import TEST_SECRET

Shop = Callable[..., Result]


@pytest.fixture
def engine(migrated_engine: Engine) -> Engine:
    """The shop's database; on each kind."""
    return migrated_engine


@pytest.fixture
def folder(tmp_path: Path) -> MailFolder:
    return MailFolder(tmp_path / "mail")


@pytest.fixture
def ini(tmp_path: Path, each_migrated_url: str, folder: MailFolder, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ini as developers have it, with an embedded Redis."""
    for name in ("DATABASE_URL", "SESSION_SECRET", "REDIS_URL", "MAIL_URL"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "shop.ini"
    path.write_text(
        f"[app:main]\nshop.database_url = {each_migrated_url}\nredis.sessions.secret = {TEST_SECRET}\n"
        f"redis.sessions.redis_url = embedded:{tmp_path / 'valkey'}\nmail.url = folder:{folder.path}\n"
    )
    return path


@pytest.fixture
def shop(ini: Path) -> Shop:
    """Run the command with that ini."""
    return lambda *arguments: CliRunner().invoke(cli, ["--ini", str(ini), "mail", *arguments])


def post_to(engine: Engine, recipient: str, **more: Any) -> None:
    with Session(engine) as dbsession, dbsession.begin():
        post(dbsession, "trial", recipient)
        dbsession.flush()
        for name, value in more.items():
            setattr(dbsession.query(Letter).order_by(Letter.id.desc()).first(), name, value)


def recipients(folder: MailFolder) -> list[str]:
    return [str(message["To"]) for _, message in folder.messages()][::-1]


def test_send_sends_what_is_due_and_starts_no_redis(shop: Shop, engine: Engine, folder: MailFolder, tmp_path: Path):
    post_to(engine, "bob@example.com")

    result = shop("send")

    assert (result.exit_code, result.output) == (0, "Sent: 1. Failed: 0.\n")
    assert recipients(folder) == ["bob@example.com"]
    assert not (tmp_path / "valkey").exists()
    assert shop("send").output == "Sent: 0. Failed: 0.\n"


@pytest.mark.parametrize("elsewhere", ["redis://127.0.0.1:1/0", "redis+cluster://127.0.0.1:1"])
def test_send_asks_no_redis_wherever_it_is(shop: Shop, engine: Engine, elsewhere: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REDIS_URL", elsewhere)
    post_to(engine, "bob@example.com")

    assert shop("send").output == "Sent: 1. Failed: 0.\n"


def test_send_leaves_the_embedded_redis_of_a_running_shop_alone(shop: Shop, engine: Engine, tmp_path: Path):
    socket = start_server(tmp_path / "valkey")
    post_to(engine, "bob@example.com")
    try:
        assert shop("send").exit_code == 0
        assert socket.exists()
    finally:
        stop_server(tmp_path / "valkey")


def test_send_says_what_failed_by_its_exit_status(shop: Shop, engine: Engine, folder: MailFolder):
    post_to(engine, "no address")
    post_to(engine, "bob@example.com")

    result = shop("send")

    assert (result.exit_code, result.stdout) == (1, "Sent: 1. Failed: 1.\n")
    assert recipients(folder) == ["bob@example.com"]


def test_send_says_when_no_mail_can_leave(shop: Shop, engine: Engine, ini: Path, folder: MailFolder):
    ini.write_text(ini.read_text().replace(f"folder:{folder.path}", "smtp://shop:hidden@127.0.0.1:1"))
    post_to(engine, "bob@example.com")
    post_to(engine, "eve@example.com")

    result = shop("send")

    assert result.exit_code == 1
    assert "Sent: 0. Failed: 1." in result.stdout
    assert "cannot leave" in result.stderr
    assert "hidden" not in result.output


def test_a_trial_letter_is_sent_to_whom_one_likes(shop: Shop, engine: Engine, folder: MailFolder):
    assert shop("try", "bob@example.com").exit_code == 0
    refused = shop("try", "bob@example.com, eve@example.com")

    assert refused.exit_code == 2
    assert recipients(folder) == ["bob@example.com"]


def test_list_shows_what_has_not_left(shop: Shop, engine: Engine):
    assert shop("list").output == "All mail has left.\n"
    post_to(engine, "bob@example.com")
    post_to(engine, "eve\x1b[31m@example.com", next_try_at=None, tries=19)

    first, second = shop("list").output.splitlines()

    assert first.startswith("1  trial  bob@example.com  posted 20")
    assert "tries 0  next 20" in first
    assert second.startswith("2  trial  eve [31m@example.com  posted ")
    assert second.endswith("tries 19  given up")


def test_retry_has_given_up_letters_tried_from_the_beginning(shop: Shop, engine: Engine, folder: MailFolder):
    post_to(engine, "bob@example.com", next_try_at=None, tries=19)
    post_to(engine, "eve@example.com", next_try_at=None, tries=19)

    assert shop("retry", "2").output == "To be tried again: 1.\n"
    assert shop("send").output == "Sent: 1. Failed: 0.\n"
    assert shop("retry").output == "To be tried again: 1.\n"
    assert shop("send").output == "Sent: 1. Failed: 0.\n"

    assert recipients(folder) == ["eve@example.com", "bob@example.com"]


def test_discard_throws_a_letter_away(shop: Shop, engine: Engine):
    post_to(engine, "bob@example.com")
    post_to(engine, "eve@example.com")

    assert shop("discard", "1", "7").output == "Thrown away: 1.\n"

    assert "bob" not in shop("list").output
    assert shop("discard").exit_code == 2


@pytest.mark.parametrize("command", ["send", "list", "retry"])
def test_a_database_without_tables_is_explained(shop: Shop, ini: Path, tmp_path: Path, command: str):
    text = ini.read_text().replace("shop.database_url", "# ")
    ini.write_text(f"{text}shop.database_url = sqlite:///{tmp_path}/empty.sqlite\n")

    result = shop(command)

    assert result.exit_code == 1
    assert "shopapp db upgrade" in result.stderr
    assert "Traceback" not in result.output
