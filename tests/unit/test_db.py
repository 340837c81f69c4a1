import gc
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from wsgiref.types import WSGIApplication

import pytest
from pyramid.config import Configurator
from pyramid.request import Request, apply_request_extensions
from pyramid.response import Response
from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.orm import Session
from transaction.interfaces import NoTransaction
from webtest import TestApp

from shopapp.accounts.models import User
from shopapp.catalog.models import Category, Product
from shopapp.db import Base, can_be_stored, create_engine_from
from shopapp.settings.shop import ShopSettings


@pytest.fixture
def engine(each_database_url: str) -> Iterator[Engine]:
    """An engine on a database with all tables, empty."""
    engine = create_engine_from(ShopSettings(database_url=each_database_url))
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite_engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine_from(ShopSettings(database_url=f"sqlite:///{tmp_path}/new/folder/shop.sqlite"))
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def make_user(email: str = "ann@example.com") -> User:
    return User(email=email, name="Ann", password_hash="-")


class TestEngine:
    def test_a_plain_postgresql_url_uses_psycopg_3_and_gives_up_on_a_silent_host(self):
        engine = create_engine_from(ShopSettings(database_url="postgresql://shop:s3@db.example/shop"))

        assert engine.url.drivername == "postgresql+psycopg"
        assert engine.url.query["connect_timeout"] == "2"

    def test_the_connect_timeout_of_the_url_wins(self):
        engine = create_engine_from(ShopSettings(database_url="postgresql://db.example/shop?connect_timeout=30"))

        assert engine.url.query["connect_timeout"] == "30"

    def test_sqlite_gets_its_folder_and_enforces_what_postgresql_enforces(self, sqlite_engine: Engine):
        with sqlite_engine.connect() as connection:
            assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
            assert connection.scalar(text("PRAGMA foreign_keys")) == 1
            assert connection.scalar(text("PRAGMA busy_timeout")) == 5000

    def test_a_sqlite_write_after_a_read_succeeds_although_another_wrote_in_between(self, sqlite_engine: Engine):
        with Session(sqlite_engine) as first, Session(sqlite_engine) as second:
            assert first.scalar(select(func.count(User.id))) == 0
            second.add(make_user("second@example.com"))
            second.commit()
            first.add(make_user("first@example.com"))
            first.commit()

            assert first.scalar(select(func.count(User.id))) == 2

    def test_a_sqlite_writer_waits_for_the_other(self, sqlite_engine: Engine):
        with Session(sqlite_engine) as first, Session(sqlite_engine) as second:
            first.add(make_user("first@example.com"))
            first.flush()
            commit_soon = threading.Timer(0.2, first.commit)
            commit_soon.start()
            second.add(make_user("second@example.com"))
            second.commit()
            commit_soon.join()

            assert second.scalar(select(func.count(User.id))) == 2

    @pytest.mark.parametrize("production", [True, False])
    def test_only_in_production_errors_keep_what_people_typed_to_themselves(
        self, each_database_url: str, production: bool
    ):
        engine = create_engine_from(ShopSettings(database_url=each_database_url, production=production))
        with engine.connect() as connection, pytest.raises(DBAPIError) as caught:
            connection.execute(text("SELECT :typed FROM missing"), {"typed": "my private words"})
        engine.dispose()

        assert ("my private words" in str(caught.value)) is not production


class TestModels:
    @pytest.mark.parametrize("column", ["price", "stock"])
    def test_a_price_or_stock_below_zero_is_refused(self, engine: Engine, column: str):
        values = {"price": 0, "stock": 0} | {column: -1}
        category = Category(slug="desk", name="Desk")
        with Session(engine) as dbsession:
            dbsession.add(Product(sku="pen", name="Pen", description="", image="pen.svg", category=category, **values))

            with pytest.raises(IntegrityError):
                dbsession.commit()

    def test_a_product_needs_a_category_that_exists(self, engine: Engine):
        with Session(engine) as dbsession:
            dbsession.add(Product(sku="pen", name="Pen", description="", image="", category_id=99, price=1, stock=1))

            with pytest.raises(IntegrityError):
                dbsession.commit()

    def test_an_address_has_one_account_in_whatever_case_it_is_typed(self, engine: Engine):
        with Session(engine) as dbsession:
            dbsession.add(make_user(" Ann@Example.COM "))
            dbsession.commit()
            assert dbsession.scalars(select(User.email)).all() == ["ann@example.com"]
            dbsession.add(make_user("ANN@example.com"))

            with pytest.raises(IntegrityError):
                dbsession.commit()

    def test_a_time_comes_back_in_utc(self, engine: Engine):
        noon_in_delhi = datetime(2026, 3, 1, 12, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))
        with Session(engine) as dbsession:
            dbsession.add_all([make_user(), user := make_user("bob@example.com")])
            user.created_at = noon_in_delhi
            dbsession.commit()

            assert (user.created_at, user.created_at.tzinfo) == (noon_in_delhi, UTC)
            ann = dbsession.scalars(select(User).where(User.email == "ann@example.com")).one()
            assert abs(datetime.now(UTC) - ann.created_at) < timedelta(minutes=1)

    def test_a_time_without_zone_is_refused(self, engine: Engine):
        user = make_user()
        user.created_at = datetime(2026, 3, 1, 12, 0)
        with Session(engine) as dbsession:
            dbsession.add(user)

            with pytest.raises(StatementError, match="needs a time zone"):
                dbsession.commit()


