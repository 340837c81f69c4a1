"""What somebody types is text wherever it comes back: in every field of every form, address and header that there is.

The forms are found by following links, and the routes and fields by asking the app: a new one is tried by itself, or
makes these tests say that nothing leads to it.
"""

import re
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest
import wtforms

from fuzz.attempts import Attempt
from fuzz.crawl import FoundForm, crawl, is_html, links, route_of, routes_of
from fuzz.house import House, open_house
from fuzz.strategies import FORMS
from fuzz.targets import Answer, send
from markup import foreign_addresses, structure_of

SHOP = "http://localhost:6543"

MARKUP = """x'">planted=1 <planted planted=1 onload=alert(1)></title></textarea><!--{{1337*1337}}${1337*1337}"""
PAYLOADS = {
    "markup and templates": MARKUP,
    "an address that runs": "javascript:alert(1)//planted",
    "an address elsewhere": "//evil.example/planted",
    "one that only browsers take for elsewhere": "/\\evil.example/planted",
    "a header": "planted\r\nX-Planted: 1\r\n\r\n<planted>",
    "SQL": "planted' OR '1'='1' --",
    "SQL that destroys": "planted'; DROP TABLE product; --",
    "a path": "../../../../../../etc/passwd",
}
STORED = "markup and templates"
"""What is looked for on all other pages and in letters, too, once it is taken."""

IN_QUERIES = (STORED, "SQL")
IN_HEADERS = (STORED, "an address elsewhere", "a header")

HEADERS = ("User-Agent", "Referer", "X-Forwarded-For", "X-Forwarded-Host", "X-Request-Id", "Accept-Language", "Cookie")

QUERY = ("q", "category", "sort", "page", "next", "token", "key", "after", "ended")

GOOD = {name: value for fields in FORMS.values() for name, value in fields.items() if not value.startswith("{")}


Found = tuple[dict[str, list[str]], list[FoundForm]]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture(scope="module")
def found(house: House) -> Found:
    """The pages that a visitor and a customer reach, and the forms on them."""
    word = {name.decode(): value.decode() for name, value in house.words.items()}
    mailed = [
        f"/register/confirm?token={word['register']}",
        f"/password/reset?token={word['reset']}",
        f"/orders/{word['order'].replace(' ', '%20')}?key={word['key']}",
    ]
    visitor_pages, visitor_forms = crawl(house, "visitor", ["/", "/checkout", *mailed])
    own = ["/", "/account", "/checkout", "/logout", f"/account/email/confirm?token={word['email']}"]
    customer_pages, customer_forms = crawl(house, "customer", own)
    pages = {"visitor": visitor_pages, "customer": customer_pages}
    forms = {(route_of(house.app, form.action), _names(form)): form for form in visitor_forms + customer_forms}
    return {who: _one_of_each_route(house, of_person) for who, of_person in pages.items()}, list(forms.values())


def test_every_form_and_every_field_of_the_shop_is_found(house: House, found: Found) -> None:
    _, forms = found
    views = (each["introspectable"] for each in house.app.registry.introspector.get_category("views"))
    posts = {view["route_name"] for view in views if "POST" in (view["request_methods"] or ())}
    fields = {name for form in forms for name, _ in form.fields}

    assert posts - {route_of(house.app, form.action) for form in forms if form.method == "POST"} == set()
    assert _names_of_fields() - fields - set(QUERY) == {"press"}  # which the script adds
    assert not house.changes()


def test_what_is_typed_is_text_wherever_it_comes_back(house: House, found: Found) -> None:
    pages, forms = found
    taken = 0
    for form in forms:
        for name in (*_names(form), *(["press"] if form.action == "/cart/items" else [])):
            for kind, payload in PAYLOADS.items():
                attempt = form.filled({**_good(house, form), name: payload})
                taken += _try(house, attempt, pages if kind == STORED else {})

    assert taken > 10  # names and addresses: they were looked for on other pages and in letters


