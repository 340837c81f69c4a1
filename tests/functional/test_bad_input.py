"""Whatever is sent: it is refused with a message that says what to do, nothing changes, and it is never a 500."""

from collections.abc import Callable
from typing import Any

import pytest
from webtest import TestApp, TestResponse

from observing import everything_stored, send, text_of
from shopapp.catalog import demo
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

FORM, JSON_BODY = "application/x-www-form-urlencoded", "application/json"
MUG = "stoneware-mug"
ADD, SET = "/cart/items", f"/cart/items/{MUG}"
REFUSED = (400, 404, 422)


def multipart(name: str, value: str, filename: str = "") -> bytes:
    attributes = f'name="{name}"' + (f'; filename="{filename}"' if filename else "")
    return f"--B\r\nContent-Disposition: form-data; {attributes}\r\n\r\n{value}\r\n--B--\r\n".encode()


QUANTITIES = {
    "hexadecimal": "0x",
    "hexadecimal 0x1": "0x1",
    "negative": "-1",
    "signed": "+1",
    "exponent": "1e9",
    "a fraction": "1.5",
    "a fraction of zeros": "1.0",
    "empty": "",
    "white space": " ",
    "an Arabic digit": "\u0661",
    "a superscript": "²",
    "full width": "\uff11",
    "grouped": "1_0",
    "with a comma": "1,0",
    "two numbers": "1 2",
    "not a number": "NaN",
    "infinite": "inf",
    "too many for a line": "1000",
    "a billion": "1000000000",
    "more than 64 bits": "9" * 30,
    "more digits than int() takes": "9" * 5000,
    "zeros": "0" * 5000,
    "a word": "two",
    "markup": "<script>alert(1)</script>",
    "SQL": "1; DROP TABLE product",
    "Lua": "1) redis.call('FLUSHALL') --",
    "a template": "{{7*7}}",
}

