"""Looking around in the catalogue: lists, categories, searches, pages, products."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import update
from webtest import Form, TestApp, TestResponse

from observing import text_of
from on_database import Database
from shopapp.catalog.models import Product
from shopapp.testing.shop import JSON

LISTED = {"sku", "name", "price", "currency", "available", "url", "image"}


def skus(response: TestResponse) -> list[str]:
    return [product["sku"] for product in response.json["products"]]


def search_form(page: TestResponse) -> Form:
    """The one in the frame of every page, which comes first."""
    return next(form for form in page.forms.values() if "q" in form.fields)


def test_the_list_says_what_and_how_much_there_is(visitor: TestApp) -> None:
    listing = visitor.get("/", headers=JSON).json

    assert set(listing) == {"products", "page", "pages", "total"}
    assert (listing["page"], listing["pages"], listing["total"]) == (1, 2, 24)
    assert len(listing["products"]) == 12
    assert all(set(product) == LISTED for product in listing["products"])


def test_a_product_is_listed_with_its_price_in_minor_units_and_its_stock(visitor: TestApp) -> None:
    (pen,) = visitor.get("/?q=brass+pen", headers=JSON).json["products"]

    assert pen["image"].startswith("/static/products/brass-pen.")
    del pen["image"]
    assert pen == {
        "sku": "brass-pen",
        "name": "Brass Fountain Pen",
        "price": 7800,
        "currency": "EUR",
        "available": 3,
        "url": "/products/brass-pen",
    }


def test_addresses_in_the_list_lead_somewhere(visitor: TestApp) -> None:
    for product in visitor.get("/", headers=JSON).json["products"]:
        assert visitor.get(product["url"], headers=JSON).json["sku"] == product["sku"]


def test_pages_hold_every_product_once_in_the_order_of_names(visitor: TestApp) -> None:
    pages = [visitor.get(f"/?page={number}", headers=JSON).json for number in (1, 2)]

    names = [product["name"] for page in pages for product in page["products"]]
    assert len(set(names)) == 24
    assert all(first <= second for first, second in pairwise(names))
    assert [page["page"] for page in pages] == [1, 2]


def test_one_walks_through_the_pages_by_links(visitor: TestApp) -> None:
    second = visitor.get("/").click("Next")
    assert second.request.path_qs == "/?page=2"

    first = second.click("Previous")
    assert first.request.path_qs == "/"


def test_the_page_shows_names_and_prices(visitor: TestApp) -> None:
    page = visitor.get("/?q=brass+pen")

    assert "Brass Fountain Pen" in text_of(page)
    assert "€78.00" in text_of(page)
    assert "Only 3 left" in text_of(page)


@pytest.mark.parametrize("q", ["pen brass", "BRASS", "  brass  "])
def test_a_search_finds_words_in_any_order_and_case(visitor: TestApp, q: str) -> None:
    assert "brass-pen" in skus(visitor.get("/", {"q": q}, headers=JSON))


def test_a_search_that_finds_nothing_is_an_empty_page_with_a_way_on(visitor: TestApp) -> None:
    listing = visitor.get("/?q=xyzzy", headers=JSON).json
    page = visitor.get("/?q=xyzzy")

    assert listing == {"products": [], "page": 1, "pages": 1, "total": 0, "searched": "xyzzy", "more": False}
    assert "xyzzy" in text_of(page)
    assert "Nothing in the shop matches that." in text_of(page)


def test_the_search_form_keeps_what_was_searched(visitor: TestApp) -> None:
    form = search_form(visitor.get("/"))
    form["q"] = "<b>lamp & co"
    page = form.submit()

    assert search_form(page)["q"].value == "<b>lamp & co"
    assert "<b>lamp" not in page


@pytest.mark.parametrize("q", ["%", "_", "'", '"', "\\", "'; DROP TABLE product; --", "😀"])
def test_what_means_something_to_sql_is_plain_text_to_the_search(visitor: TestApp, q: str) -> None:
    assert visitor.get("/", {"q": q}, headers=JSON).json["total"] == 0


def test_a_category_lists_its_own_products_only(visitor: TestApp) -> None:
    everything = visitor.get("/?category=garden", headers=JSON).json

    assert 0 < everything["total"] < 24
    assert "watering-can" in [product["sku"] for product in everything["products"]]
    assert "brass-pen" not in [product["sku"] for product in everything["products"]]


def test_a_search_within_a_category_keeps_both_through_the_pages(shop_with: Callable[..., TestApp]) -> None:
    second = shop_with({"shop.page_size": "2"}).get("/?category=kitchen&q=the").click("Next")

    assert second.request.path_qs == "/?q=the&category=kitchen&page=2"


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("name", lambda each: each["name"]),
        ("price", lambda each: each["price"]),
        ("-price", lambda each: -each["price"]),
    ],
)
def test_the_list_can_be_sorted(visitor: TestApp, sort: str, key: Callable[[dict[str, Any]], Any]) -> None:
    pages = [visitor.get("/", {"sort": sort, "page": page}, headers=JSON).json["products"] for page in (1, 2)]

    keys = [key(each) for page in pages for each in page]
    assert keys == sorted(keys)
    assert len(keys) == 24


def test_the_newest_come_first(visitor: TestApp, database: Database) -> None:
    (newest,) = database.execute("SELECT sku FROM product ORDER BY id DESC LIMIT 1").fetchone()

    assert skus(visitor.get("/?sort=newest", headers=JSON))[0] == newest


def test_people_sort_by_a_form_and_keep_it_through_the_pages(shop_with: Callable[..., TestApp]) -> None:
    found = shop_with({"shop.page_size": "2"}).get("/?q=the&category=kitchen")
    form = next(form for form in found.forms.values() if "sort" in form.fields)
    assert [words for _, _, words in form["sort"].options] == [
        "Relevance",
        "Name",
        "Price, lowest first",
        "Price, highest first",
        "Newest",
    ]

    form["sort"] = "-price"
    second = form.submit().click("Next")

    assert second.request.path_qs == "/?q=the&category=kitchen&sort=-price&page=2"
    assert next(form for form in second.forms.values() if "sort" in form.fields)["sort"].value == "-price"


@pytest.mark.parametrize("sort", ["Name", "stock", "price desc", "--price", "price;"])
def test_a_sort_that_is_not_there_is_400_and_says_which_there_are(visitor: TestApp, sort: str) -> None:
    words = "The list can be sorted by name, price, -price or newest."

    assert visitor.get("/", {"sort": sort}, headers=JSON, status=400).json["error"]["message"] == words
    assert words in text_of(visitor.get("/", {"sort": sort}, status=400))


def test_a_mistyped_search_shows_what_was_meant_and_says_so(visitor: TestApp) -> None:
    page = visitor.get("/?q=gooseneck+kettel")
    listing = visitor.get("/?q=gooseneck+kettel", headers=JSON).json

    assert "Nothing matches “gooseneck kettel”. These match “gooseneck kettle”:" in text_of(page)
    assert (listing["searched"], skus(visitor.get("/?q=gooseneck+kettel", headers=JSON))) == (
        "gooseneck kettle",
        ["gooseneck-kettle"],
    )
    assert search_form(page)["q"].value == "gooseneck kettel"
    assert "Nothing matches" not in text_of(visitor.get("/?q=gooseneck++kettle"))


@pytest.mark.parametrize("page", ["abc", "-1", "", "1.5", "1e3", "0x1", "\u0661", "9" * 7, "9" * 5000])
def test_a_page_that_is_no_number_is_400_and_says_what_to_do(visitor: TestApp, page: str) -> None:
    response = visitor.get("/", {"page": page}, headers=JSON, status=400)

    assert response.json["error"]["message"] == "The page must be a number, such as 2."
    assert "The page must be a number, such as 2." in text_of(visitor.get("/", {"page": page}, status=400))


@pytest.mark.parametrize("page", ["0", "3", "999999"])
def test_a_page_that_is_not_there_is_404_and_says_how_many_there_are(visitor: TestApp, page: str) -> None:
    response = visitor.get("/", {"page": page}, headers=JSON, status=404)

    assert response.json["error"]["message"] == f"There is no page {page}: this list has 2."


def test_a_category_that_is_not_there_is_404(visitor: TestApp) -> None:
    error = visitor.get("/?category=cars", headers=JSON, status=404).json["error"]

    assert error == {"code": "not_found", "message": "There is no such category in this shop.", "fields": {}}
    assert "There is no such category in this shop." in text_of(visitor.get("/?category=cars", status=404))


def test_a_search_of_ten_thousand_characters_is_refused(visitor: TestApp) -> None:
    response = visitor.get("/", {"q": "a" * 10_000}, headers=JSON, status=400)

    assert response.json["error"]["message"] == "Please search for less: at most 200 characters."


def test_a_product_in_json_is_its_line_in_the_list_and_more(visitor: TestApp) -> None:
    (listed,) = visitor.get("/?q=brass+pen", headers=JSON).json["products"]
    product = visitor.get("/products/brass-pen", headers=JSON).json

    assert product.items() >= listed.items()
    assert product["category"] == "Paper & Desk"
    assert product["description"]


def test_a_products_page_shows_it_and_offers_it(visitor: TestApp) -> None:
    page = visitor.get("/products/brass-pen")

    assert "Brass Fountain Pen" in text_of(page)
    assert "€78.00" in text_of(page)
    form = next(form for form in page.forms.values() if form.action == "/cart/items")
    assert (form["sku"].value, form["quantity"].value) == ("brass-pen", "1")


def test_a_product_that_is_sold_out_says_so_and_is_not_offered(visitor: TestApp) -> None:
    page = visitor.get("/products/camp-lantern")

    assert "Sold out" in text_of(page)
    offered = [form["sku"].value for form in page.forms.values() if form.action == "/cart/items"]
    assert "camp-lantern" not in offered
    assert visitor.get("/products/camp-lantern", headers=JSON).json["available"] == 0


@pytest.mark.parametrize("sku", ["nope", "BRASS-PEN", "a" * 64])
def test_a_product_that_is_not_there_is_404(visitor: TestApp, sku: str) -> None:
    error = visitor.get(f"/products/{sku}", headers=JSON, status=404).json["error"]

    assert error == {"code": "not_found", "message": "There is no such product in this shop.", "fields": {}}
    assert "There is no such product in this shop." in text_of(visitor.get(f"/products/{sku}", status=404))


@pytest.mark.parametrize("path", ["/products/", "/products/a/b", "/products/a%20b", "/product", "/" + "a" * 5000])
def test_an_address_that_is_not_there_is_404(visitor: TestApp, path: str) -> None:
    assert visitor.get(path, headers=JSON, status=404).json["error"]["message"] == "There is no page at this address."


def test_what_the_shopkeeper_changes_is_seen_at_once(visitor: TestApp, database: Database) -> None:
    database.execute("UPDATE product SET price = 4500, stock = 0, name = 'Pen <b>' WHERE sku = 'brass-pen'")

    product = visitor.get("/products/brass-pen", headers=JSON).json

    assert (product["price"], product["available"], product["name"]) == (4500, 0, "Pen <b>")
    assert "Pen &lt;b&gt;" in visitor.get("/products/brass-pen").text


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("*/*", "text/html"),
        ("application/json", "application/json"),
        ("application/json;q=0.5, text/html", "text/html"),
        ("application/json, */*;q=0.1", "application/json"),
        ("rubbish;;;", "text/html"),
    ],
)
def test_the_same_address_answers_html_or_json(visitor: TestApp, accept: str, content_type: str) -> None:
    for path in ("/", "/products/brass-pen", "/cart"):
        assert visitor.get(path, headers={"Accept": accept}).content_type == content_type


@pytest.mark.parametrize(("stock", "told"), [(0, "Sold out"), (1, "Only 1 left"), (5, "Only 5 left"), (6, "In stock")])
def test_a_product_says_how_much_of_it_is_left(visitor: TestApp, shop_app: Any, stock: int, told: str) -> None:
    with shop_app.registry["shopapp.sessionmaker"].begin() as dbsession:
        dbsession.execute(update(Product).where(Product.sku == "hand-trowel").values(stock=stock))

    assert told in visitor.get("/products/hand-trowel").text
