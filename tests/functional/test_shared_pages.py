"""Pages that are the same for everybody: rendered once, confirmed by their ETag, and with nobody's own in them."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError
from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy import update
from webtest import TestApp

import shopapp
from on_database import Database
from shopapp.catalog import views
from shopapp.catalog.models import Product
from shopapp.testing.shop import JSON, log_in
from shopapp.web.pages import HOLES

PAGES = ("/", "/?page=2", "/?category=garden", "/?q=mug", "/products/brass-pen")
FOR_EVERYBODY = "public, max-age=0, s-maxage=1, must-revalidate"


@pytest.mark.parametrize("headers", [{}, JSON], ids=["html", "json"])
@pytest.mark.parametrize("path", PAGES)
def test_a_visitors_page_is_confirmed_by_its_etag(visitor: TestApp, path: str, headers: dict[str, str]) -> None:
    page = visitor.get(path, headers=headers)
    again = visitor.get(path, headers={**headers, "If-None-Match": page.headers["ETag"]}, status=304)

    assert page.headers["ETag"].startswith('"')  # a strong one
    assert (page.headers["Cache-Control"], again.headers["Cache-Control"]) == (FOR_EVERYBODY, FOR_EVERYBODY)
    assert (again.body, again.headers["ETag"]) == (b"", page.headers["ETag"])
    assert {"Accept", "Cookie"} == set(page.vary) == set(again.vary)
    assert "Content-Length" not in again.headers


@pytest.mark.parametrize("known", ["*", 'W/"x", {}', "{}, {}"])
def test_an_etag_is_found_as_http_says(visitor: TestApp, known: str) -> None:
    etag = visitor.get("/").headers["ETag"]

    visitor.get("/", headers={"If-None-Match": known.replace("{}", etag)}, status=304)
    visitor.get("/", headers={"If-None-Match": '"another"'}, status=200)


def test_each_page_has_an_etag_of_its_own(visitor: TestApp) -> None:
    etags = [visitor.get(path, headers=headers).headers["ETag"] for path in PAGES for headers in ({}, JSON)]

    assert len(set(etags)) == len(etags)


def test_the_etag_is_the_same_in_every_process(visitor: TestApp, shop_settings: dict[str, Any]) -> None:
    other = TestApp(shopapp.main({}, **shop_settings))

    for path in PAGES:
        assert other.get(path).headers["ETag"] == visitor.get(path).headers["ETag"]


def test_a_change_of_the_catalogue_makes_another_etag(visitor: TestApp, database: Database) -> None:
    etag = visitor.get("/products/brass-pen").headers["ETag"]

    database.execute("UPDATE product SET stock = 1 WHERE sku = 'brass-pen'")

    page = visitor.get("/products/brass-pen", headers={"If-None-Match": etag}, status=200)
    assert "Only 1 left" in page


def test_a_change_through_one_process_is_shown_by_another_within_a_second(
    visitor: TestApp, shop_settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopapp.catalog.memory.LOOK_SECONDS", 1.0)  # as it is
    one, other = shopapp.main({}, **shop_settings), TestApp(shopapp.main({}, **shop_settings))
    other.get("/products/brass-pen")

    for price in (4500, 4600, 4700):
        with one.registry["shopapp.sessionmaker"].begin() as dbsession:
            dbsession.execute(update(Product).where(Product.sku == "brass-pen").values(price=price))
        committed = time.monotonic()
        while other.get("/products/brass-pen", headers=JSON).json["price"] != price:
            assert time.monotonic() - committed < 1.1
            time.sleep(0.01)
        assert f"€{price / 100:.2f}" in other.get("/products/brass-pen")


def test_a_persons_page_has_no_etag_and_is_kept_by_nobody(customer: TestApp, visitor: TestApp) -> None:
    for path in PAGES:
        page = customer.get(path, headers={"If-None-Match": "*"}, status=200)

        assert "ETag" not in page.headers
        assert page.headers.getall("Cache-Control") == ["no-store"]
        assert "Demo Customer" in page


def test_head_is_answered_as_get(visitor: TestApp) -> None:
    page, head = visitor.get("/"), visitor.head("/")

    assert head.body == b""
    for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control", "Vary"):
        assert head.headers[name] == page.headers[name]


def test_what_a_page_says_of_itself_is_true(customer: TestApp, new_visitor: Callable[[], TestApp]) -> None:
    customer.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)

    for browser in (customer, new_visitor()):
        for path in PAGES:
            page = browser.get(path)
            assert page.content_length == len(page.body)
            assert page.headers["Content-Type"] == "text/html; charset=UTF-8"
            assert "<!-- " not in page.text
            assert page.text.count('class="site-tools"') == 1


def test_a_page_under_a_path_of_its_own_has_addresses_of_its_own(visitor: TestApp) -> None:
    visitor.get("/")

    page = visitor.get("/", extra_environ={"SCRIPT_NAME": "/shop"})

    for address in ('href="/shop/cart"', 'action="/shop/cart/items"', 'src="/shop/static/'):
        assert address in page
    assert 'href="/shop/' not in visitor.get("/")


def test_of_many_who_ask_for_a_page_that_is_not_there_one_renders_it(
    shop_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, rendered = 12, []
    together = threading.Barrier(number)
    related = views.related_products

    def slow(*arguments: Any) -> Any:
        rendered.append(1)
        threading.Event().wait(0.2)
        return related(*arguments)

    monkeypatch.setattr(views, "related_products", slow)
    monkeypatch.setattr("shopapp.catalog.memory.LOOK_SECONDS", 3600.0)

    def look(_number: int) -> str:
        browser = TestApp(shop_app)
        together.wait()
        return browser.get("/products/brass-pen").text

    with ThreadPoolExecutor(number) as pool:
        pages = list(pool.map(look, range(number)))

    assert len(rendered) == 1
    assert len(set(pages)) == 1


def test_a_page_that_is_overtaken_by_a_change_is_not_kept_for_the_version_after(
    visitor: TestApp, shop_app: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was read before the change, and is put into memory when others have seen the change already."""
    overtaken = []
    find = views.product_or_404

    def slow(request: Request, sku: str) -> Any:
        product = find(request, sku)
        if not overtaken:
            overtaken.append(True)
            database.execute("UPDATE product SET price = 4500 WHERE sku = 'brass-pen'")
            TestApp(shop_app).get("/")  # another request looks meanwhile
        return product

    monkeypatch.setattr(views, "product_or_404", slow)
    assert "€78.00" in visitor.get("/products/brass-pen")

    assert "€45.00" in visitor.get("/products/brass-pen")