BODIES = {
    "a NUL": (FORM, b"sku=%00&quantity=%00&email=%00&password=%00&current_password=%00&new_password=12345678"),
    "a NUL in a name": (FORM, b"sku=x&quantity=1&%00=1&email=a&password=a"),
    "a raw NUL": (FORM, b"sku=\0&quantity=\0&email=\0&password=\0&current_password=\0"),
    "bytes that are not UTF-8": (FORM, b"sku=%ff&quantity=%ff&email=%ff&password=%ff&current_password=%ff"),
    "raw bytes that are not UTF-8": (FORM, b"sku=\xff&quantity=\xff&email=a&password=\xff&current_password=\xff"),
    "a lone surrogate": (FORM, b"sku=%ED%A0%80&quantity=%ED%A0%80&email=%ED%A0%80&password=x&current_password=x"),
    "UTF-8 longer than need be": (FORM, b"sku=%C0%AF&quantity=%C0%AF&email=%C0%AF&password=x&current_password=x"),
    "one megabyte": (FORM, b"sku=" + b"a" * 2**20),
    "one megabyte of a quantity": (FORM, b"sku=stoneware-mug&quantity=" + b"1" * 2**20),
    "one megabyte of JSON": (JSON_BODY, b'{"sku": "' + b"a" * 2**20 + b'"}'),
    "more fields than any form has": (FORM, b"sku=stoneware-mug&quantity=2&" + b"a=1&" * 5000),
    "ampersands": (FORM, b"&" * 60000),
    "nothing": (FORM, b""),
    "nothing, and no type": ("", b""),
    "a form without a type": ("", b"sku=stoneware-mug&quantity=2"),
    "a form as text": ("text/plain", b"sku=stoneware-mug&quantity=2"),
    "a form as XML": ("application/xml", b"sku=stoneware-mug&quantity=2"),
    "a type that is none": ("rubbish;;", b"sku=stoneware-mug&quantity=2"),
    "JSON as a form": (FORM, b'{"sku": "stoneware-mug", "quantity": 2}'),
    "a form as JSON": (JSON_BODY, b"sku=stoneware-mug&quantity=2"),
    "multipart": ("multipart/form-data; boundary=B", multipart("sku", MUG)),
    "a file as the product": ("multipart/form-data; boundary=B", multipart("sku", MUG, "a.txt")),
    "a file as the quantity": ("multipart/form-data; boundary=B", multipart("quantity", "1", "a.txt")),
    "a file as the e-mail": ("multipart/form-data; boundary=B", multipart("email", "a", "a.txt")),
    "multipart that never ends": ("multipart/form-data; boundary=B", b"--B\r\n"),
    "multipart without a boundary": ("multipart/form-data", b"--B\r\n"),
    "JSON: nothing": (JSON_BODY, b""),
    "JSON: broken": (JSON_BODY, b"{"),
    "JSON: not UTF-8": (JSON_BODY, b'{"sku": "\xff", "quantity": 1}'),
    "JSON: in UTF-16": ("application/json; charset=utf-16", '{"sku": "stoneware-mug"}'.encode("utf-16")),
    "JSON: a NUL": (JSON_BODY, b'{"sku": "\\u0000", "quantity": "\\u0000", "email": "\\u0000", "password": "x"}'),
    "JSON: a lone surrogate": (JSON_BODY, b'{"sku": "\\ud800", "quantity": 1, "email": "\\ud800", "password": "x"}'),
    "JSON: null": (JSON_BODY, b"null"),
    "JSON: a number": (JSON_BODY, b"1"),
    "JSON: a text": (JSON_BODY, b'"stoneware-mug"'),
    "JSON: a list": (JSON_BODY, b'["sku", "stoneware-mug"]'),
    "JSON: fields that are null": (JSON_BODY, b'{"sku": null, "quantity": null, "email": null}'),
    "JSON: fields that are lists": (JSON_BODY, b'{"sku": ["stoneware-mug"], "quantity": [1], "email": ["a"]}'),
    "JSON: fields that are objects": (JSON_BODY, b'{"sku": {"$ne": ""}, "quantity": {"$gt": 0}, "email": {}}'),
    "JSON: fields that are true": (JSON_BODY, b'{"sku": true, "quantity": true, "email": true}'),
    "JSON: a quantity that is true": (JSON_BODY, b'{"sku": "stoneware-mug", "quantity": true}'),
    "JSON: a fraction": (JSON_BODY, b'{"sku": "stoneware-mug", "quantity": 1.5}'),
    "JSON: negative": (JSON_BODY, b'{"sku": "stoneware-mug", "quantity": -1}'),
    "JSON: a huge number": (JSON_BODY, b'{"sku": "stoneware-mug", "quantity": ' + b"9" * 5000 + b"}"),
    "JSON: 1e999": (JSON_BODY, b'{"sku": "stoneware-mug", "quantity": 1e999}'),
    "JSON: NaN": (JSON_BODY, b'{"sku": "stoneware-mug", "quantity": NaN}'),
    "JSON: deep lists": (JSON_BODY, b"[" * 60000),
    "JSON: deep objects": (JSON_BODY, b'{"sku":' * 8000),
    "JSON: deep in a field": (JSON_BODY, b'{"sku": ' + b"[" * 30000 + b"]" * 30000 + b"}"),
}

ADDRESSES = {
    "/?page=abc": 400,
    "/?page=-1": 400,
    "/?page=": 400,
    "/?page=1e9": 400,
    "/?page=%D9%A1": 400,
    "/?page=1%00": 400,
    "/?page=0": 404,
    "/?page=999999": 404,
    f"/?page={'9' * 5000}": 400,
    f"/?q={'a' * 10000}": 400,
    "/?q=%00": 400,
    "/?q=%FF": 400,
    "/?q=%ED%A0%80": 400,
    "/?%FF=1": 400,
    "/?category=%00": 400,
    "/?category=%FF": 400,
    "/?category=nope": 404,
    f"/?category={'a' * 10000}": 404,
    "/products/nope": 404,
    "/products/%00": 404,
    "/products/%FF": 400,
    "/products/%ED%A0%80": 400,
    "/products/caf%C3%A9": 404,
    "/products/..%2F..%2Fetc%2Fpasswd": 404,
    f"/products/{'a' * 10000}": 404,
    "/%FF": 400,
    "/%00": 404,
    "/static/%FF": 400,
    "/static/%00": 404,
    "/static/../__init__.py": 404,
    "/static/%2e%2e/__init__.py": 404,
    "/static/..%2f__init__.py": 404,
    "/static//etc/passwd": 404,
}