@pytest.mark.parametrize(("value", "expected"), [("café ☕", True), ("", True), ("a\0b", False), ("\ud83d", False)])
def test_text_that_no_database_takes_is_recognised(value: str, expected: bool):
    assert can_be_stored(value) is expected


class TestRequest:
    @pytest.fixture
    def config(self, each_database_url: str) -> Iterator[Configurator]:
        """A small app with a view that writes a user and answers with the status it is asked for."""
        settings = SimpleNamespace(shop=ShopSettings(database_url=each_database_url))
        config = Configurator()
        config.registry["shopapp.settings"] = settings
        config.include("shopapp.db")
        for view in (idle, register, read):
            config.add_route(view.__name__, f"/{view.__name__}")
            config.add_view(view, route_name=view.__name__)
        engine = config.registry["shopapp.sessionmaker"].kw["bind"]
        Base.metadata.create_all(engine)
        yield config
        engine.dispose()

    @pytest.fixture
    def app(self, config: Configurator) -> WSGIApplication:
        return config.make_wsgi_app()

    @pytest.fixture
    def testapp(self, app: WSGIApplication) -> TestApp:
        return TestApp(app)

    def test_a_request_is_committed_at_its_end(self, testapp: TestApp):
        testapp.get("/register?status=303")

        assert testapp.get("/read").text == "1"

    @pytest.mark.parametrize("status", ["422", "500"])
    def test_a_request_that_answers_with_an_error_changes_nothing(self, testapp: TestApp, status: str):
        testapp.get(f"/register?status={status}", status=int(status))

        assert testapp.get("/read").text == "0"

    def test_a_request_that_raises_changes_nothing(self, testapp: TestApp):
        with pytest.raises(LookupError):
            testapp.get("/register?status=raise")

        assert testapp.get("/read").text == "0"

    def test_a_request_without_sql_takes_no_connection(self, config: Configurator, testapp: TestApp):
        taken = []
        event.listen(config.registry["shopapp.sessionmaker"].kw["bind"], "checkout", lambda *_: taken.append(1))

        testapp.get("/idle")
        assert taken == []

        testapp.get("/read")
        assert taken == [1]

    def test_connections_go_back_to_the_pool(self, config: Configurator, testapp: TestApp):
        for path, status in [("/register?status=422", 422), ("/register?status=303", 303), ("/read", 200)]:
            testapp.get(path, status=status)

        assert config.registry["shopapp.sessionmaker"].kw["bind"].pool.checkedout() == 0

    def test_sql_outside_of_a_transaction_is_an_error(self, app: WSGIApplication):
        request = Request.blank("/")
        request.registry = app.registry
        apply_request_extensions(request)

        with request.dbsession, pytest.raises(NoTransaction):
            request.dbsession.scalar(select(func.count(User.id)))

    def test_the_engine_is_closed_with_the_app(self, tmp_path: Path):
        config = Configurator()
        config.registry["shopapp.settings"] = SimpleNamespace(
            shop=ShopSettings(database_url=f"sqlite:///{tmp_path}/shop.sqlite")
        )
        config.include("shopapp.db")
        engine = config.registry["shopapp.sessionmaker"].kw["bind"]
        engine.connect().close()
        assert engine.pool.checkedin() == 1

        del config
        gc.collect()

        assert engine.pool.checkedin() == 0


def idle(request: Request) -> Response:
    return Response(str(request.dbsession.is_active))


def register(request: Request) -> Response:
    request.dbsession.add(make_user())
    request.dbsession.flush()
    if request.params["status"] == "raise":
        raise LookupError
    return Response(status=int(request.params["status"]))


def read(request: Request) -> Response:
    return Response(str(request.dbsession.scalar(select(func.count(User.id)))))
