"""What is measured, and the requests that it takes."""

from collections.abc import Sequence

from benchmarks.load import Request

HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
"""As browsers send it."""

JSON = {"Accept": "application/json", "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}

FIGURES = {
    "healthz": "healthz (bare)",
    "home_visitor": "home, visitor",
    "home_person": "home, signed in",
    "product_visitor": "product, visitor",
    "product_person": "product, signed in",
    "cart_visitor": "cart page, visitor",
    "cart_person": "cart page, signed in",
    "set_line": "set a line (JSON)",
}

PRODUCTS = ("stoneware-mug", "opal-lamp", "field-compass", "nest-box")
"""Whose pages are asked for in turn."""

CART = {"stoneware-mug": 2, "beeswax-candles": 1, "oak-clock": 1}
"""What every cart holds."""

CHANGED, QUANTITIES = "stoneware-mug", (3, 2)
"""The line that is set, and what it is set to in turn, so that each request changes something."""

HOME, CART_PAGE = Request("GET", "/", HTML), Request("GET", "/cart", HTML)


def product_page(sku: str) -> Request:
    """Return the request for a product's page."""
    return Request("GET", f"/products/{sku}", HTML)


def set_line(sku: str, quantity: int) -> Request:
    """Return the request that sets a line of the cart."""
    return Request("POST", f"/cart/items/{sku}", JSON, f'{{"quantity": {quantity}}}')


def log_in(email: str, password: str) -> Request:
    """Return the request that signs in."""
    return Request("POST", "/login", JSON, f'{{"email": "{email}", "password": "{password}"}}')


def requests_of(figure: str, visitors: Sequence[str], people: Sequence[str]) -> list[Request]:
    """Return what is sent in turn, given the cookies of visitors who have a cart, and of people who are signed in.

    A visitor who looks at products has no cookie.
    """
    what, _, who = figure.partition("_")
    if figure == "healthz":
        return [Request("GET", "/healthz")]
    if figure == "set_line":
        return _each([set_line(CHANGED, quantity) for quantity in QUANTITIES], people)
    pages = {"home": [HOME], "product": list(map(product_page, PRODUCTS)), "cart": [CART_PAGE]}[what]
    if who == "visitor" and what != "cart":
        return pages
    return _each(pages, people if who == "person" else visitors)


def _each(requests: list[Request], cookies: Sequence[str]) -> list[Request]:
    return [request.with_cookie(cookie) for request in requests for cookie in cookies]
