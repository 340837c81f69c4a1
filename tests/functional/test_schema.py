"""A migration that alters a table keeps its triggers or is refused. What the shop expects is what migrations make."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import indent

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError, IntegrityError

from shopapp import migrations, schema
from shopapp.catalog.search import search_products
from shopapp.catalog.store import catalogue_version, list_categories
from shopapp.db import create_engine_from
from shopapp.schema import SchemaError, check_schema
from shopapp.settings.shop import ShopSettings

MIGRATION = """
import sqlalchemy as sa
from alembic import op

from shopapp.migrations.triggers import kept_triggers

revision = "9999"
down_revision = "{newest}"

CHECKS = [
    sa.CheckConstraint("price >= 0", name=op.f("ck_product_price_not_negative")),
    sa.CheckConstraint("stock >= 0", name=op.f("ck_product_stock_not_negative")),
]


def upgrade() -> None:
{upgrade}


def downgrade() -> None:
{downgrade}
"""
BATCH = 'op.batch_alter_table("product", table_args=CHECKS) as table'
ALTER = '    table.alter_column("name", existing_type=sa.String({}), type_=sa.String({}))'
LONGER, SHORTER = ALTER.format(200, 300), ALTER.format(300, 200)
ALTERED = {
    "upgrade": f"with kept_triggers(), {BATCH}:\n{LONGER}",
    "downgrade": f"with kept_triggers(), {BATCH}:\n{SHORTER}",
}


def on(database: str) -> pytest.MarkDecorator:
    """Have a test run on one of the databases only."""
    return pytest.mark.parametrize("each_migrated_url", [database], indirect=True)


Write = Callable[..., None]


@pytest.fixture
def engine(each_migrated_url: str) -> Iterator[Engine]:
    """An engine on a database that is up to date, with a pen and some ink."""
    engine = create_engine_from(ShopSettings(database_url=each_migrated_url))
    run(engine, "INSERT INTO category (id, slug, name) VALUES (1, 'desk', 'Desk'), (2, 'attic', 'Attic')")
    add(engine, "Pen", "Ink")
    yield engine
    engine.dispose()


@pytest.fixture
def write_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """A function that adds a migration, by the code of its two functions."""
    newest, make_config = schema.REVISION, migrations._config

    def with_it(connection: object) -> Config:
        config = make_config(connection)
        folders = [str(Path(migrations.__file__).parent / "versions"), str(tmp_path)]
        config.set_main_option("version_locations", os.pathsep.join(folders))
        return config

    def write(upgrade: str, downgrade: str = "pass") -> None:
        code = MIGRATION.format(newest=newest, upgrade=indent(upgrade, "    "), downgrade=indent(downgrade, "    "))
        (tmp_path / "9999_test.py").write_text(code)

    monkeypatch.setattr(migrations, "_config", with_it)
    monkeypatch.setattr(schema, "REVISION", "9999")
    return write


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def add(engine: Engine, *names: str) -> None:
    for name in names:
        run(
            engine,
            "INSERT INTO product (sku, name, description, category_id, price, stock, image)"
            f" VALUES ('{name.lower()}', '{name}', '', 1, 1, 1, '')",
        )


def upgrade(engine: Engine) -> None:
    with engine.connect() as connection:
        migrations.upgrade(connection)


def triggers(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(text(schema.FIND_TRIGGERS[engine.dialect.name])))


def revision(engine: Engine) -> str:
    with engine.connect() as connection:
        return connection.scalar(text("SELECT version_num FROM alembic_version"))


def name_length(engine: Engine) -> int:
    return {each["name"]: each["type"] for each in inspect(engine).get_columns("product")}["name"].length


def version(engine: Engine) -> int:
    with engine.connect() as connection:
        return catalogue_version(connection)


def assert_all_follows(engine: Engine) -> None:
    """Version, counts and search follow what is done to products and categories."""
    before = version(engine)
    run(engine, "UPDATE product SET stock = 3 WHERE sku = 'ink'")
    assert version(engine) > before
    add(engine, "Stapler")
    run(engine, "UPDATE product SET name = 'Fountain' WHERE sku = 'pen'")
    run(engine, "UPDATE category SET name = 'Bureau' WHERE id = 1", "DELETE FROM product WHERE sku = 'ink'")
    with engine.connect() as connection:
        assert {each.slug: each.products for each in list_categories(connection)} == {"desk": 2, "attic": 0}
        for words in ("stapler", "fountain", "bureau stapler"):
            assert search_products(connection, words).searched == words
            assert search_products(connection, words).products
    run(engine, "UPDATE product SET name = 'Pen' WHERE sku = 'pen'", "DELETE FROM product WHERE sku = 'stapler'")
    run(engine, "UPDATE category SET name = 'Desk' WHERE id = 1")
    add(engine, "Ink")


def test_what_the_shop_expects_is_what_the_migrations_make(engine: Engine):
    assert triggers(engine) == schema.TRIGGERS[engine.dialect.name]
    assert revision(engine) == schema.REVISION


def test_revisions_are_numbers_so_that_older_ones_can_be_told():
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")

    names = [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()][::-1]

    assert names == [f"{number:04}" for number in range(1, len(names) + 1)]
    assert names[-1] == schema.REVISION


def test_a_migration_that_alters_a_table_keeps_the_triggers_and_so_does_its_way_back(
    engine: Engine, write_migration: Write
):
    write_migration(**ALTERED)
    before = version(engine)

    upgrade(engine)
    assert (name_length(engine), revision(engine)) == (300, "9999")
    assert triggers(engine) == schema.TRIGGERS[engine.dialect.name]
    assert version(engine) > before
    assert_all_follows(engine)
    with pytest.raises(IntegrityError):
        run(engine, "UPDATE product SET price = -1")

    with engine.connect() as connection:
        migrations.downgrade(connection, "0007")
    assert (name_length(engine), revision(engine)) == (200, "0007")
    assert triggers(engine) == schema.TRIGGERS[engine.dialect.name]
    assert_all_follows(engine)


def test_a_table_that_others_refer_to_can_be_altered(engine: Engine, write_migration: Write):
    write_migration(
        'with kept_triggers(), op.batch_alter_table("category") as table:\n'
        '    table.alter_column("name", existing_type=sa.String(100), type_=sa.String(120))'
    )

    upgrade(engine)

    assert_all_follows(engine)
    with pytest.raises(IntegrityError):
        run(engine, "DELETE FROM category WHERE id = 1")


def test_without_kept_triggers_it_is_refused_and_says_what_to_do(engine: Engine, write_migration: Write):
    write_migration(f"with {BATCH}:\n{LONGER}")

    with pytest.raises(DatabaseError if engine.dialect.name == "postgresql" else SchemaError) as refused:
        upgrade(engine)

    assert "kept_triggers()" in str(refused.value) or "used in a trigger definition" in str(refused.value)
    assert (name_length(engine), revision(engine)) == (200, "0007")
    assert_all_follows(engine)


def test_a_migration_that_loses_a_trigger_is_refused_and_rolled_back(engine: Engine, write_migration: Write):
    on = " ON product" if engine.dialect.name == "postgresql" else ""
    write_migration(f'op.execute("DROP TRIGGER product_is_counted{on}")\nop.execute("CREATE TABLE extra (id INTEGER)")')

    with pytest.raises(SchemaError, match=r"missing or disabled: product_is_counted\. .*kept_triggers"):
        upgrade(engine)

    assert revision(engine) == "0007"
    assert not inspect(engine).has_table("extra")
    assert_all_follows(engine)


def test_a_migration_that_the_shop_was_not_told_of_is_refused(
    engine: Engine, write_migration: Write, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(schema, "REVISION", "0007")
    write_migration("pass")

    with pytest.raises(SchemaError, match=r"9999.*schema\.py says 0007"):
        upgrade(engine)

    assert revision(engine) == "0007"


@on("sqlite")  # PostgreSQL's functions know rows alone
def test_a_trigger_that_names_a_column_that_is_gone_is_refused(engine: Engine, write_migration: Write):
    write_migration(f'with kept_triggers(), {BATCH}:\n    table.drop_column("description")')

    with pytest.raises(SchemaError, match="no such column"):
        upgrade(engine)

    assert_all_follows(engine)


def test_rows_are_changed_before_or_after_the_block_and_are_found(engine: Engine, write_migration: Write):
    rename = "op.execute(\"UPDATE product SET name = '{}' WHERE sku = '{}'\")\n"
    write_migration(f"{rename.format('Quill', 'pen')}{ALTERED['upgrade']}\n{rename.format('Blotter', 'ink')}")

    upgrade(engine)

    with engine.connect() as connection:
        for words in ("quill", "blotter"):
            assert len(search_products(connection, words).products) == 1
    run(engine, "UPDATE product SET name = 'Ink' WHERE sku = 'ink'")
    assert_all_follows(engine)


def test_a_migration_that_leaves_rows_without_their_category_is_refused(engine: Engine, write_migration: Write):
    write_migration('op.execute("DELETE FROM category WHERE id = 1")')

    with pytest.raises((SchemaError, IntegrityError)):
        upgrade(engine)

    with pytest.raises(IntegrityError):  # and SQLite looks after it again
        run(engine, "DELETE FROM category WHERE id = 1")


def test_lost_triggers_are_told_and_are_made_again_by_the_way_that_is_told(engine: Engine):
    on = " ON product" if engine.dialect.name == "postgresql" else ""
    run(engine, f"DROP TRIGGER product_is_counted{on}", f"DROP TRIGGER product_is_found{on}")
    add(engine, "Stapler")

    with pytest.raises(SchemaError, match="product_is_counted, product_is_found"):
        upgrade(engine)
    with engine.connect() as connection:
        migrations.downgrade(connection, "0002")
    upgrade(engine)

    with engine.connect() as connection:
        assert {each.slug: each.products for each in list_categories(connection)} == {"desk": 3, "attic": 0}
        assert search_products(connection, "stapler").products
    run(engine, "DELETE FROM product WHERE sku = 'stapler'")
    assert_all_follows(engine)


class TestCheck:
    def test_it_costs_two_statements(self, engine: Engine):
        statements: list[str] = []
        event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))

        with engine.connect() as connection:
            check_schema(connection)

        assert len(statements) == 2

    def test_an_old_database_is_told(self, engine: Engine):
        with engine.connect() as connection:
            migrations.downgrade(connection, "0006")

        with engine.connect() as connection, pytest.raises(SchemaError, match=r"0006, not 0007\. Run: shopapp db up"):
            check_schema(connection)

    def test_a_newer_one_is_fine_or_no_old_process_would_serve_while_the_shop_is_upgraded(self, engine: Engine):
        run(engine, "UPDATE alembic_version SET version_num = '0008'", "DROP TABLE product")

        with engine.connect() as connection:
            check_schema(connection)

    def test_a_database_that_was_never_upgraded_is_told(self, engine: Engine):
        run(engine, "DELETE FROM alembic_version")

        with engine.connect() as connection, pytest.raises(SchemaError, match="at migration None"):
            check_schema(connection)

    @on("postgresql")  # SQLite can disable none
    def test_a_trigger_that_is_disabled_is_as_bad_as_none(self, engine: Engine):
        run(engine, "ALTER TABLE product DISABLE TRIGGER product_is_counted")

        with engine.connect() as connection, pytest.raises(SchemaError, match="disabled: product_is_counted"):
            check_schema(connection)


@pytest.mark.parametrize(
    ("statement", "upgrading", "advice"),
    [
        ("SELECT * FROM nowhere", False, "Has `shopapp db upgrade` been run?"),
        ("SELECT absent FROM product", False, "Has `shopapp db upgrade` been run?"),
        ("SELECT * FROM nowhere", True, ""),
        ("SELECT FROM WHERE", False, ""),
    ],
)
def test_advice_is_given_where_it_helps(engine: Engine, statement: str, upgrading: bool, advice: str):
    with engine.connect() as connection, pytest.raises(DatabaseError) as error:
        connection.execute(text(statement))

    assert schema.advice_on(error.value, upgrading=upgrading) == advice


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all", "postgresql+psycopg://shop@127.0.0.1:1/shop"])
def test_a_database_that_is_away_gets_advice(url: str):
    with pytest.raises(DatabaseError) as error:
        create_engine(url).connect()

    assert "shop.database_url" in schema.advice_on(error.value)
