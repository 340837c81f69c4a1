"""The catalogue in memory: how often it asks the database, and that it never takes what was for what is."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import OperationalError

from shopapp.catalog import memory
from shopapp.catalog.memory import Catalogue
from shopapp.db import create_engine_from
from shopapp.migrations import upgrade
from shopapp.settings.shop import ShopSettings


@pytest.fixture
def shop(each_database_url: str) -> Iterator[Engine]:
    """An engine on a catalogue of three products in one category."""
    engine = create_engine_from(ShopSettings(database_url=each_database_url))
    with engine.connect() as connection:
        upgrade(connection)
    change(engine, "INSERT INTO category (id, slug, name) VALUES (1, 'desk', 'Desk')")
    for number, sku in enumerate(("pen", "ink", "case"), 1):
        change(
            engine,
            "INSERT INTO product (id, sku, name, description, category_id, price, stock, image)"
            f" VALUES ({number}, '{sku}', '{sku.title()}', '', 1, {number}00, {number}, '')",
        )
    yield engine
    engine.dispose()


@pytest.fixture
def statements(shop: Engine) -> list[str]:
    """The statements that are sent from here on."""
    sent: list[str] = []
    event.listen(shop, "before_cursor_execute", lambda _connection, _cursor, statement, *_rest: sent.append(statement))
    return sent


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The memory's clock, to be turned on by hand."""
    now = [1000.0]
    monkeypatch.setattr(memory.time, "monotonic", lambda: now[0])
    return now


def change(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_products_are_read_once_and_those_that_are_missing_too(
    shop: Engine, statements: list[str], clock: list[float]
) -> None:
    catalogue = Catalogue(shop)

    for _ in range(3):
        assert set(catalogue.products(["pen", "ink", "nope"])) == {"pen", "ink"}
        assert catalogue.product("pen").price == 100
        assert catalogue.product("nope") is None

    assert len(statements) == 2  # the version, and all of them


def test_only_what_is_not_remembered_is_asked_for(shop: Engine, statements: list[str], clock: list[float]) -> None:
    catalogue = Catalogue(shop)
    catalogue.products(["pen"])
    statements.clear()

    assert set(catalogue.products(["pen", "case"])) == {"pen", "case"}
    assert set(catalogue.products([])) == set()

    assert len(statements) == 1


def test_categories_are_read_once(shop: Engine, statements: list[str], clock: list[float]) -> None:
    catalogue = Catalogue(shop)

    assert [[each.slug for each in catalogue.categories()] for _ in range(3)] == [["desk"]] * 3
    assert len(statements) == 2


def test_a_change_is_seen_when_the_second_is_over_and_not_before(shop: Engine, clock: list[float]) -> None:
    catalogue = Catalogue(shop)
    version = catalogue.version()
    assert catalogue.product("pen").price == 100

    change(shop, "UPDATE product SET price = 150 WHERE sku = 'pen'")
    change(shop, "UPDATE category SET name = 'Table' WHERE id = 1")
    clock[0] += memory.LOOK_SECONDS - 0.001
    assert (catalogue.version(), catalogue.product("pen").price) == (version, 100)

    clock[0] += 0.001
    assert catalogue.version() > version
    assert (catalogue.product("pen").price, catalogue.product("pen").category_name) == (150, "Table")
    assert [each.name for each in catalogue.categories()] == ["Table"]


def test_without_a_change_nothing_is_read_again_but_the_version(
    shop: Engine, statements: list[str], clock: list[float]
) -> None:
    catalogue = Catalogue(shop)
    catalogue.product("pen")
    statements.clear()

    for _ in range(5):
        clock[0] += memory.LOOK_SECONDS
        catalogue.product("pen")

    assert len(statements) == 5
    assert all("FROM catalogue" in statement for statement in statements)


def test_a_change_that_is_rolled_back_is_none(shop: Engine, clock: list[float]) -> None:
    catalogue = Catalogue(shop)
    version = catalogue.version()

    with shop.connect() as connection:
        connection.execute(text("UPDATE product SET price = 150"))
        connection.rollback()
    clock[0] += memory.LOOK_SECONDS

    assert catalogue.version() == version


def test_what_is_read_while_it_changes_is_not_kept_for_the_version_after(shop: Engine, clock: list[float]) -> None:
    """A reader that was slower than a change keeps the product as it was: for the version before, which is over."""
    catalogue = Catalogue(shop)
    catalogue.version()
    read = memory.products_by_sku

    def slow(*arguments):
        found = read(*arguments)
        if not overtaken:
            overtaken.append(True)
            change(shop, "UPDATE product SET price = 150 WHERE sku = 'pen'")
            clock[0] += memory.LOOK_SECONDS
            catalogue.version()  # another request has looked meanwhile
        return found

    overtaken: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "products_by_sku", slow)
        catalogue.product("pen")

    assert catalogue.product("pen").price == 150


