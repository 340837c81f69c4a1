from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, event, text

from postgresql import shared_engine
from shopapp.catalog import search
from shopapp.catalog.models import Category, Product
from shopapp.catalog.search import search_products
from shopapp.catalog.snapshots import Page

GOODS = [
    # sku, category, name, description, price
    ("pen", 1, "Brass Pen", "Writes at once. Refillable.", 7800),
    ("pencils", 1, "Cedar Pencils, 12", "Smell of the wood.", 900),
    ("ink", 1, "Iron Ink", "Black, for the brass pen.", 1100),
    ("case", 1, "Étui 100%", "Keeps one pen_and_pencil safe.", 2500),
    ("notebook", 1, "Dotted Notebook", "Paper that takes ink.", 1600),
    ("pot", 2, "Clay Pot", "Breathes; from 320ml on.", 1200),
    ("rake", 2, "Rake", r"For leaves\needles.", 3000),
    ("mug", 3, "Stoneware Mug, Moss", "Goes with the kettle.", 1850),
    ("kettle", 3, "Gooseneck Kettle", "Pours where you look, also into mugs.", 6400),
    ("thermos", 3, "Thermos", "Keeps tea hot. From Łódź.", 4200),
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def goods(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine on a database with ten products in three categories, made once. Nobody may change them."""
    with shared_engine(request, tmp_path_factory) as engine:
        with engine.begin() as connection:
            add_goods(connection)
        yield engine


@pytest.fixture
def connection(goods: Engine) -> Iterator[Connection]:
    """A connection to them; what is done on it is rolled back."""
    with goods.connect() as connection:
        yield connection


def add_goods(connection: Connection) -> None:
    names = {1: ("desk", "Desk & Étude"), 2: ("garden", "Garden"), 3: ("kitchen", "Kitchen & Table")}
    rows = [{"id": key, "slug": slug, "name": name} for key, (slug, name) in names.items()]
    connection.execute(Category.__table__.insert(), rows)
    columns = ("sku", "category_id", "name", "description", "price")
    products = [dict(zip(columns, row, strict=True)) | {"stock": 1, "image": ""} for row in GOODS]
    connection.execute(Product.__table__.insert(), products)


def skus(page: Page) -> list[str]:
    return [product.sku for product in page.products]


def found(connection: Connection, q: str, category: str = "") -> set[str]:
    page = search_products(connection, q, category)
    assert page.total == len(page.products)
    return set(skus(page)) if page.searched == " ".join(q.split()) else set()


class TestWords:
    @pytest.mark.parametrize(
        ("q", "expected"),
        [
            ("pen", {"pen", "pencils", "ink", "case"}),
            ("PEN", {"pen", "pencils", "ink", "case"}),
            ("brass ink", {"ink"}),
            ("  ink \t brass ", {"ink"}),
            ("garden", {"pot", "rake"}),
            ("garden clay", {"pot"}),
            ("étui", {"case"}),
            ("ÉTUI", {"case"}),
            ("etui", {"case"}),
            ("e\u0301tui", {"case"}),
            ("etude iron", {"ink"}),
            ("mugs", {"mug", "kettle"}),
            ("pots", {"pot"}),
            ("pencil", {"pencils", "case"}),
            ("breathing", {"pot"}),
            ("refill", {"pen"}),
            ("note", {"notebook"}),
            ("note pap", {"notebook"}),
            ("320ml", {"pot"}),
            ("100", {"case"}),
            ("needles", {"rake"}),
            ("pen for the desk", {"pen", "pencils", "ink", "case"}),
            ("the", {"pencils", "ink", "mug", "thermos"}),
            ("tea/hot", {"thermos"}),
            ("kettle-mug", {"mug", "kettle"}),
        ],
    )
    def test_every_word_is_found_somewhere(self, connection: Connection, q: str, expected: set[str]):
        assert found(connection, q) == expected

    @pytest.mark.parametrize(
        "q",
        ["", " ", "%", "_", "\\", "'", '"', "*", "()", "-", "😀", "🫖 ☕", "...", "pen\0", "\ud800", "pen " * 100],
    )
    def test_what_holds_no_word_finds_nothing(self, connection: Connection, q: str):
        page = search_products(connection, q)

        assert (page.products, page.number, page.pages, page.total, page.more) == ((), 1, 1, 0, False)

    @pytest.mark.parametrize(
        "q",
        [
            "brass AND pen",
            'brass" OR "pen',
            "brass NOT pen",
            "NEAR(brass pen)",
            "name: brass",
            "-brass",
            "brass*",
            "^brass",
            "{name} : brass",
            "brass | pen",
            "brass & !pen",
            "brass <-> pen",
            "brass:*A",
            "'brass'",
            "' OR 1=1 --",
            "/",
            "['pen']",
            "%(x)s :y",
            "²",
            "٣ brass",
            "zs1",
            "\ua66e",
            "\ua66e\ua66e1",
            "\U0001e900",
            "=1",
            "茶壶",
            "".join(f"{chr(0x4E00 + number)} " for number in range(100)),
            "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 3,
            "x" * 200,
            "é" * 200,
        ],
    )
    def test_what_means_something_to_a_database_is_plain_text(self, connection: Connection, q: str):
        for category in ("", "desk"):
            page = search_products(connection, q, category)
            assert page.total < 5
        assert found(connection, "brass") == {"pen", "ink"}

    def test_a_word_without_meaning_to_the_database_lists_no_whole_category(self, connection: Connection):
        assert found(connection, "\u20dd", "desk") == set()

    def test_ten_words_count_and_what_comes_after_them_does_not(self, connection: Connection):
        nine = "brass pen writes once refillable desk étude writ refill"

        assert found(connection, f"{nine} pens nowhere") == {"pen"}
        assert found(connection, f"{nine} nowhere pens") == set()

    @pytest.mark.parametrize(("q", "category", "expected"), [
        ("pen", "garden", set()),
        ("leaves", "garden", {"rake"}),
        ("pen", "desk", {"pen", "pencils", "ink", "case"}),
        ("pen", "attic", set()),
        ("pen", "\udcff", set()),
    ])  # fmt: skip
    def test_a_search_may_be_within_a_category(self, connection: Connection, q: str, category: str, expected: set[str]):
        assert found(connection, q, category) == expected


class TestOrder:
    def test_the_name_counts_most_and_the_whole_word_more_than_its_beginning(self, connection: Connection):
        assert skus(search_products(connection, "pen")) == ["pen", "pencils", "ink", "case"]
        assert skus(search_products(connection, "mug")) == ["mug", "kettle"]
        assert skus(search_products(connection, "kettle")) == ["kettle", "mug"]

    def test_every_word_in_the_name_comes_before_one_of_them_in_it(self, connection: Connection):
        assert skus(search_products(connection, "brass pen")) == ["pen", "ink"]
        assert skus(search_products(connection, "ink black")) == ["ink"]
        assert skus(search_products(connection, "mug kettle")) == ["kettle", "mug"]

    @pytest.mark.parametrize(("sort", "expected"), [
        ("name", ["pen", "pencils", "ink", "case"]),
        ("price", ["pencils", "ink", "case", "pen"]),
        ("-price", ["pen", "case", "ink", "pencils"]),
        ("newest", ["case", "ink", "pencils", "pen"]),
    ])  # fmt: skip
    @pytest.mark.parametrize("size", [1, 3, 12])
    def test_what_is_found_can_be_sorted_and_comes_in_pages(
        self, connection: Connection, sort: str, expected: list[str], size: int
    ):
        pages = -(-4 // size)

        listed = [search_products(connection, "pen", "", sort, number + 1, size) for number in range(pages)]

        assert [sku for page in listed for sku in skus(page)] == expected
        assert [(page.number, page.pages, page.total) for page in listed] == [(n + 1, pages, 4) for n in range(pages)]

    @pytest.mark.parametrize(("asked", "given"), [(0, 1), (-5, 1), (9, 2), (10**30, 2)])
    def test_a_page_that_does_not_exist_is_the_nearest_that_does(self, connection: Connection, asked: int, given: int):
        page = search_products(connection, "pen", page=asked, page_size=3)

        assert (page.number, bool(page.products)) == (given, True)


class TestMistakes:
    @pytest.mark.parametrize(("q", "searched", "first"), [
        ("kettel", "kettle", "kettle"),
        ("Kettel", "kettle", "kettle"),
        ("ketle", "kettle", "kettle"),
        ("kkettle", "kettle", "kettle"),
        ("goosneck  kettel", "gooseneck kettle", "kettle"),
        ("mgu", "mug", "mug"),
        ("stonewear", "stoneware", "mug"),
        ("nottebok", "notebook", "notebook"),
        ("etiu", "étui", "case"),
        ("kitchne", "kitchen", "thermos"),
        ("kettel, mug!", "kettle, mug!", "kettle"),
        ("kettel pours", "kettle pours", "kettle"),
    ])  # fmt: skip
    def test_the_closest_word_is_searched_for_and_named(
        self, connection: Connection, q: str, searched: str, first: str
    ):
        page = search_products(connection, q)

        assert (page.searched, skus(page)[:1]) == (searched, [first])

    @pytest.mark.parametrize("q", ["xyzzy", "pensive kettel zzzz", "zq", "kettel qqqq", "x1", "quetzalcoatl"])
    def test_what_is_like_no_word_finds_nothing_and_stays_as_it_was_typed(self, connection: Connection, q: str):
        page = search_products(connection, f" {q} ")

        assert (page.total, page.searched) == (0, q)

    def test_words_that_exist_but_do_not_meet_are_not_corrected(self, connection: Connection):
        assert search_products(connection, "rake mug").searched == "rake mug"

    def test_a_word_of_another_category_is_no_mistake(self, connection: Connection):
        page = search_products(connection, "rake", "desk")

        assert (page.total, page.searched) == (0, "rake")

    def test_a_word_that_no_product_has_any_more_is_not_suggested(self, connection: Connection):
        connection.execute(Product.__table__.delete().where(Product.sku == "thermos"))

        page = search_products(connection, "termos")

        assert (page.total, page.searched) == (0, "termos")


def steps_of(connection: Connection, q: str, **options: object) -> int:
    """Count the thousands of steps that SQLite's machine takes."""
    driver = connection.connection.driver_connection
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    driver.set_progress_handler(count, 1000)
    try:
        search_products(connection, q, **options)
    finally:
        driver.set_progress_handler(None, 0)
    return steps


def rows_read(connection: Connection) -> int:
    """Count the rows that PostgreSQL has read in this transaction, by an index or without."""
    read = "coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)"
    return connection.scalar(text(f"SELECT sum({read}) FROM pg_stat_xact_user_tables WHERE relname LIKE 'product%'"))


class TestManyProducts:
    @pytest.mark.parametrize(
        "q", ["steel", "the", "handle", "small steel", "ste", "handle steel litre", "steel kettle"]
    )
    @pytest.mark.parametrize("category", ["", "kitchen"])
    def test_at_most_a_thousand_are_found_of_a_common_word(self, crowd: Connection, q: str, category: str):
        page = search_products(crowd, q, category)

        assert page.total <= search.MAX_FOUND
        assert page.more is (page.total == search.MAX_FOUND)
        if q in {"steel", "ste", "the", "handle"}:
            assert page.more

    def test_the_last_page_of_many_is_there(self, crowd: Connection):
        page = search_products(crowd, "steel", page=10**6)

        assert (page.number, page.pages, page.total) == (84, 84, 1000)
        assert len(page.products) == 4

    @pytest.mark.parametrize(
        "q", ["steel", "the", "handle steel", "small steel kettle", "steel brass", "kettel", "xyzzy"]
    )
    @pytest.mark.parametrize("sort", [None, "price"])
    def test_a_search_reads_no_more_than_it_lists(self, crowd: Connection, q: str, sort: str | None):
        if crowd.dialect.name == "sqlite":
            assert steps_of(crowd, q, sort=sort) < 70
            return
        read = rows_read(crowd)
        search_products(crowd, q, sort=sort)
        assert rows_read(crowd) - read < 2500

    @pytest.mark.parametrize("q", ["steel", "handle steel", "small brass kettle", "kettel"])
    def test_a_search_takes_few_statements(self, crowd: Connection, q: str):
        statements: list[str] = []
        event.listen(crowd, "before_cursor_execute", lambda *args: statements.append(args[2]))

        search_products(crowd, q)

        assert len(statements) == (5 if q == "kettel" else 2)