@pytest.fixture
def unchanged(
    visitor: TestApp, shop_redis: ObservedRedis, shop_settings: dict[str, Any]
) -> Callable[[TestResponse, tuple[int, ...]], None]:
    """A visitor with two mugs in the cart, and a function that says that an answer was a refusal and nothing more."""
    visitor.post("/cart/items", {"sku": MUG, "quantity": "2"}, headers=JSON)
    before = everything_stored(shop_redis, shop_settings)

    def check(response: TestResponse, statuses: tuple[int, ...] = REFUSED) -> None:
        assert response.status_int in statuses, response.request.environ["PATH_INFO"]
        assert _message(response)
        assert "Traceback" not in response.text
        assert "Set-Cookie" not in response.headers
        assert everything_stored(shop_redis, shop_settings) == before

    return check


def _message(response: TestResponse) -> str:
    if response.request.method == "HEAD":
        return "none, as HEAD wants it"
    if response.content_type == "application/json":
        error = response.json["error"]
        assert set(error) == {"code", "message", "fields"}
        return error["message"]
    return text_of(response)


@pytest.mark.parametrize("name", QUANTITIES)
def test_a_quantity_that_is_none_is_refused(visitor: TestApp, unchanged: Callable[..., None], name: str) -> None:
    for path in (ADD, SET):
        for headers in (JSON, {}):
            fields = {"sku": MUG, "quantity": QUANTITIES[name]}
            response = visitor.post(path, fields, headers=headers, status=422)
            unchanged(response)
            assert "<script>" not in response
        in_json = visitor.post_json(path, fields, headers=JSON, status=422)
        unchanged(in_json)
        assert list(in_json.json["error"]["fields"]) == ["quantity"]


def test_adding_none_is_refused_and_says_why(visitor: TestApp, unchanged: Callable[..., None]) -> None:
    response = visitor.post(ADD, {"sku": MUG, "quantity": "0"}, headers=JSON, status=422)

    unchanged(response)
    assert response.json["error"]["fields"] == {"quantity": "Please add at least 1."}


def test_setting_without_a_quantity_is_refused_and_says_why(visitor: TestApp, unchanged: Callable[..., None]) -> None:
    response = visitor.post(SET, {}, headers=JSON, status=422)

    unchanged(response)
    assert response.json["error"]["fields"] == {"quantity": "Please enter a whole number, such as 1 or 2."}


def test_adding_without_a_product_is_refused_and_says_why(visitor: TestApp, unchanged: Callable[..., None]) -> None:
    response = visitor.post(ADD, {"quantity": "1"}, headers=JSON, status=422)

    unchanged(response)
    assert response.json["error"]["fields"] == {"sku": "Please say which product to add."}


def test_an_unknown_product_is_refused(visitor: TestApp, unchanged: Callable[..., None]) -> None:
    for sku in ("nope", "NOPE", MUG.upper(), f" {MUG}", f"{MUG}\n", ":moved", "a" * 5000, "café", "'"):
        for headers in (JSON, {}):
            response = visitor.post(ADD, {"sku": sku}, headers=headers, status=404)
            unchanged(response)
            assert "There is no such product in this shop." in _message(response)


def test_an_unknown_product_in_the_address_is_refused(visitor: TestApp, unchanged: Callable[..., None]) -> None:
    for sku in ("nope", "%00", "%FF", ":moved", "a" * 5000, "caf%C3%A9", "..%2Fx", "%ED%A0%80"):
        for headers in (JSON, {}):
            unchanged(send(visitor, "POST", f"/cart/items/{sku}", headers), (400, 404))


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_no_form_is_refused(visitor: TestApp, unchanged: Callable[..., None], name: str) -> None:
    content_type, body = BODIES[name]
    for path in (ADD, SET, "/login"):
        for headers in (JSON, {}):
            response = visitor.post(path, body, headers=headers, content_type=content_type, status="*")
            unchanged(response)


