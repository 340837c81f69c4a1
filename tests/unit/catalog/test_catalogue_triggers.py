"""What the database keeps of the catalogue by itself: version, counts and search. All changes are plain SQL."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from shopapp.catalog.search import search_products
from shopapp.catalog.store import catalogue_version, list_categories, list_products


def on(database: str) -> pytest.MarkDecorator:
    """Have a test run on one of the databases only."""
    return pytest.mark.parametrize("each_migrated_url", [database], indirect=True)


INSERT = (
    "INSERT INTO product (sku, name, description, category_id, price, stock, image)"
    " VALUES (:sku, :name, :description, :category, 100, 5, '')"
)


def run(engine: Engine, *statements: str) -> None:
    """Run them in one transaction."""
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def add(engine: Engine, *names: str, category: int = 1, description: str = "Plain.") -> None:
    rows = [{"sku": name.lower(), "name": name, "description": description, "category": category} for name in names]
    with engine.begin() as connection:
        connection.execute(text(INSERT), rows)


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        found = {each.slug: each.products for each in list_categories(connection)}
        assert list_products(connection).total == sum(found.values())
    return found


def found(engine: Engine, q: str, category: str = "") -> list[str]:
    with engine.connect() as connection:
        page = search_products(connection, q, category)
    return sorted(product.sku for product in page.products) if page.searched == q else []


def version(engine: Engine) -> int:
    with engine.connect() as connection:
        return catalogue_version(connection)


@pytest.fixture(autouse=True)
def shelves(engine: Engine) -> None:
    """Two categories, and a mug and a kettle in the first."""
    run(engine, "INSERT INTO category (id, slug, name) VALUES (1, 'kitchen', 'Kitchen'), (2, 'garden', 'Garden')")
    add(engine, "Mug", "Kettle")


CHANGES = [
    "UPDATE product SET stock = stock - 1 WHERE sku = 'mug'",
    "UPDATE product SET price = 1",
    "UPDATE product SET name = 'Cup' WHERE sku = 'mug'",
    "UPDATE product SET category_id = 2 WHERE sku = 'mug'",
    "DELETE FROM product WHERE sku = 'mug'",
    "UPDATE category SET name = 'Galley' WHERE id = 1",
    "INSERT INTO category (id, slug, name) VALUES (3, 'attic', 'Attic')",
    "DELETE FROM category WHERE id = 2",
    "INSERT INTO product (sku, name, description, category_id, price, stock, image) SELECT 'x', 'X', '', 1, 1, 1, ''",
]


class TestVersion:
    @pytest.mark.parametrize("change", CHANGES)
    def test_each_change_raises_it(self, engine: Engine, change: str):
        before = version(engine)

        run(engine, change)

        assert version(engine) > before

    @pytest.mark.parametrize("change", CHANGES)
    def test_a_change_that_is_rolled_back_does_not(self, engine: Engine, change: str):
        before = version(engine), counts(engine), found(engine, "mug")

        with engine.connect() as connection:
            connection.execute(text(change))
            connection.rollback()

        assert (version(engine), counts(engine), found(engine, "mug")) == before

    def test_it_is_seen_with_the_change_and_not_before(self, engine: Engine):
        before = version(engine)

        with engine.connect() as connection:
            connection.execute(text("UPDATE product SET price = 1"))
            assert version(engine) == before
            connection.commit()

        assert version(engine) > before


class TestCounts:
    def test_they_follow_what_is_added_moved_and_deleted(self, engine: Engine):
        assert counts(engine) == {"kitchen": 2, "garden": 0}

        add(engine, *(f"Pot {number}" for number in range(250)), category=2)
        assert counts(engine) == {"kitchen": 2, "garden": 250}

        run(
            engine,
            "UPDATE product SET category_id = 2 WHERE category_id = 1",
            "DELETE FROM product WHERE sku = 'pot 7'",
        )
        assert counts(engine) == {"kitchen": 0, "garden": 251}

        run(engine, "UPDATE product SET category_id = 1, price = 7 WHERE name LIKE 'Pot%'")
        assert counts(engine) == {"kitchen": 249, "garden": 2}

        run(engine, "DELETE FROM product")
        assert counts(engine) == {"kitchen": 0, "garden": 0}

    def test_many_statements_in_one_transaction_count_as_one_does(self, engine: Engine):
        copy = (
            "INSERT INTO product (sku, name, description, category_id, price, stock, image)"
            " SELECT '{0}-' || sku, name, description, 3 - category_id, price, stock, image FROM product"
        )
        run(engine, copy.format("a"), copy.format("b"), "DELETE FROM product WHERE sku LIKE 'b%'", copy.format("c"))

        assert counts(engine) == {"kitchen": 4, "garden": 4}

    def test_what_is_skipped_or_changed_instead_is_not_counted(self, engine: Engine):
        again = f"{INSERT} ON CONFLICT (sku) DO "
        row = {"sku": "mug", "name": "Beaker", "description": "", "category": 2}
        with engine.begin() as connection:
            connection.execute(text(f"{again} NOTHING"), row)
        assert (counts(engine), found(engine, "beaker")) == ({"kitchen": 2, "garden": 0}, [])

        with engine.begin() as connection:
            connection.execute(
                text(f"{again} UPDATE SET name = excluded.name, category_id = excluded.category_id"), row
            )
        assert (counts(engine), found(engine, "beaker")) == ({"kitchen": 1, "garden": 1}, ["mug"])

    def test_a_statement_that_is_refused_is_not_counted(self, engine: Engine):
        with pytest.raises(IntegrityError):
            add(engine, "Pot", "Mug", category=2)

        assert (counts(engine), found(engine, "pot")) == ({"kitchen": 2, "garden": 0}, [])

    def test_a_category_begins_with_none_and_takes_its_count_along(self, engine: Engine):
        run(
            engine,
            "DELETE FROM category WHERE id = 2",
            "INSERT INTO category (id, slug, name) VALUES (3, 'attic', 'Attic')",
        )

        assert counts(engine) == {"kitchen": 2, "attic": 0}

    def test_rows_of_counts_do_not_pile_up(self, engine: Engine):
        for number in range(20):
            add(engine, f"Pot {number}", category=number % 2 + 1)
            run(engine, "UPDATE product SET stock = stock + 1")

        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM product_count")) == 2

    @on("sqlite")
    def test_upserts_by_the_replace_of_sqlite_lose_nothing_from_the_search(self, engine: Engine):
        """They count too high, as the migration says."""
        run(
            engine,
            "INSERT OR REPLACE INTO product (sku, name, description, category_id, price, stock, image)"
            " VALUES ('mug', 'Beaker', '', 1, 1, 1, '')",
        )

        assert (found(engine, "beaker"), found(engine, "mug")) == (["mug"], [])


class TestSearch:
    def test_it_follows_the_text_of_a_product(self, engine: Engine):
        run(engine, "UPDATE product SET name = 'Beaker', description = 'Of tin.' WHERE sku = 'mug'")
        assert (found(engine, "mug"), found(engine, "beaker"), found(engine, "tin")) == ([], ["mug"], ["mug"])

        run(engine, "DELETE FROM product WHERE sku = 'mug'")
        assert (found(engine, "beaker"), found(engine, "plain")) == ([], ["kettle"])

    def test_it_follows_a_product_into_another_category(self, engine: Engine):
        run(engine, "UPDATE product SET category_id = 2 WHERE sku = 'mug'")

        assert (found(engine, "garden"), found(engine, "kitchen")) == (["mug"], ["kettle"])
        assert (found(engine, "mug", "garden"), found(engine, "mug", "kitchen")) == (["mug"], [])

    def test_it_follows_the_name_of_a_category(self, engine: Engine):
        run(engine, "UPDATE category SET name = 'Galley' WHERE id = 1")

        assert (found(engine, "galley"), found(engine, "kitchen")) == (["kettle", "mug"], [])
        assert found(engine, "mug", "kitchen") == ["mug"]

    def test_it_follows_a_new_id(self, engine: Engine):
        run(engine, "UPDATE product SET id = id + 1000")

        assert found(engine, "mug") == ["mug"]

    def test_new_words_can_be_corrected_to(self, engine: Engine):
        run(engine, "UPDATE product SET name = 'Teapot, Étain' WHERE sku = 'mug'")
        run(engine, "UPDATE category SET name = 'Scullery' WHERE id = 1")

        with engine.connect() as connection:
            searched = [search_products(connection, q).searched for q in ("taepot", "etian", "sculery", "kettel")]
        assert searched == ["teapot", "étain", "scullery", "kettle"]

    def test_a_change_of_stock_or_price_does_not_touch_it(self, engine: Engine):
        def state() -> list[tuple]:
            table = "product_search_data" if engine.dialect.name == "sqlite" else "product_search"
            column = "block" if engine.dialect.name == "sqlite" else "xmin::text"
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(f"SELECT {column} FROM {table}"))]

        before = state()
        run(engine, "UPDATE product SET stock = 3", "UPDATE product SET price = 3, name = name || ''")
        if engine.dialect.name == "postgresql":
            assert state() == before  # the name is the same
        before = state()
        run(engine, "UPDATE product SET stock = 4, price = 4")

        assert state() == before

    @pytest.mark.parametrize(
        "name",
        ["", " ", "'\"\\", '["a"]', "a\tb\nc", "\x01\x1f", "x" * 190, "é" * 190, "茶壶 😀", "=1 zs1", "-" * 190],
    )
    def test_any_name_and_description_can_be_stored(self, engine: Engine, name: str):
        with engine.begin() as connection:
            row = {"sku": "odd", "name": name, "description": name * 5000, "category": 1}
            connection.execute(text(INSERT), row)
            connection.execute(text("UPDATE product SET name = name || ' Oddity' WHERE sku = 'odd'"))

        assert found(engine, "oddity") == ["odd"]
        run(engine, "DELETE FROM product WHERE sku = 'odd'")
        assert found(engine, "oddity") == []


@pytest.fixture
def postgresql(engine: Engine) -> Iterator[Callable[[], psycopg.Connection]]:
    """A function that opens one more connection, in a transaction at its first statement."""
    opened: list[psycopg.Connection] = []

    def connect() -> psycopg.Connection:
        url = engine.url
        connection = psycopg.connect(host=url.query["host"], user=url.username, dbname=url.database)
        opened.append(connection)
        connection.execute("SET lock_timeout = '5s'")
        connection.commit()
        return connection

    yield connect
    for each in opened:
        each.close()


@on("postgresql")
class TestSideBySide:
    def test_two_that_change_different_products_do_not_wait_for_each_other(self, engine: Engine, postgresql):
        add(engine, "Pot", "Pan")
        one, other = postgresql(), postgresql()
        before = version(engine)
        one.execute("UPDATE product SET stock = 1 WHERE sku = 'mug'")
        other.execute("UPDATE product SET stock = 1 WHERE sku = 'kettle'")
        one.execute("UPDATE product SET stock = 2 WHERE sku = 'pot'")
        other.execute("UPDATE product SET stock = 2 WHERE sku = 'pan'")

        one.commit()
        assert version(engine) == before + 1
        other.commit()
        assert version(engine) == before + 2

    def test_two_that_add_to_the_same_categories_in_turns_do_not_wait_for_each_other(self, engine: Engine, postgresql):
        insert = (
            "INSERT INTO product (sku, name, description, category_id, price, stock, image)"
            " VALUES (%s, 'Lantern', '', %s, 1, 1, '')"
        )
        one, other = postgresql(), postgresql()
        one.execute(insert, ("a", 1))
        other.execute(insert, ("b", 2))
        one.execute(insert, ("c", 2))
        other.execute(insert, ("d", 1))
        one.execute("UPDATE product SET category_id = 2 WHERE sku = 'mug'")
        other.execute("DELETE FROM product WHERE sku = 'kettle'")
        one.commit()
        other.commit()

        assert counts(engine) == {"kitchen": 2, "garden": 3}
        assert found(engine, "lantern") == ["a", "b", "c", "d"]

    def test_many_at_once_lose_no_version_and_no_count(self, engine: Engine, postgresql):
        before = version(engine)

        def work(number: int) -> None:
            with closing(postgresql()) as connection:
                for turn in range(10):
                    sku = f"{number}-{turn}"
                    connection.execute(
                        "INSERT INTO product (sku, name, description, category_id, price, stock, image)"
                        " VALUES (%s, %s, '', %s, 1, 1, '')",
                        (sku, f"Lantern {sku}", turn % 2 + 1),
                    )
                    connection.execute("UPDATE product SET stock = stock + 1 WHERE sku = %s", (sku,))
                    connection.commit()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert version(engine) == before + 40
        assert counts(engine) == {"kitchen": 22, "garden": 20}

    def test_a_product_that_is_added_while_its_category_gets_a_name_is_found_by_the_new_one(
        self, engine: Engine, postgresql
    ):
        one, other = postgresql(), postgresql()
        one.execute("UPDATE category SET name = 'Galley' WHERE id = 1")
        insert = threading.Thread(
            target=lambda: other.execute(
                "INSERT INTO product (sku, name, description, category_id, price, stock, image)"
                " VALUES ('a', 'Lantern', '', 1, 1, 1, '')"
            )
        )
        insert.start()
        insert.join(0.3)
        one.commit()
        insert.join()
        other.commit()

        assert found(engine, "galley") == ["a", "kettle", "mug"]

    def test_a_truncated_table_is_empty_for_all(self, engine: Engine, postgresql):
        before = version(engine)
        connection = postgresql()
        connection.execute("TRUNCATE product")
        connection.commit()

        assert (counts(engine), found(engine, "mug")) == ({"kitchen": 0, "garden": 0}, [])
        assert version(engine) > before
        add(engine, "Mug")
        assert (counts(engine), found(engine, "mug")) == ({"kitchen": 1, "garden": 0}, ["mug"])


@on("postgresql")
def test_a_change_of_stock_touches_no_index_of_postgresql(connection: Connection):
    connection.execute(text("UPDATE product SET stock = stock - 1"))

    updated, hot = connection.execute(
        text("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'product'")
    ).one()
    assert (updated, hot) == (2, 2)
