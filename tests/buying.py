"""What tests of the checkout do: fill a cart, order it, and look into the shop's database."""

from typing import Any

from sqlalchemy import text
from webtest import Form, TestApp, TestResponse

from observing import form_to
from shopapp.db import create_engine_from
from shopapp.settings.shop import ShopSettings
from shopapp.testing.shop import JSON

MUG, LAMP = "stoneware-mug", "opal-lamp"

WHERE = {"name": "Grace Guest", "street": "1 Harbour Road", "postcode": "D02 XY45", "city": "Dublin", "country": "IE"}
GUEST = {"email": "guest@example.com", **WHERE}


def sql(settings: dict[str, Any], statement: str, **values: Any) -> list[Any]:
    """Run one statement on the shop's database, as a shopkeeper does, and commit it; return the rows."""
    engine = create_engine_from(ShopSettings(database_url=settings["shop.database_url"]))
    try:
        with engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


def stock(settings: dict[str, Any], sku: str = MUG) -> int:
    """How many of a product there are."""
    [(there,)] = sql(settings, "SELECT stock FROM product WHERE sku = :sku", sku=sku)
    return int(there)


def set_product(settings: dict[str, Any], sku: str = MUG, **values: int) -> None:
    """Change price or stock of a product."""
    for column, value in values.items():
        sql(settings, f"UPDATE product SET {column} = :value WHERE sku = :sku", value=value, sku=sku)


def orders(settings: dict[str, Any]) -> list[Any]:
    """Number, total and status of every order."""
    return sql(settings, 'SELECT number, total, status FROM "order" ORDER BY id')


def fill(browser: TestApp, sku: str = MUG, quantity: int = 2) -> None:
    """Put so many of a product into the cart."""
    browser.post("/cart/items", {"sku": sku, "quantity": str(quantity)}, headers=JSON)


def look(browser: TestApp) -> dict[str, Any]:
    """Return what the checkout says of the cart as it is."""
    return dict(browser.get("/checkout", headers=JSON).json)


def sent(seen: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the fields of the form that belongs to this look at the checkout."""
    return {**GUEST, "form": seen["form"], "accept_total": str(seen["total"]), **fields}


def typed_in(page: TestResponse) -> Form:
    """Return the form on a page of the checkout, with all that a guest types into it."""
    form = form_to(page, "/checkout")
    for name, value in GUEST.items():
        form[name] = value
    return form


def order(browser: TestApp, fields: dict[str, Any], status: Any = 201) -> TestResponse:
    """Send the form by JSON."""
    return browser.post("/checkout", fields, headers=JSON, status=status)


def in_cart(browser: TestApp) -> dict[str, int]:
    """What the cart holds: sku to quantity."""
    return {line["sku"]: line["quantity"] for line in browser.get("/cart", headers=JSON).json["lines"]}
