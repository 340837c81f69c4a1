import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from shopapp import migrations
from shopapp.catalog.search import search_products
from shopapp.catalog.store import list_categories
from shopapp.db import Base, create_engine_from
from shopapp.migrations import ADVISORY_LOCK, SEARCH_TABLES
from shopapp.settings.shop import ShopSettings

TABLES = {
    "account_link",
    "alembic_version",
    "cart_copy",
    "catalogue",
    "category",
    "letter",
    "order",
    "order_line",
    "product",
    "product_count",
    "user",
}


@pytest.fixture
def engine(each_database_url: str) -> Iterator[Engine]:
    """An engine on an empty database."""
    engine = create_engine_from(ShopSettings(database_url=each_database_url))
    yield engine
    engine.dispose()


@pytest.fixture
def ini(each_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ini as developers have it, for the same database."""
    monkeypatch.delenv("DATABASE_URL", raising=False)  # it would win over the ini
    path = tmp_path / "shop.ini"
    path.write_text(
        "[app:main]\nuse = egg:shopapp\nredis.sessions.secret = for-this-test-alone\n"
        f"shop.database_url = {each_database_url}\n"
        "[alembic]\nscript_location = shopapp:migrations\npath_separator = os\n"
    )
    return path


def upgrade(engine: Engine) -> None:
    with engine.connect() as connection:
        migrations.upgrade(connection)


def tables(engine: Engine) -> set[str]:
    names = set(inspect(engine).get_table_names())
    return {name for name in names if not name.startswith(SEARCH_TABLES)}


def test_the_migrations_make_the_tables_of_the_models(engine: Engine):
    upgrade(engine)

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_server_default": True, "include_name": include_name}
        )
        assert compare_metadata(context, Base.metadata) == []
    assert tables(engine) == TABLES


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and name and name.startswith(SEARCH_TABLES))


@pytest.mark.parametrize("bad", [{"price": -1}, {"stock": -1}, {"category": 99}])
def test_the_migrated_tables_refuse_what_the_models_refuse(engine: Engine, bad: dict[str, int]):
    insert = text(
        "INSERT INTO product (sku, name, description, category_id, price, stock, image)"
        " VALUES (:sku, 'Pen', '', :category, :price, :stock, '')"
    )
    good = {"sku": "pen", "category": 1, "price": 0, "stock": 0}
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO category (id, slug, name) VALUES (1, 'desk', 'Desk')"))
        connection.execute(insert, good)

    with engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(insert, good | {"sku": "other"} | bad)


def test_upgrading_again_changes_nothing(engine: Engine):
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO category (slug, name) VALUES ('desk', 'Desk')"))

    upgrade(engine)

    with engine.connect() as connection:
        assert connection.scalar(text("SELECT name FROM category")) == "Desk"


def test_the_tables_can_be_taken_back_and_made_again(engine: Engine):
    upgrade(engine)

    with engine.connect() as connection:
        migrations.downgrade(connection, "base")
    assert tables(engine) == {"alembic_version"}

    upgrade(engine)
    assert tables(engine) == TABLES


def test_products_that_are_there_already_are_counted_and_found(engine: Engine):
    with engine.connect() as connection:
        migrations.upgrade(connection, "0003")
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO category (id, slug, name) VALUES (1, 'desk', 'Desk'), (2, 'attic', 'Attic')")
        )
        connection.execute(
            text(
                "INSERT INTO product (sku, name, description, category_id, price, stock, image)"
                " VALUES ('pen', 'Brass Pen', '', 1, 1, 1, ''), ('ink', 'Black Ink', '', 1, 1, 1, '')"
            )
        )

    upgrade(engine)

    with engine.connect() as connection:
        assert [(each.slug, each.products) for each in list_categories(connection)] == [("attic", 0), ("desk", 2)]
        assert [each.sku for each in search_products(connection, "desk brass").products] == ["pen"]
        assert search_products(connection, "brasss").searched == "brass"
        migrations.downgrade(connection, "0003")
    upgrade(engine)
    with engine.connect() as connection:
        assert [each.sku for each in search_products(connection, "black").products] == ["ink"]


def test_extensions_that_the_user_may_not_make_are_asked_of_the_databases_owner(postgresql_url: str, tmp_path: Path):
    owner = create_engine_from(ShopSettings(database_url=postgresql_url))
    with owner.begin() as connection:
        connection.execute(text("CREATE ROLE clerk LOGIN"))
        connection.execute(text("GRANT ALL ON SCHEMA public TO clerk"))
    ini = tmp_path / "shop.ini"
    url = postgresql_url.replace("postgres@", "clerk@")
    ini.write_text(
        f"[app:main]\nuse = egg:shopapp\nredis.sessions.secret = for-this-test-alone\nshop.database_url = {url}\n"
    )
    try:
        command = [Path(sys.executable).with_name("shopapp"), "--ini", ini, "db", "upgrade"]
        environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        refused = subprocess.run(command, env=environ, capture_output=True, text=True)
        assert refused.returncode == 1
        assert "Have the database's owner run: CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent;" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert tables(owner) == set()

        with owner.begin() as connection:
            connection.execute(text("CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent;"))
        assert subprocess.run(command, env=environ, capture_output=True).returncode == 0
        assert tables(owner) == TABLES
    finally:
        with owner.begin() as connection:
            connection.execute(text("DROP OWNED BY clerk; DROP ROLE clerk"))
        owner.dispose()


def test_a_migration_that_fails_half_way_leaves_nothing_behind(engine: Engine):
    with engine.begin() as connection:
        connection.execute(text('CREATE TABLE "user" (id INTEGER)'))

    with pytest.raises(DatabaseError):
        upgrade(engine)

    assert tables(engine) == {"user"}


def test_an_upgrade_waits_for_its_turn(engine: Engine):
    if engine.dialect.name == "sqlite":
        take_lock, stop_waiting = "BEGIN IMMEDIATE", "PRAGMA busy_timeout = 100"
    else:
        take_lock, stop_waiting = f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})", "SET lock_timeout = 100"

    with engine.connect() as other, engine.connect() as connection:
        connection.execute(text(stop_waiting))
        connection.commit()
        other.execute(text(take_lock))
        with pytest.raises(OperationalError):
            migrations.upgrade(connection)
        connection.rollback()
        other.rollback()
        migrations.upgrade(connection)

    assert tables(engine) == TABLES


def test_several_processes_may_upgrade_at_once(engine: Engine, ini: Path):
    command = [Path(sys.executable).with_name("shopapp"), "--ini", ini, "db", "upgrade"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(4)]

    answers = [process.communicate()[0] for process in processes]

    assert [process.returncode for process in processes] == [0, 0, 0, 0], answers
    assert tables(engine) == TABLES


def test_alembics_own_command_works_with_the_ini_of_the_app(engine: Engine, ini: Path):
    def alembic(*arguments: str) -> str:
        command = [sys.executable, "-m", "alembic", "-c", ini, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    alembic("upgrade", "head")

    assert "No new upgrade operations detected" in alembic("check")
    assert tables(engine) == TABLES


def test_alembics_own_check_tells_a_trigger_that_is_missing(engine: Engine, ini: Path):
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text(f"DROP TRIGGER product_is_found{' ON product' * (engine.name == 'postgresql')}"))

    checked = subprocess.run([sys.executable, "-m", "alembic", "-c", ini, "check"], capture_output=True, text=True)

    assert checked.returncode != 0
    assert "missing or disabled: product_is_found." in checked.stdout + checked.stderr
    assert "Traceback" not in checked.stderr