def test_many_threads_look_once(shop: Engine, statements: list[str]) -> None:
    number = 16
    catalogue, together = Catalogue(shop), threading.Barrier(number)

    def look(_number: int) -> int:
        together.wait()
        return catalogue.version()

    with ThreadPoolExecutor(number) as pool:
        versions = set(pool.map(look, range(number)))

    assert len(versions) == 1
    assert len(statements) == 1


def test_a_look_that_fails_is_made_again(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = Catalogue(shop)

    def fail(*_arguments):
        raise OSError("away")

    with monkeypatch.context() as patch:
        patch.setattr(memory, "catalogue_version", fail)
        with pytest.raises(OSError, match="away"):
            catalogue.version()

    assert catalogue.version() > 0


def test_no_more_is_remembered_than_there_is_room_for(
    shop: Engine, statements: list[str], clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "MAX_PRODUCTS", 2)
    catalogue = Catalogue(shop)

    for sku in ("pen", "ink", "case", "pen"):
        catalogue.product(sku)

    assert len(statements) == 1 + 4


def test_a_look_takes_no_transaction_and_gives_its_connection_back(shop: Engine) -> None:
    catalogue = Catalogue(shop.execution_options(isolation_level="AUTOCOMMIT"))

    catalogue.product("pen")

    assert shop.pool.checkedout() == 0
    deadline = time.monotonic() + 5
    change(shop, "UPDATE product SET price = 1")  # nobody holds a lock
    assert time.monotonic() < deadline


# While the database is away


def fail(*_arguments):
    raise OperationalError("SELECT", None, OSError("away"))


def test_a_database_that_is_away_costs_one_look_a_second_and_what_is_known_goes_on(
    shop: Engine, clock: list[float], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    catalogue = Catalogue(shop)
    version = catalogue.version()
    catalogue.product("pen")
    looks = []
    monkeypatch.setattr(memory, "catalogue_version", lambda connection: looks.append(1) or fail(connection))

    for _ in range(30):  # within three seconds
        clock[0] += 0.1
        assert catalogue.version() == version
        assert catalogue.product("pen").price == 100

    assert len(looks) == 3
    assert caplog.text.count("catalogue_not_looked_at") == 1


def test_it_is_found_again_by_itself(shop: Engine, clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = Catalogue(shop)
    catalogue.version()
    with monkeypatch.context() as patch:
        patch.setattr(memory, "catalogue_version", fail)
        clock[0] += memory.LOOK_SECONDS
        catalogue.version()
    change(shop, "UPDATE product SET price = 150 WHERE sku = 'pen'")

    clock[0] += memory.LOOK_SECONDS

    assert catalogue.product("pen").price == 150


def test_without_a_version_its_absence_is_an_error(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "catalogue_version", fail)

    with pytest.raises(OperationalError):
        Catalogue(shop).version()


def test_a_version_that_is_gone_is_told(shop: Engine, clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    catalogue = Catalogue(shop)
    catalogue.version()
    change(shop, "DELETE FROM catalogue")

    clock[0] += memory.LOOK_SECONDS
    catalogue.version()

    assert "catalogue_not_looked_at" in caplog.text


def test_a_database_that_hangs_holds_one_request(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LOOK_SECONDS", 0.3)
    catalogue = Catalogue(shop)
    version, awake = catalogue.version(), threading.Event()
    time.sleep(0.3)
    monkeypatch.setattr(memory, "catalogue_version", lambda _connection: awake.wait(20) and version)

    def look(_number: int) -> float:
        start = time.monotonic()
        assert catalogue.version() == version
        return time.monotonic() - start

    with ThreadPoolExecutor(9) as pool:
        held = pool.submit(look, 0)
        time.sleep(0.05)
        taken = list(pool.map(look, range(8)))
        awake.set()
        held.result()

    assert max(taken) < 5


def test_a_sku_that_no_product_can_have_is_not_remembered(
    shop: Engine, statements: list[str], clock: list[float]
) -> None:
    catalogue = Catalogue(shop)
    catalogue.version()
    statements.clear()

    assert catalogue.product("x" * 65) is None
    assert statements == []


def test_pages_that_take_long_keep_no_look_waiting(shop: Engine, each_database_url: str) -> None:
    engine = create_engine_from(ShopSettings(database_url=each_database_url))
    catalogue, held = Catalogue(engine, shop), []
    try:
        while engine.pool.checkedout() < 15:  # all that it has
            held.append(catalogue.connect())
        start = time.monotonic()
        assert catalogue.version() > 0
        assert time.monotonic() - start < 5
    finally:
        for connection in held:
            connection.close()
        engine.dispose()