def test_what_stands_in_an_address_is_text(house: House) -> None:
    for kind, payload in PAYLOADS.items():
        for route in routes_of(house.app):
            path = re.sub(r"\{[^{}]+(\{[^{}]*\}[^{}]*)?\}", quote(payload, safe=""), route.pattern)
            _judge(send(house, Attempt("customer", "GET", path.encode())))
            for name in QUERY if kind in IN_QUERIES and path == route.pattern else ():
                _judge(send(house, Attempt("visitor", "GET", f"{path}?{name}={quote(payload)}".encode())))
    assert not house.changes()


@pytest.mark.parametrize("name", HEADERS)
def test_what_stands_in_a_header_is_text(house: House, found: Found, name: str) -> None:
    sign_in = next(form for form in found[1] if form.action == "/login")
    for kind in IN_HEADERS:
        login = sign_in.filled(_good(house, sign_in))
        header = (name, PAYLOADS[kind].encode().replace(b"\r", b"").replace(b"\n", b""))
        attempt = Attempt("nobody", "POST", login.target, (*login.headers, header), login.body)
        _try(house, attempt, {"customer": ["/account/sessions"]})


def test_what_the_shopkeeper_writes_is_text_too(house: House) -> None:
    house.sql("UPDATE product SET name = ?, description = ?", MARKUP, MARKUP)
    house.sql("UPDATE category SET name = ?", MARKUP)
    try:
        for page in ("/", "/products/stoneware-mug", "/cart", "/checkout", "/?q=planted", "/?category=kitchen"):
            answer = send(house, Attempt("customer", "GET", page.encode()))
            _judge(answer)
            assert page == "/checkout" or b"planted" in answer.body
    finally:
        house.put_back()


def _names(form: FoundForm) -> tuple[str, ...]:
    return tuple(name for name, _ in form.fields)


def _one_of_each_route(house: House, pages: list[str]) -> list[str]:
    return list({route_of(house.app, urlsplit(page).path): page for page in pages}.values())


def _try(house: House, attempt: Attempt, pages: dict[str, list[str]]) -> bool:
    """Send it, and judge what comes back; if it was taken, these pages and the letters, too. Tell whether it was."""
    try:
        answer = send(house, attempt)
        _judge(answer)
        is_taken = bool(pages) and answer.status < 400 and attempt.method == "POST" and house.changes() != []
        if is_taken:
            led_to = [] if is_html(answer) else list(links("/", answer))
            for who in pages:
                for page in [*led_to, *pages[who]]:
                    _judge(send(house, Attempt(who, "GET", page.encode())))
            for letter in house.letters():
                _judge_letter(letter)
        return is_taken
    finally:
        if house.changes():
            house.put_back()


def _judge(answer: Answer) -> None:
    text = answer.body.decode()
    names = [name.lower() for name, _ in answer.headers]
    assert "x-planted" not in names
    assert "1787569" not in text  # 1337 * 1337
    assert "root:x:0" not in text
    if is_html(answer):
        _judge_html(text)
    for name, value in answer.headers:
        if name == "Location":
            assert urlsplit(value).netloc in ("", "localhost")


def _judge_html(html: str) -> None:
    elements = structure_of(html)
    assert [each for each in elements if "planted" in each[0] or each[0] == "!--"] == []
    assert [each for each in elements if any(name == "planted" or name.startswith("on") for name in each[1])] == []
    assert foreign_addresses(html, SHOP) == []


def _judge_letter(letter: object) -> None:
    assert "X-Planted" not in letter
    html = letter.get_body(("html",)).get_content()
    _judge_html(html)
    assert "1787569" not in html + letter.get_body(("plain",)).get_content()


def _good(house: House, form: FoundForm) -> dict[str, str]:
    """Return what makes the form a good one, beyond what is filled in already."""
    route = route_of(house.app, form.action)
    own = next((fields for path, fields in FORMS.items() if route_of(house.app, path) == route), {})
    values = {**GOOD, **{name: value for name, value in own.items() if not value.startswith("{")}}
    return {name: values.get(name, "text") for name, filled_in in form.fields if not filled_in}


def _names_of_fields() -> set[str]:
    classes, waiting = [], [wtforms.Form]
    while waiting:
        waiting += (subclasses := waiting.pop().__subclasses__())
        classes += [each for each in subclasses if each.__module__.startswith("shopapp.")]
    return {name for each in classes for name, value in vars(each).items() if hasattr(value, "field_class")}
