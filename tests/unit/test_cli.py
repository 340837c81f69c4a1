from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from shopapp.accounts.models import User
from shopapp.accounts.passwords import verify_password
from shopapp.catalog.models import Product
from shopapp.cli import cli
from shopapp.db import create_engine_from
from shopapp.settings import ShopSettings

SECRET = "dGhpcyBvbmUgaXMgb25seSBmb3IgdGVzdHMgLSBub3RoaW5nIGVsc2UgMTIz"
PRODUCTION = f"""
shop.production = true
redis.sessions.secret = {SECRET}
redis.sessions.cookie_secure = true
redis.sessions.cookie_name = __Host-session
"""

Shop = Callable[..., Result]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/var/shop.sqlite"


@pytest.fixture
def ini(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ini that is all a shop needs. There is no Redis."""
    for name in ("DATABASE_URL", "SESSION_SECRET", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "shop.ini"
    path.write_text(f"[app:main]\nshop.database_url = {database_url}\nredis.sessions.secret = {SECRET}\n")
    return path


@pytest.fixture
def shop(ini: Path) -> Shop:
    """Run the command with that ini."""

    def run(*arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(cli, ["--ini", str(ini), *arguments], input=typed)

    return run


@pytest.fixture
def engine(database_url: str, shop: Shop) -> Iterator[Engine]:
    """The database of that ini, with its tables."""
    assert shop("db", "upgrade").exit_code == 0
    engine = create_engine_from(ShopSettings(database_url=database_url))
    yield engine
    engine.dispose()


class TestDatabase:
    def test_upgrade_and_demo_make_a_shop_and_may_run_again(self, shop: Shop, engine: Engine):
        first, second = shop("db", "demo"), shop("db", "demo")

        assert (first.exit_code, second.exit_code) == (0, 0)
        assert "Products added: 24. Accounts added: 1." in first.stdout
        assert "Products added: 0. Accounts added: 0." in second.stdout
        assert "demo@example.com" in first.stdout
        with Session(engine) as dbsession:
            assert dbsession.scalar(select(func.count(Product.id))) == 24

    def test_the_demo_stays_out_of_production(self, shop: Shop, engine: Engine, ini: Path):
        ini.write_text(f"[app:main]\nshop.database_url = {engine.url}\n{PRODUCTION}")

        result = shop("db", "demo")

        assert result.exit_code == 1
        assert "production" in result.stderr
        with Session(engine) as dbsession:
            assert dbsession.scalar(select(func.count(User.id))) == 0

    def test_a_database_without_tables_is_explained(self, shop: Shop):
        result = shop("db", "demo")

        assert result.exit_code == 1
        assert "shopapp db upgrade" in result.stderr
        assert "Traceback" not in result.output

    def test_a_database_that_is_away_is_explained(self, shop: Shop, ini: Path):
        ini.write_text(
            f"[app:main]\nredis.sessions.secret = {SECRET}\n"
            "shop.database_url = postgresql://shop:hidden@127.0.0.1:1/shop\n"
        )

        result = shop("db", "upgrade")

        assert result.exit_code == 1
        assert "127.0.0.1" in result.stderr
        assert "hidden" not in result.output


class TestSettings:
    def test_every_mistake_in_the_settings_is_told_at_once(self, shop: Shop, ini: Path):
        ini.write_text("[app:main]\nshop.page_size = many\nshop.currency = GOLD\n")

        result = shop("db", "upgrade")

        assert result.exit_code == 2
        assert result.stdout == ""
        lines = result.stderr.splitlines()
        for key in ("shop.page_size", "shop.currency", "redis.sessions.secret"):
            assert [line for line in lines if line.startswith(key)]

    def test_a_missing_ini_is_told(self, tmp_path: Path):
        result = CliRunner().invoke(cli, ["--ini", str(tmp_path / "no.ini"), "db", "upgrade"])

        assert result.exit_code == 2
        assert "no.ini" in result.stderr

    def test_help_needs_no_ini(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.chdir(tmp_path)

        assert "upgrade" in CliRunner().invoke(cli, ["db", "--help"]).stdout


class TestUser:
    def test_an_account_is_added_with_the_password_typed_twice(self, shop: Shop, engine: Engine):
        result = shop("user", "add", "Ann@Example.com", "Ann Lee", typed="long enough\nlong enough\n")

        assert result.exit_code == 0
        assert "long enough" not in result.output
        with Session(engine) as dbsession:
            user = dbsession.scalars(select(User)).one()
        assert (user.email, user.name) == ("ann@example.com", "Ann Lee")
        assert verify_password(user.password_hash, "long enough")

    def test_a_short_password_or_another_the_second_time_is_asked_for_again(self, shop: Shop, engine: Engine):
        typed = ["seven77", "long enough", "other words", "good words", "good words"]
        result = shop("user", "add", "ann@example.com", "Ann", typed="\n".join([*typed, ""]))

        assert result.exit_code == 0
        assert "8 characters" in result.output
        with Session(engine) as dbsession:
            assert verify_password(dbsession.scalars(select(User.password_hash)).one(), "good words")

    def test_an_address_gets_one_account(self, shop: Shop, engine: Engine):
        shop("user", "add", "ann@example.com", "Ann", typed="long enough\nlong enough\n")
        result = shop("user", "add", "ANN@example.com", "Other Ann", typed="long enough\nlong enough\n")

        assert result.exit_code == 1
        assert "has an account already" in result.stderr
        with Session(engine) as dbsession:
            assert dbsession.scalars(select(User.name)).all() == ["Ann"]

    @pytest.mark.parametrize(
        ("email", "name"),
        [
            ("ann", "Ann"),
            ("ann@", "Ann"),
            ("a b@c", "Ann"),
            ("a@" + "b" * 253, "Ann"),
            ("a@b", " "),
            ("a@b", "A" * 201),
        ],
    )
    def test_an_account_that_cannot_be_is_refused_before_the_password_is_asked(
        self, shop: Shop, engine: Engine, email: str, name: str
    ):
        result = shop("user", "add", email, name)

        assert result.exit_code == 2
        assert "Password" not in result.output
