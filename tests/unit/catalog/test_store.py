from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, event

from shopapp.catalog import store
from shopapp.catalog.models import Category, Product
from shopapp.catalog.snapshots import Page

CATEGORY = Category.__table__.insert()
PRODUCT = Product.__table__.insert()


def product(sku: str, category_id: int, **values: object) -> dict[str, object]:
    defaults = {"name": sku.title(), "description": "", "price": 1000, "stock": 5, "image": f"{sku}.svg"}
    return {"sku": sku, "category_id": category_id} | defaults | values


@pytest.fixture
def shelves(connection: Connection) -> None:
    """Five products in two categories, and a category that is empty."""
    names = {1: ("desk", "Desk"), 2: ("garden", "Garden"), 3: ("attic", "Attic")}
    connection.execute(CATEGORY, [{"id": key, "slug": slug, "name": name} for key, (slug, name) in names.items()])
    rows = [
        product("pen", 1, name="Brass Pen", price=7800),
        product("ink", 1, name="Iron Ink", price=900, stock=0),
        product("case", 1, name="Tin Case", price=900),
        product("pot", 2, name="Clay Pot", price=1200),
        product("rake", 2, name="Rake", price=3000),
    ]
    for row in rows:
        connection.execute(PRODUCT, row)


@contextmanager
def counted(connection: Connection) -> Iterator[list[str]]:
    """The statements that are run meanwhile."""
    statements: list[str] = []

    def note(*args: object) -> None:
        statements.append(str(args[2]))

    event.listen(connection, "before_cursor_execute", note)
    yield statements
    event.remove(connection, "before_cursor_execute", note)


def skus(products: tuple) -> list[str]:
    return [each.sku for each in products]


