"""An operator's mistakes: pserve and the command line say each in a sentence, with what to do, and no traceback."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from shopapp.settings.mail import MailSettings
from shopapp.settings.shop import Settings, ShopSettings
from shopapp.starting import CannotStartError, check_mail_folder, unfit_for_public

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60

SHOP = """
[app:main]
use = egg:shopapp
redis.sessions.secret = for-this-test-alone
redis.sessions.redis_url = {redis}
shop.database_url = {database}
mail.url = folder:%(here)s/mail
{more}

[server:main]
use = egg:shopapp#waitress
listen = 127.0.0.1:{port}

[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = plain
[logger_root]
level = WARNING
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = plain
[formatter_plain]
format = %(levelname)s %(message)s
"""


@pytest.fixture
def database(shop_database_template: Path, tmp_path: Path) -> Path:
    """A SQLite file as the shop wants it."""
    return Path(shutil.copy(shop_database_template, tmp_path / "good.sqlite"))


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def ini(tmp_path: Path, database: Path, shop_valkey: str) -> Callable[..., Path]:
    """A function that writes an ini; all in it is right but for what is given. Nobody is to serve by it."""

    def write(**wrong: Any) -> Path:
        right = {"redis": shop_valkey, "database": f"sqlite:///{database}", "port": 0, "more": ""}
        path = tmp_path / "shop.ini"
        path.write_text(SHOP.format(**{**right, **wrong}), encoding="utf-8")
        return path

    return write


def run(*command: Any, **environ: str) -> str:
    """Run a command that must fail; return what it says."""
    clean = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL", "MAIL_URL")}
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        env={**clean, **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "Traceback" not in said
    return said


@pytest.fixture
def a_file(tmp_path: Path) -> Path:
    """A file where a folder should be: nobody can write into it, not even root."""
    path = tmp_path / "file"
    path.touch()
    return path


def test_a_database_without_tables_is_told_with_the_command_that_makes_them(
    ini: Callable[..., Path], tmp_path: Path
) -> None:
    path = ini(database=f"sqlite:///{tmp_path}/new.sqlite")

    said = run("pserve", path)

    assert said.startswith("The database has no tables of the shop")
    assert said.endswith(f"Run: shopapp -c {path} db upgrade\n")
    assert "db upgrade" in run("shopapp", "-c", path, "serve")
    assert "db upgrade" in run("shopapp", "-c", path, "db", "demo")


def test_older_tables_are_told_with_the_command_that_renews_them(ini: Callable[..., Path], database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0003'")

    assert run("pserve", ini()).startswith("The database is at migration 0003, not ")


def test_to_upgrade_a_database_that_is_newer_is_refused(ini: Callable[..., Path], database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    assert "it is newer, and there is nothing to upgrade" in run("shopapp", "-c", ini(), "db", "upgrade")


@pytest.mark.parametrize("command", [["pserve", "{}"], ["shopapp", "-c", "{}", "db", "upgrade"]], ids=" ".join)
def test_a_folder_of_the_database_that_cannot_be_made_is_named(
    ini: Callable[..., Path], a_file: Path, command: list[str]
) -> None:
    path = ini(database=f"sqlite:///{a_file}/shop.sqlite")

    said = run(*[word.format(path) for word in command])

    assert f"The folder of the database, {a_file}, cannot be made" in said
    assert "shop.database_url" in said


def test_a_database_that_cannot_be_opened_is_told(ini: Callable[..., Path], tmp_path: Path) -> None:
    said = run("pserve", ini(database=f"sqlite:///{tmp_path}"))

    assert "unable to open database file" in said
    assert "may this user write to that file and its folder?" in said


@pytest.mark.parametrize("command", [["pserve", "{}"], ["shopapp", "-c", "{}", "db", "upgrade"]], ids=" ".join)
def test_a_driver_that_is_missing_is_told_with_the_command_that_installs_it(
    ini: Callable[..., Path], tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "psycopg.py").write_text("raise ModuleNotFoundError(\"No module named 'psycopg'\", name='psycopg')")
    path = ini(database="postgresql://shop@127.0.0.1:1/shop")

    said = run(*[word.format(path) for word in command], PYTHONPATH=str(tmp_path))

    assert "No module named 'psycopg'" in said
    assert "pip install 'shopapp[postgresql]'" in said


@pytest.mark.parametrize("command", [["pserve", "{}"], ["shopapp", "-c", "{}", "sessions", "count"]], ids=" ".join)
def test_a_folder_of_the_embedded_server_that_cannot_be_made_is_named(
    ini: Callable[..., Path], a_file: Path, command: list[str]
) -> None:
    said = run(*[word.format(ini(redis=f"embedded:{a_file}/valkey")) for word in command])

    assert f"cannot run a Valkey server in {a_file}/valkey" in said


def test_a_folder_for_numbers_that_cannot_be_written_to_is_named(ini: Callable[..., Path], a_file: Path) -> None:
    path = ini(more=f"metrics.folder = {a_file}/numbers")

    for said in (run("pserve", path), run("shopapp", "-c", path, "mail", "send")):
        assert f"metrics.folder = {a_file}/numbers cannot be written to (Not a directory)." in said


def test_a_folder_for_mail_that_cannot_be_written_to_is_named(a_file: Path) -> None:
    with pytest.raises(CannotStartError, match=r"The folder for mail, .*/file/mail, cannot be written to .* mail\.url"):
        check_mail_folder(MailSettings(url=f"folder:{a_file}/mail"))


def test_a_port_in_use_is_told(ini: Callable[..., Path], taken: int) -> None:
    path = ini(port=taken)

    assert run("pserve", path).startswith(f"Cannot listen at 127.0.0.1:{taken}: Address already in use.")
    assert f"Cannot listen at 127.0.0.1, port {taken}" in run("shopapp", "-c", path, "serve")


def test_a_key_that_waitress_does_not_have_is_told(ini: Callable[..., Path]) -> None:
    path = ini()
    path.write_text(path.read_text().replace("listen =", "listn ="))

    assert "Unknown adjustment 'listn'" in run("pserve", path)


def test_all_mistakes_in_the_settings_are_told_at_once_and_nothing_else(ini: Callable[..., Path]) -> None:
    lines = run("pserve", ini(more="shop.locale = xx\nshop.terms = /no/where")).splitlines()

    assert [line.partition(" ")[0] for line in lines] == ["shop.locale", "shop.terms"]


def test_an_ini_that_is_not_there_or_is_none_is_told_by_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "shop.ini"
    assert f"there is no file {path}" in run("shopapp", "-c", path, "db", "upgrade")

    path.write_text("rubbish")
    assert f"{path} cannot be read" in run("shopapp", "-c", path, "db", "upgrade")

    path.write_text("[app:shop]\nuse = egg:shopapp\n")
    assert f"there is no section [app:main] in {path}" in run("shopapp", "-c", path, "db", "upgrade")


def test_alembic_says_it_without_a_traceback_too(ini: Callable[..., Path], a_file: Path) -> None:
    path = ini(database=f"sqlite:///{a_file}/shop.sqlite")
    path.write_text(f"{path.read_text()}\n[alembic]\nscript_location = shopapp:migrations\n")

    assert "FAILED: The folder of the database" in run("alembic", "-c", path, "current")


def test_a_cluster_that_is_away_is_told(ini: Callable[..., Path]) -> None:
    said = run("pserve", ini(redis="redis+cluster://127.0.0.1:1"))

    assert "Redis Cluster cannot be connected" in said
    assert "redis.sessions.redis_url" in said


@pytest.mark.parametrize(
    ("away", "line"),
    [
        ({"database": "postgresql://shop@127.0.0.1:1/shop"}, "ERROR database_not_ready "),
        ({"redis": "redis://127.0.0.1:1"}, "ERROR store_unavailable "),
    ],
    ids=["database", "redis"],
)
def test_what_comes_back_by_itself_is_told_and_waited_for(
    ini: Callable[..., Path], away: dict[str, str], line: str
) -> None:
    start = "import sys; from pyramid import paster; paster.setup_logging(sys.argv[1]); paster.get_app(sys.argv[1])"
    command = [sys.executable, "-c", start, ini(**away)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)

    (said,) = done.stderr.splitlines()
    assert said.startswith(line)
    assert said.endswith("right?")


PRODUCTION = Settings(sessions=None, shop=ShopSettings(production=True), mail=MailSettings())


def test_what_is_not_fit_for_the_public_is_told_in_production_alone() -> None:
    examples, url, sender, folder = unfit_for_public(PRODUCTION, ["imprint", "terms"])

    assert examples.startswith("shop.imprint, shop.terms: people are shown our example texts")
    assert url.startswith("shop.url is not written")
    assert sender.startswith("mail.sender is an example")
    assert folder.startswith("mail.url is a folder")
    development = Settings(sessions=None, shop=ShopSettings(), mail=MailSettings())
    assert unfit_for_public(development, ["imprint", "terms"]) == []


def test_an_address_out_of_the_example_ini_is_told() -> None:
    shop = ShopSettings(production=True, url="https://shop.example")
    mail = MailSettings(url="smtp://mail.example.org", sender="Shop <shop@example.org>")

    (line,) = unfit_for_public(Settings(sessions=None, shop=shop, mail=mail), [])

    assert line.startswith("shop.url is https://shop.example, an example")


def test_a_shop_that_is_fit_for_the_public_is_told_nothing() -> None:
    shop = ShopSettings(production=True, url="https://shop.example.org")
    mail = MailSettings(url="smtp://mail.example.org", sender="Shop <shop@example.org>")
    settings = Settings(sessions=None, shop=shop, mail=mail)

    assert unfit_for_public(settings, []) == []
