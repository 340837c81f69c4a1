import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from shopapp.catalog import store
from shopapp.catalog.models import Category, Product


def add_product(dbsession: Session, sku: str, category: Category, **values: object) -> Product:
    defaults = {"name": sku.title(), "description": "Nothing special.", "price": 1000, "stock": 5}
    product = Product(sku=sku, image=f"{sku}.svg", category=category, **(defaults | values))
    dbsession.add(product)
    return product


@pytest.fixture(autouse=True)
def shelves(dbsession: Session) -> None:
    """Five products in two categories."""
    desk, garden = Category(slug="desk", name="Desk & Étude"), Category(slug="garden", name="Garden")
    add_product(dbsession, "pen", desk, name="Brass Pen", description="Writes at once. Refillable.")
    add_product(dbsession, "ink", desk, name="Iron Ink", description="Black, for the brass pen.", stock=0)
    add_product(dbsession, "case", desk, name="Étui 100%", description="Keeps one pen_and_pencil safe.")
    add_product(dbsession, "pot", garden, name="Clay Pot", description="Breathes.")
    add_product(dbsession, "rake", garden, name="Rake", description=r"For leaves\needles.")
    dbsession.commit()
    dbsession.expunge_all()


def skus(page: store.Page) -> set[str]:
    return {product.sku for product in page.products}


class TestSearch:
    @pytest.mark.parametrize(
        ("q", "found"),
        [
            ("", {"pen", "ink", "case", "pot", "rake"}),
            ("  ", {"pen", "ink", "case", "pot", "rake"}),
            ("pen", {"pen", "ink", "case"}),
            ("PEN", {"pen", "ink", "case"}),
            ("brass ink", {"ink"}),
            ("ink brass", {"ink"}),
            ("garden", {"pot", "rake"}),
            ("garden clay", {"pot"}),
            ("étui", {"case"}),
            ("ÉTUI", {"case"}),
            ("étude iron", {"ink"}),
            ("refill", {"pen"}),
            ("no such thing", set()),
        ],
    )
    def test_every_word_must_occur_somewhere_in_any_case(self, dbsession: Session, q: str, found: set[str]):
        assert skus(store.list_products(dbsession, q)) == found

    @pytest.mark.parametrize(
        ("q", "found"),
        [("%", {"case"}), ("100%", {"case"}), ("_", {"case"}), ("pen_and", {"case"}), ("p_n", set()), ("\\", {"rake"})],
    )
    def test_wildcards_stand_for_themselves(self, dbsession: Session, q: str, found: set[str]):
        assert skus(store.list_products(dbsession, q)) == found

    @pytest.mark.parametrize("q", ["pen\0", "\ud800", "pen " * 100, "' OR 1=1 --", "/", "['pen']"])
    def test_a_search_for_anything_at_all_is_answered(self, dbsession: Session, q: str):
        assert store.list_products(dbsession, q).products == []

    def test_the_longest_search_is_answered(self, dbsession: Session):
        q = "".join(f"{chr(0x4E00 + number)} " for number in range(store.MAX_SEARCH_LENGTH // 2))

        assert store.list_products(dbsession, q).products == []


class TestCategory:
    def test_a_list_can_be_of_one_category(self, dbsession: Session):
        assert skus(store.list_products(dbsession, category="garden")) == {"pot", "rake"}

    def test_category_and_search_both_count(self, dbsession: Session):
        assert skus(store.list_products(dbsession, "pen", category="garden")) == set()
        assert skus(store.list_products(dbsession, "leaves", category="garden")) == {"rake"}

    @pytest.mark.parametrize("slug", ["attic", "Garden", "gard%", "garden\0", "\udcff"])
    def test_an_unknown_category_is_empty_and_not_found(self, dbsession: Session, slug: str):
        assert store.list_products(dbsession, category=slug).total == 0
        assert store.find_category(dbsession, slug) is None

    def test_categories_come_by_name(self, dbsession: Session):
        assert [category.slug for category in store.list_categories(dbsession)] == ["desk", "garden"]
        assert store.find_category(dbsession, "desk").name == "Desk & Étude"


class TestPages:
    def test_pages_follow_each_other_without_gap_or_repeat_also_among_equal_names(self, dbsession: Session):
        attic = Category(slug="attic", name="Attic")
        for number in range(7):
            add_product(dbsession, f"box-{number}", attic, name="Box")
        dbsession.commit()

        pages = [store.list_products(dbsession, "box", page=number, page_size=3) for number in (1, 2, 3)]

        assert [product.sku for page in pages for product in page.products] == [f"box-{number}" for number in range(7)]
        assert [(page.number, page.pages, page.total) for page in pages] == [(1, 3, 7), (2, 3, 7), (3, 3, 7)]

    @pytest.mark.parametrize(("asked", "given"), [(0, 1), (-(10**30), 1), (3, 3), (4, 3), (10**30, 3)])
    def test_a_page_that_does_not_exist_is_the_nearest_that_does(self, dbsession: Session, asked: int, given: int):
        page = store.list_products(dbsession, page=asked, page_size=2)

        assert (page.number, page.pages) == (given, 3)
        assert page.products

    def test_without_a_match_there_is_one_empty_page(self, dbsession: Session):
        assert store.list_products(dbsession, "nothing", page=5) == store.Page([], number=1, pages=1, total=0)

    def test_a_page_takes_two_queries_with_the_categories(self, dbsession: Session):
        queries = []
        event.listen(dbsession.get_bind(), "before_cursor_execute", lambda *args: queries.append(args[2]))

        page = store.list_products(dbsession)

        assert {product.category.slug for product in page.products} == {"desk", "garden"}
        assert len(queries) == 2


class TestProducts:
    def test_a_product_is_found_by_its_sku(self, dbsession: Session):
        assert store.find_product(dbsession, "pen").name == "Brass Pen"

    @pytest.mark.parametrize("sku", ["", "PEN", "pen ", "p%", "pen\0", "\udcff", "x" * 1_000_000])
    def test_any_other_text_finds_none(self, dbsession: Session, sku: str):
        assert store.find_product(dbsession, sku) is None

    def test_several_are_found_at_once_and_the_unknown_are_left_out(self, dbsession: Session):
        found = store.products_by_sku(dbsession, iter(["pen", "pot", "pen", "gone", "\0"]))

        assert {sku: product.sku for sku, product in found.items()} == {"pen": "pen", "pot": "pot"}

    def test_no_sku_needs_no_query(self, dbsession: Session):
        queries = []
        event.listen(dbsession.get_bind(), "before_cursor_execute", lambda *args: queries.append(args[2]))

        assert store.products_by_sku(dbsession, []) == {}
        assert queries == []

    def test_related_products_share_the_category_and_the_sold_out_come_last(self, dbsession: Session):
        pen = store.find_product(dbsession, "pen")

        assert [product.sku for product in store.related_products(dbsession, pen)] == ["case", "ink"]
        assert [product.sku for product in store.related_products(dbsession, pen, limit=1)] == ["case"]