def test_those_who_wait_for_a_page_that_fails_fail_with_it(shop_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    number, tried = 8, []
    together = threading.Barrier(number)

    def fail(*_arguments: Any) -> Any:
        tried.append(1)
        threading.Event().wait(0.5)
        raise RuntimeError("away")

    monkeypatch.setattr(views, "related_products", fail)
    monkeypatch.setattr("shopapp.catalog.memory.LOOK_SECONDS", 3600.0)

    def look(_number: int) -> int:
        browser = TestApp(shop_app)
        together.wait()
        return browser.get("/products/brass-pen", status="*").status_int

    with ThreadPoolExecutor(number) as pool:
        statuses = list(pool.map(look, range(number)))

    assert statuses == [500] * number
    assert len(tried) < number / 2


def test_what_nobody_types_is_not_remembered(shop_app: Any, visitor: TestApp) -> None:
    kept = shop_app.registry["shopapp.pages"]._kept

    visitor.get("/", {"q": "mug" + " " * 300})
    visitor.get("/?category=" + "x" * 300, status=404)
    assert len(kept) == 0

    visitor.get("/", {"q": "mug"})
    assert len(kept) == 1


def test_what_the_address_says_beyond_what_a_page_reads_makes_no_other_page(
    visitor: TestApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = []
    listed = views.list_products
    monkeypatch.setattr(views, "list_products", lambda *arguments: rendered.append(1) or listed(*arguments))
    monkeypatch.setattr("shopapp.catalog.memory.LOOK_SECONDS", 3600.0)

    pages = {visitor.get(path).text for path in ("/", "/?utm_source=mail", "/?a=1&b=2", "/?utm_source=other")}

    assert (len(pages), len(rendered)) == (1, 1)
    for path in ("/?page=2", "/?page=2&utm_source=mail", "/?page=1&page=2"):
        assert "page 2 of 2" in visitor.get(path)
    assert len(rendered) == 2


def test_a_failure_while_it_is_rendered_is_kept_by_nobody(visitor: TestApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any) -> Any:
        raise RuntimeError("once")

    with monkeypatch.context() as patch:
        patch.setattr(views, "related_products", fail)
        visitor.get("/products/brass-pen", status=500)

    assert "Brass Fountain Pen" in visitor.get("/products/brass-pen", status=200)


# A view that would show everybody what is one person's


def test_a_shared_page_must_not_look_at_the_session(
    shop_app: Any, customer: TestApp, visitor: TestApp, caplog: pytest.LogCaptureFixture
) -> None:
    _add_view(shop_app, lambda request: Response(f"{HOLES[0]}{request.identity}{HOLES[1]}"))

    page = customer.get("/careless", status=500)

    assert "Demo Customer" not in page
    assert "a shared page must not look at the session" in caplog.text
    visitor.get("/careless", status=500)


def test_a_shared_page_sees_nothing_of_who_asks_first(shop_app: Any, customer: TestApp, visitor: TestApp) -> None:
    def careless(request: Request) -> Response:
        seen = (request.cookies, dict(request.headers), request.host_url, request.GET, request.remote_addr)
        return Response(f"{seen} {request.route_url('cart')} {request.path}")

    _add_view(shop_app, careless, shared=("page",))

    first = customer.get("/careless?page=2&secret=3", headers={"Host": "evil.example", "Accept-Language": "de"})

    for word in ("session", "evil.example", "Accept-Language", "secret", "192.0.2.1"):
        assert word not in first
    assert "('page', '2')" in first
    assert "http://everybody.invalid/cart /careless" in first
    assert visitor.get("/careless?page=2").text == first.text


@pytest.mark.parametrize(
    "answer",
    [
        lambda _request: Response("", status=203),
        lambda _request: Response("", headers={"X-Secret": "1"}),
        lambda request: request.add_response_callback(lambda *_: None) or Response(""),
    ],
    ids=["status", "header", "callback"],
)
def test_a_shared_page_is_nothing_but_its_contents(shop_app: Any, visitor: TestApp, answer: Any) -> None:
    _add_view(shop_app, answer)

    visitor.get("/careless", status=500)


@pytest.mark.parametrize("shared", ["page", ["page"], True, ("page", 1)])
def test_what_a_page_depends_on_is_a_tuple_of_names(shop_app: Any, shared: Any) -> None:
    with pytest.raises(ConfigurationError, match="should be a tuple of names"):
        _add_view(shop_app, lambda _request: Response(""), shared=shared)


def test_only_get_is_answered_from_memory(shop_app: Any, visitor: TestApp) -> None:
    asked = []
    _add_view(shop_app, lambda request: asked.append(request.method) or Response(""), request_method=None)

    for _ in range(2):
        visitor.post("/careless")

    assert asked == ["POST", "POST"]


@pytest.mark.parametrize("body", ["", str(HOLES[0]), str(HOLES[1]), f"{HOLES[1]}{HOLES[0]}"])
def test_a_shared_page_needs_both_holes_or_none(shop_app: Any, visitor: TestApp, body: str) -> None:
    _add_view(shop_app, lambda _request: Response(body))

    visitor.get("/careless", status=500 if body else 200)


def test_while_templates_are_written_nothing_is_remembered(
    shop_with: Callable[[dict[str, Any]], TestApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = []
    related = views.related_products
    monkeypatch.setattr(views, "related_products", lambda *arguments: rendered.append(1) or related(*arguments))
    browser = shop_with({"pyramid.reload_templates": "true"})
    monkeypatch.setattr("shopapp.catalog.memory.LOOK_SECONDS", 3600.0)

    for _ in range(2):
        page = browser.get("/products/brass-pen")

    assert "Brass Fountain Pen" in page
    assert len(rendered) == 2


def test_text_of_the_catalogue_makes_no_hole(visitor: TestApp, database: Database) -> None:
    database.execute("UPDATE product SET name = ? WHERE sku = 'brass-pen'", [str(HOLES[0])])
    log_in(visitor)

    page = visitor.get("/products/brass-pen", status=200)

    assert page.text.count("Demo Customer") == 1


def _add_view(app: Any, view: Callable[[Request], Response], shared: Any = (), **options: Any) -> None:
    config = Configurator(registry=app.registry, autocommit=True)
    config.add_route("careless", "/careless")
    config.add_view(view, route_name="careless", shared=shared, **options)