def test_a_body_that_is_no_form_changes_no_password(customer: TestApp, unchanged: Callable[..., None]) -> None:
    for content_type, body in BODIES.values():
        for headers in (JSON, {}):
            response = customer.post("/account/password", body, headers=headers, content_type=content_type, status="*")
            unchanged(response)


@pytest.mark.parametrize("charset", ["bogus", "utf-16", "utf-7", "hex", "rot13", "latin-1", "x" * 1000])
def test_the_charset_that_a_client_names_is_not_believed(visitor: TestApp, charset: str) -> None:
    """Forms are UTF-8, whatever their type says beside."""
    content_type = f"{FORM}; charset={charset}"

    visitor.post(ADD, b"sku=stoneware-mug&quantity=2", headers=JSON, content_type=content_type, status=200)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", [JSON, {}], ids=["json", "html"])
def test_an_address_that_makes_no_sense_is_refused(
    visitor: TestApp, unchanged: Callable[..., None], method: str, headers: dict[str, str]
) -> None:
    for path, status in ADDRESSES.items():
        unchanged(send(visitor, method, path, headers), (status,))


@pytest.mark.parametrize("target", ["%FF", "%00", "%ED%A0%80"])
def test_a_login_page_for_an_address_that_makes_no_sense_is_refused(visitor: TestApp, target: str) -> None:
    visitor.get(f"/login?next={target}", status=400)


@pytest.mark.parametrize("query", ["%FF", "%00=%00", "a=%ED%A0%80", "&&&", "=" * 5000])
def test_a_query_that_nobody_asked_for_does_no_harm(visitor: TestApp, query: str) -> None:
    for path in ("/cart", "/account", "/healthz", "/readyz", "/metrics", "/nope"):
        for headers in (JSON, {}):
            assert visitor.get(f"{path}?{query}", headers=headers, status="*").status_int < 500


@pytest.mark.parametrize("body", [b"\xff\0" * 1000, b"{", b"a" * 2**20], ids=["bytes", "broken", "large"])
def test_a_logout_needs_no_body_and_minds_none(customer: TestApp, body: bytes) -> None:
    customer.post("/logout", body, headers=JSON, content_type=JSON_BODY, status=204)
    customer.get("/account", headers=JSON, status=401)


@pytest.mark.parametrize("accept", ["text/plain", "image/png", "application/json;q=0", "*/*;q=0"])
def test_a_format_that_there_is_not_is_406_and_not_a_missing_page(visitor: TestApp, accept: str) -> None:
    response = visitor.get("/", headers={"Accept": accept}, status=406)

    assert "This address cannot answer in the format that was asked for." in text_of(response)
    visitor.get("/login", headers=JSON, status=406)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/cart/items", "GET, HEAD, POST"),
        ("PUT", SET, "GET, HEAD, POST"),
        ("DELETE", "/logout", "GET, HEAD, POST"),
        ("DELETE", "/cart", "GET, HEAD"),
        ("PUT", "/", "GET, HEAD"),
        ("OPTIONS", "/login", "GET, HEAD, POST"),
        ("POST", "/healthz", "GET, HEAD"),
    ],
)
def test_a_method_that_there_is_not_is_405_and_says_which_there_are(
    visitor: TestApp, unchanged: Callable[..., None], method: str, path: str, allowed: str
) -> None:
    for headers in (JSON, {}):
        response = visitor.request(path, method=method, headers=headers, status=405)
        unchanged(response, (405,))
        assert response.headers["Allow"] == allowed


def test_the_demo_account_is_still_there_after_all_this(visitor: TestApp) -> None:
    injection = "' OR 1=1 --"
    visitor.post("/login", {"email": injection, "password": injection}, headers=JSON, status=401)

    assert log_in(visitor, email=demo.EMAIL).status_int == 200
