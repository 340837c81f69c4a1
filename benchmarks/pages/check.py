"""Before anything is measured, each contender has to show that it shows the same as the others."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from html.parser import HTMLParser

import psycopg
from psycopg.rows import class_row

from benchmarks.contenders import BenchmarkError
from benchmarks.load import Request
from benchmarks.pages.browser import browsers
from benchmarks.pages.figures import CART, CART_PAGE, CHANGED, HOME, PRODUCTS, QUANTITIES, product_page, set_line
from benchmarks.pages.shop import name_of

PAGE_SIZE, RELATED, FEW = 12, 4, 5
ALSO = "You may also like"


@dataclass(frozen=True)
class Product:
    """What the database says of a product."""

    sku: str
    name: str
    description: str
    category: str
    price: int
    stock: int

    def facts(self) -> list[str]:
        """Return what a card shows, in this order."""
        return [self.name, euros(self.price), *self.hint()]

    def hint(self) -> list[str]:
        """Return what is said of a stock that is small."""
        if self.stock == 0:
            return ["Sold out"]
        return [f"Only {self.stock} left"] if self.stock <= FEW else []


def euros(cents: int) -> str:
    """Return a price as the pages show it."""
    return f"€{cents / 100:,.2f}"


def read_catalogue(conninfo: str) -> list[Product]:
    """Return all products by name."""
    with psycopg.connect(conninfo) as connection, connection.cursor(row_factory=class_row(Product)) as cursor:
        return cursor.execute(
            "SELECT p.sku, p.name, p.description, c.name AS category, p.price, p.stock"
            " FROM product p JOIN category c ON c.id = p.category_id ORDER BY p.name, p.id"
        ).fetchall()


def check(contender: str, port: int, catalogue: list[Product]) -> dict[str, int]:
    """Look at every page of a contender. Returns the bytes of each. Raises BenchmarkError."""
    try:
        return _check(port, catalogue)
    except BenchmarkError as error:
        raise BenchmarkError(f"{contender} does not do what it should: {error}") from error


def _check(port: int, catalogue: list[Product]) -> dict[str, int]:
    by_sku = {product.sku: product for product in catalogue}
    cards = [fact for product in catalogue[:PAGE_SIZE] for fact in product.facts()]
    categories = sorted({product.category for product in catalogue})
    with browsers(port) as make:
        visitor, person = make.new(), make.new()
        _expect(visitor.send(Request("GET", "/healthz")), ["ok"])
        pages = {"home_visitor": visitor.send(HOME)}
        _expect(pages["home_visitor"], ["Sign in", "Cart", *categories, f"{len(catalogue)} products", *cards])
        for sku in PRODUCTS[1:] + PRODUCTS[:1]:
            pages["product_visitor"] = visitor.send(product_page(sku))
            _expect_product(pages["product_visitor"], [], by_sku[sku], catalogue)
        person.log_in(1)
        for browser in (visitor, person):
            browser.fill_cart()
        for which, browser, who in (("visitor", visitor, "Sign in"), ("person", person, name_of(1))):
            pages[f"cart_{which}"] = browser.send(CART_PAGE)
            _expect(pages[f"cart_{which}"], [who, *_cart_facts(CART, by_sku)])
        frame = [name_of(1), "Cart", f"{sum(CART.values())} items"]
        pages["home_person"] = person.send(HOME)
        _expect(pages["home_person"], [*frame, *categories, *cards])
        pages["product_person"] = person.send(product_page(PRODUCTS[0]))
        _expect_product(pages["product_person"], frame, by_sku[PRODUCTS[0]], catalogue)
        for quantity in QUANTITIES:
            held = {**CART, CHANGED: quantity}
            pages["set_line"] = person.send(set_line(CHANGED, quantity))
            _expect_cart(json.loads(pages["set_line"]), held, by_sku)
            _expect(person.send(CART_PAGE), _cart_facts(held, by_sku))
    return {figure: len(page.encode()) for figure, page in pages.items()}


def _expect_product(page: str, frame: list[str], product: Product, catalogue: list[Product]) -> None:
    """See that a page shows the product, and beside it some others of the category: which is each contender's own."""
    stock = product.hint() or ["In stock"]
    _expect(page, [*frame, product.category, product.name, euros(product.price), *stock, product.description])
    others = [each for each in catalogue if each.category == product.category and each != product]
    beside = text_of(page).partition(ALSO)[2]
    shown = [each for each in others if " ".join(each.facts()) in beside]
    if len(shown) != min(RELATED, len(others)):
        raise BenchmarkError(f"beside {product.name!r} it shows {[each.name for each in shown]}")


def _cart_facts(held: dict[str, int], by_sku: dict[str, Product]) -> list[str]:
    lines = _lines(held, by_sku)
    facts = [(line.name, f"{euros(line.price)} each", euros(line.price * quantity)) for line, quantity in lines]
    total = sum(line.price * quantity for line, quantity in lines)
    return [*(text for line in facts for text in line), "Items", str(sum(held.values())), "Total", euros(total)]


def _lines(held: dict[str, int], by_sku: dict[str, Product]) -> list[tuple[Product, int]]:
    return sorted(((by_sku[sku], quantity) for sku, quantity in held.items()), key=lambda line: line[0].name)


def _expect_cart(cart: dict, held: dict[str, int], by_sku: dict[str, Product]) -> None:
    """Compare the JSON of a cart with what it should hold. A contender may tell more than that."""
    total = sum(line.price * quantity for line, quantity in _lines(held, by_sku))
    found = [(line["name"], line["quantity"], line["unit_price"], line["available"]) for line in cart["lines"]]
    wanted = [(line.name, quantity, line.price, line.stock) for line, quantity in _lines(held, by_sku)]
    if (found, cart["count"], cart["total"]) != (wanted, sum(held.values()), total):
        raise BenchmarkError(f"the cart should hold {wanted}, together {total}, and is {cart}")


def _expect(page: str, facts: Iterable[str]) -> None:
    """See that a page shows all these, in this order. Raises BenchmarkError."""
    text = text_of(page)
    position = 0
    for fact in facts:
        found = text.find(fact, position)
        if found < 0:
            raise BenchmarkError(f"where is {fact!r}? After {text[max(position - 60, 0) : position]!r} it is missing")
        position = found + len(fact)


def text_of(page: str) -> str:
    """Return what a page shows, with single spaces."""
    reader = _TextReader()
    reader.feed(page)
    return " ".join(" ".join(reader.texts).split())


class _TextReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