@pytest.mark.usefixtures("shelves")
class TestList:
    @pytest.mark.parametrize(
        ("sort", "category", "found"),
        [
            ("name", "", ["pen", "pot", "ink", "rake", "case"]),
            ("price", "", ["ink", "case", "pot", "rake", "pen"]),
            ("-price", "", ["pen", "rake", "pot", "case", "ink"]),
            ("newest", "", ["rake", "pot", "case", "ink", "pen"]),
            ("name", "desk", ["pen", "ink", "case"]),
            ("price", "desk", ["ink", "case", "pen"]),
            ("-price", "desk", ["pen", "case", "ink"]),
            ("newest", "desk", ["case", "ink", "pen"]),
        ],
    )
    @pytest.mark.parametrize("size", [1, 2, 12])
    def test_pages_of_any_size_follow_each_other_in_the_order_asked_for(
        self, connection: Connection, sort: store.Sort, category: str, found: list[str], size: int
    ):
        pages = -(-len(found) // size)

        listed = [store.list_products(connection, category, sort, number + 1, size) for number in range(pages)]

        assert [sku for page in listed for sku in skus(page.products)] == found
        assert {(page.pages, page.total) for page in listed} == {(pages, len(found))}

    def test_products_of_one_name_stay_in_their_place(self, connection: Connection):
        connection.execute(PRODUCT, [product(f"box-{number}", 3, name="Box") for number in range(7)])

        pages = [store.list_products(connection, "attic", page=number, page_size=3) for number in (1, 2, 3)]

        assert [sku for page in pages for sku in skus(page.products)] == [f"box-{number}" for number in range(7)]

    @pytest.mark.parametrize(("asked", "given"), [(0, 1), (-(10**30), 1), (3, 3), (4, 3), (10**30, 3)])
    def test_a_page_that_does_not_exist_is_the_nearest_that_does(self, connection: Connection, asked: int, given: int):
        page = store.list_products(connection, page=asked, page_size=2)

        assert (page.number, page.pages, bool(page.products)) == (given, 3, True)

    @pytest.mark.parametrize("slug", ["attic", "cellar", "Garden", "gard%", "garden\0", "\udcff"])
    def test_a_category_without_products_or_that_is_not_there_is_one_empty_page(
        self, connection: Connection, slug: str
    ):
        assert store.list_products(connection, slug, page=5) == Page((), number=1, pages=1, total=0)

    @pytest.mark.parametrize("category", ["", "desk"])
    def test_a_page_takes_two_statements_and_counts_no_products(self, connection: Connection, category: str):
        with counted(connection) as statements:
            store.list_products(connection, category)

        assert len(statements) == 2
        assert not [each for each in statements if "count(product" in each or "count(*)" in each]

    def test_what_is_listed_is_whole(self, connection: Connection):
        (pot, _) = store.list_products(connection, "garden").products

        assert (pot.sku, pot.name, pot.price, pot.stock, pot.image) == ("pot", "Clay Pot", 1200, 5, "pot.svg")
        assert (pot.category_slug, pot.category_name) == ("garden", "Garden")


@pytest.mark.usefixtures("shelves")
class TestCategories:
    def test_categories_come_by_name_with_the_count_of_their_products(self, connection: Connection):
        found = [(each.slug, each.name, each.products) for each in store.list_categories(connection)]

        assert found == [("attic", "Attic", 0), ("desk", "Desk", 3), ("garden", "Garden", 2)]

    @pytest.mark.parametrize("slug", ["cellar", "Garden", "gard%", "garden\0", "\udcff", ""])
    def test_any_other_text_finds_none(self, connection: Connection, slug: str):
        assert store.find_category(connection, "garden").name == "Garden"
        assert store.find_category(connection, slug) is None


@pytest.mark.usefixtures("shelves")
class TestProducts:
    def test_a_product_is_found_by_its_sku(self, connection: Connection):
        assert store.products_by_sku(connection, ["pen"])["pen"].name == "Brass Pen"

    @pytest.mark.parametrize("sku", ["", "PEN", "pen ", "p%", "pen\0", "\udcff", "x" * 1_000_000])
    def test_any_other_text_finds_none(self, connection: Connection, sku: str):
        assert store.products_by_sku(connection, [sku]) == {}

    def test_several_are_found_in_one_statement_and_the_unknown_are_left_out(self, connection: Connection):
        with counted(connection) as statements:
            found = store.products_by_sku(connection, iter(["pen", "pot", "pen", "gone", "\0"]))

        assert {sku: each.sku for sku, each in found.items()} == {"pen": "pen", "pot": "pot"}
        assert len(statements) == 1

    def test_no_sku_needs_no_statement(self, connection: Connection):
        with counted(connection) as statements:
            assert store.products_by_sku(connection, []) == {}

        assert statements == []

    def test_related_products_share_the_category_and_the_sold_out_come_last(self, connection: Connection):
        pen = store.products_by_sku(connection, ["pen"])["pen"]

        with counted(connection) as statements:
            assert skus(store.related_products(connection, pen)) == ["case", "ink"]
        assert skus(store.related_products(connection, pen, limit=1)) == ["case"]
        assert len(statements) == 2

    def test_related_products_are_the_next_by_name_and_after_the_last_the_first(self, connection: Connection):
        connection.execute(PRODUCT, [product(f"box-{letter}", 3) for letter in "abcdefg"])

        def beside(sku: str) -> list[str]:
            return skus(store.related_products(connection, store.products_by_sku(connection, [sku])[sku]))

        assert beside("box-b") == ["box-c", "box-d", "box-e", "box-f"]
        assert beside("box-e") == ["box-f", "box-g", "box-a", "box-b"]
        assert beside("box-g") == ["box-a", "box-b", "box-c", "box-d"]


def plan(connection: Connection, statement: str, parameters: object) -> str:
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return "\n".join(row.detail for row in rows)
    return "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())


@pytest.mark.parametrize("category", ["", "garden"])
@pytest.mark.parametrize(
    ("sort", "key"), [("name", "name_"), ("price", "price_"), ("-price", "price_"), ("newest", "")]
)
@pytest.mark.parametrize("page", [1, 50, 10**6])
def test_a_list_walks_an_index_and_reads_no_other_products(
    crowd: Connection, sort: store.Sort, key: str, category: str, page: int
):
    asked: list[tuple[str, object]] = []
    event.listen(crowd, "before_cursor_execute", lambda *args: asked.append((args[2], args[3])))
    store.list_products(crowd, category, sort, page)

    steps = plan(crowd, *asked[-1])

    primary = key == "" and not category
    index = "pk_product" if primary else f"ix_product_{'category_id_' if category else ''}{key}id"
    if crowd.dialect.name == "sqlite":
        walk = "SEARCH product USING" if category else "SCAN product USING"
        assert f"{walk} COVERING INDEX {index}" in steps or (primary and "SCAN product" in steps), steps
        # Only the dozen of the page is put into order, with its category.
        assert steps.count("TEMP B-TREE") == steps.count("TEMP B-TREE FOR ORDER BY") <= 1, steps
    else:
        assert f"using {index} on product" in steps, steps
        assert "Seq Scan on product" not in steps, steps


def test_what_is_related_is_found_by_an_index(crowd: Connection):
    product = store.list_products(crowd, "kitchen", page=100).products[0]
    asked: list[tuple[str, object]] = []
    event.listen(crowd, "before_cursor_execute", lambda *args: asked.append((args[2], args[3])))
    store.related_products(crowd, product)

    steps = plan(crowd, *asked[0])

    assert steps.count("ix_product_category_id_name_id") == 2, steps
    assert "Seq Scan on product" not in steps, steps


@pytest.mark.parametrize("category", ["", "kitchen"])
@pytest.mark.parametrize(("page", "passed_over"), [(1, 0), (2, 12), (10**6, 0)])
def test_a_page_is_walked_to_from_the_nearer_end(crowd: Connection, category: str, page: int, passed_over: int):
    asked: list[tuple[str, object]] = []
    event.listen(crowd, "before_cursor_execute", lambda *args: asked.append((args[2], args[3])))
    found = store.list_products(crowd, category, page=page)

    statement, parameters = asked[-1]
    assert "OFFSET" in statement
    numbers = list(parameters.values() if isinstance(parameters, dict) else parameters)
    assert numbers[-2:] == [len(found.products), passed_over]


def test_all_pages_together_are_the_whole_list_in_its_order(crowd: Connection):
    last = store.list_products(crowd, "garden", "price", page=10**6).number

    listed = [each for page in range(last) for each in store.list_products(crowd, "garden", "price", page + 1).products]

    keys = [(each.price, each.id) for each in listed]
    assert keys == sorted(set(keys))
    assert len(keys) == store.find_category(crowd, "garden").products
