from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session
from webtest import TestApp

from shopapp.accounts.models import User
from shopapp.accounts.passwords import verify_password
from shopapp.catalog.models import Product
from shopapp.cli import cli
from shopapp.db import create_engine_from
from shopapp.settings.shop import ShopSettings
from shopapp.testing import TEST_SECRET, ObservedRedis
from shopapp.testing.shop import JSON, log_in

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
    """An ini that is all a shop's database needs. There is no Redis."""
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
        assert "shop.database_url" in result.stderr
        assert "hidden" not in result.output

    def test_a_trigger_that_is_missing_is_told_with_the_way_to_get_it_back(self, shop: Shop, engine: Engine):
        with engine.begin() as connection:
            connection.execute(text("DROP TRIGGER product_is_found"))

        result = shop("db", "upgrade")

        assert result.exit_code == 1
        assert "product_is_found" in result.stderr
        assert "downgrade 0002" in result.stderr
        assert "up to date" not in result.output

    def test_a_migration_that_fails_is_not_told_to_run_migrations(self, shop: Shop, engine: Engine):
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
            connection.execute(text('DROP TABLE "user"'))

        result = shop("db", "upgrade")

        assert result.exit_code == 1
        assert result.stderr == "Error: no such table: user\n"


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
        result = shop("user", "add", "Ann@Example.com", "Ann Lee", typed="copper kettle\ncopper kettle\n")

        assert result.exit_code == 0
        assert "copper kettle" not in result.output
        with Session(engine) as dbsession:
            user = dbsession.scalars(select(User)).one()
        assert (user.email, user.name) == ("ann@example.com", "Ann Lee")
        assert verify_password(user.password_hash, "copper kettle")

    def test_a_short_password_or_another_the_second_time_is_asked_for_again(self, shop: Shop, engine: Engine):
        typed = ["seven77", "copper kettle", "other words", "walnut plume", "walnut plume"]
        result = shop("user", "add", "ann@example.com", "Ann", typed="\n".join([*typed, ""]))

        assert result.exit_code == 0
        assert "8 characters" in result.output
        with Session(engine) as dbsession:
            assert verify_password(dbsession.scalars(select(User.password_hash)).one(), "walnut plume")

    def test_an_address_gets_one_account(self, shop: Shop, engine: Engine):
        shop("user", "add", "ann@example.com", "Ann", typed="copper kettle\ncopper kettle\n")
        result = shop("user", "add", "ANN@example.com", "Other Ann", typed="copper kettle\ncopper kettle\n")

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


class TestSessions:
    """On the Redis and the database of a shop that is open."""

    @pytest.fixture(autouse=True)
    def open_shop(self, ini: Path, shop_settings: dict[str, Any], shop_valkey: str) -> None:
        ini.write_text(
            f"[app:main]\nshop.database_url = {shop_settings['shop.database_url']}\n"
            f"redis.sessions.secret = {TEST_SECRET}\nredis.sessions.redis_url = {shop_valkey}\n"
        )

    def test_a_persons_sessions_are_listed(self, shop: Shop, customer: TestApp, new_visitor: Callable[[], TestApp]):
        other = new_visitor()
        other.extra_environ.update({"HTTP_USER_AGENT": "curl/8.5.0", "REMOTE_ADDR": "198.51.100.7"})
        log_in(other)

        result = shop("sessions", "list", " Demo@Example.com")

        handles = {each["handle"] for each in customer.get("/account/sessions", headers=JSON).json["sessions"]}
        lines = result.stdout.splitlines()
        assert result.exit_code == 0
        assert {line.split()[0] for line in lines} == handles
        assert [line for line in lines if line.endswith("198.51.100.7  curl")]
        assert [line for line in lines if line.endswith("192.0.2.1  Unknown device")]

    def test_who_has_none_has_none(self, shop: Shop, shop_redis: ObservedRedis):
        assert shop("sessions", "list", "demo@example.com").stdout == "No sessions.\n"

    def test_all_sessions_of_a_person_end_and_no_other(
        self, shop: Shop, customer: TestApp, new_visitor: Callable[[], TestApp]
    ):
        second, stranger = new_visitor(), new_visitor()
        log_in(second)
        stranger.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)

        result = shop("sessions", "end", "demo@example.com")

        assert (result.exit_code, result.stdout) == (0, "Sessions ended: 2.\n")
        customer.get("/account", headers=JSON, status=401)
        second.get("/account", headers=JSON, status=401)
        assert stranger.get("/cart", headers=JSON).json["count"] == 1

    def test_the_sessions_end_too_that_redis_has_lost_from_the_list(
        self, shop: Shop, customer: TestApp, shop_redis: ObservedRedis
    ):
        shop_redis.delete("session:user:1")

        assert shop("sessions", "end", "demo@example.com").exit_code == 0

        customer.get("/account", headers=JSON, status=401)

    @pytest.mark.parametrize("command", ["list", "end"])
    def test_an_address_without_an_account_is_told(self, shop: Shop, command: str):
        result = shop("sessions", command, "nobody@example.com")

        assert result.exit_code == 1
        assert "no account for nobody@example.com" in result.stderr

    def test_all_sessions_are_counted_those_of_visitors_too(
        self, shop: Shop, customer: TestApp, new_visitor: Callable[[], TestApp]
    ):
        new_visitor().post("/cart/items", {"sku": "brass-pen"}, headers=JSON)
        new_visitor().get("/")

        assert shop("sessions", "count").stdout == "Sessions: 2.\n"

    def test_clear_ends_all_after_asking_and_nothing_else_goes(
        self, shop: Shop, customer: TestApp, shop_redis: ObservedRedis
    ):
        customer.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)
        shop_redis.set("other", "thing")

        refused = shop("sessions", "clear", typed="n\n")
        assert refused.exit_code == 1
        customer.get("/account", headers=JSON, status=200)

        result = shop("sessions", "clear", typed="y\n")
        assert result.exit_code == 0
        assert "Sessions ended: 1." in result.stdout
        customer.get("/account", headers=JSON, status=401)
        assert not shop_redis.keys("session:*")
        assert shop_redis.get("other") == b"thing"
        log_in(customer)
        assert customer.get("/cart", headers=JSON).json["count"] == 1

    def test_clear_need_not_ask(self, shop: Shop, customer: TestApp):
        assert shop("sessions", "clear", "--yes").stdout == "Sessions ended: 1.\n"

    def test_a_prefix_is_taken_literally(self, shop: Shop, ini: Path, customer: TestApp):
        ini.write_text(f"{ini.read_text()}redis.sessions.prefix = ?[s]*:\n")

        assert shop("sessions", "count").stdout == "Sessions: 0.\n"
        assert shop("sessions", "clear", "--yes").stdout == "Sessions ended: 0.\n"
        customer.get("/account", headers=JSON, status=200)

    @pytest.mark.parametrize("arguments", [("list", "demo@example.com"), ("count",), ("clear", "--yes")])
    def test_a_redis_that_is_away_is_explained(self, shop: Shop, ini: Path, shop_valkey: str, arguments: list[str]):
        ini.write_text(ini.read_text().replace(shop_valkey, "redis://:hidden@127.0.0.1:1/0"))

        result = shop("sessions", *arguments)

        assert result.exit_code == 1
        assert "redis.sessions.redis_url" in result.stderr
        assert "hidden" not in result.output
        assert "Traceback" not in result.output
