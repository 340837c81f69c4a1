"""A page of somebody else's that sends the shop's forms in a visitor's name changes nothing."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browsing import add_to_cart, badge, log_in, serve
from shopapp.catalog import demo

TRAP = """<!doctype html><html lang="en"><title>You have won</title><link rel="icon" href="data:,">
<form method="post" action="{target}"><input name="sku" value="brass-pen"><input name="quantity" value="3"></form>
<script>document.forms[0].submit()</script>"""


@pytest.fixture
def trap(shop_url: str) -> Iterator[str]:
    """The URL of a page on another port; what its address ends with is where in the shop it sends its form."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [TRAP.format(target=shop_url + environ["PATH_INFO"]).encode()]

    with serve(app) as url:
        yield url


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["same site, another port", "another site"])
def test_it_is_refused_and_changes_nothing(host: str, trap: str, page: Page, complaints: Any) -> None:
    complaints.expect("status of 403")
    log_in(page)
    add_to_cart(page, "stoneware-mug")

    for target in ("/cart/items", "/cart/items/stoneware-mug", "/logout"):
        with page.expect_response(lambda response: response.request.method == "POST") as answer:
            page.goto(trap.replace("127.0.0.1", host) + target)
        assert answer.value.status == 403
        expect(page.get_by_text("This form was sent from another site, so nothing was done.")).to_be_visible()

    page.goto("/cart")
    expect(page.get_by_role("link", name=f"Account of {demo.NAME}")).to_be_visible()
    expect(badge(page)).to_have_text("1")
    expect(page.get_by_label("Quantity of Stoneware Mug, Moss")).to_have_value("1")
