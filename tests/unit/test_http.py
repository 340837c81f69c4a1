"""What every view needs of HTTP."""

import re
from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyramid.httpexceptions import HTTPBadRequest
from pyramid.request import Request

from shopapp.http import MAX_BODY_BYTES, MAX_FIELDS, local_path, path_for_log, query, submitted, wants_json

FORM, JSON = "application/x-www-form-urlencoded", "application/json"

# local_path


def leaves_the_site(target: str) -> bool:
    """Tell what a browser would do with the target, in the steps of the URL Standard for an http: page."""
    target = re.sub("^[\0-\x20]+|[\0-\x20]+$", "", target)
    target = re.sub("[\t\n\r]", "", target).replace("\\", "/")
    return target.startswith("//") or re.match("[A-Za-z][A-Za-z0-9+.-]*:", target) is not None


tricky = st.text(
    st.sampled_from("/\\:.@?#%&;=\t\n\r\0\x0b\x1f \x7f\x85\xa0\u2028\u3000\uff0fhtpsjavcriedmo"), max_size=24
)
paths = st.builds(
    lambda path, query: (
        re.sub("/+", "/", "/" + quote(path, safe="/:@")) + (f"?{quote(query, safe='=&')}" if query else "")
    ),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(st.characters(exclude_categories=["Cs"])),
)


@given(tricky | st.text() | tricky.map("/".__add__) | tricky.map("//".__add__) | tricky.map("https:".__add__))
def test_no_target_leaves_the_site(target: str) -> None:
    result = local_path(target, "/home")

    assert result in (target, "/home")
    assert result.startswith("/")
    assert not leaves_the_site(result)
    assert urlsplit(urljoin("https://shop.example/login", result)).netloc == "shop.example"


@given(tricky | st.text())
def test_what_comes_out_fits_into_a_header(target: str) -> None:
    result = local_path(target, "/home")

    assert result.isascii()
    assert result.isprintable()


@given(paths)
def test_every_path_of_our_own_is_let_through(path: str) -> None:
    assert local_path(path, "/home") == path


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        " /cart",
        "cart",
        "?next=/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        "/\n/evil.example",
        "https://evil.example",
        "https:evil.example",
        "HTTPS:/evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "mailto:a@example.com",
        "http://[broken",
        "//[broken",
        "/caf\xe9",
        "/a\r\nSet-Cookie: session=stolen",
    ],
)
def test_what_is_no_path_of_our_own_becomes_the_default(target: str | None) -> None:
    assert local_path(target, "/home") == "/home"


@pytest.mark.parametrize("target", ["/", "/cart", "/?q=a%20b&page=2", "/account#password", "/?next=//a", "/a:b"])
def test_a_path_of_our_own_stays_as_it_is(target: str) -> None:
    assert local_path(target, "/home") == target


# wants_json


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("text/html", False),
        ("text/html, application/json", False),
        ("application/json, text/html", False),
        ("application/json", True),
        ("application/*", True),
        ("application/json, */*;q=0.8", True),
        ("application/json;q=0.9, text/html;q=0.8", True),
        ("application/json;q=0.8, text/html;q=0.9", False),
        ("application/json;q=0", False),
        ("text/html;q=0, application/json", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", False),
        ("image/png", False),
        ("APPLICATION/JSON", True),
        ("rubbish;;;", False),
    ],
)
def test_html_unless_json_is_preferred(accept: str | None, json: bool) -> None:
    request = Request.blank("/", headers={"Accept": accept} if accept is not None else {})

    assert wants_json(request) is json


# submitted


def post(body: bytes, content_type: str = FORM) -> Request:
    return Request.blank("/", method="POST", body=body, content_type=content_type)


def test_the_fields_of_a_form() -> None:
    fields = submitted(post(b"sku=a+b%26c&quantity=2&empty=&name=caf%C3%A9&name=second"))

    assert fields.mixed() == {"sku": "a b&c", "quantity": "2", "empty": "", "name": ["caf\xe9", "second"]}


def test_the_fields_of_a_json_object_are_text_as_those_of_a_form() -> None:
    assert submitted(post(b'{"sku": "a", "quantity": 2}', JSON)).mixed() == {"sku": "a", "quantity": "2"}


def test_no_body_has_no_fields() -> None:
    assert submitted(post(b"", "")).mixed() == {}


def test_a_body_of_the_largest_size_is_read_and_a_larger_one_is_not() -> None:
    assert len(submitted(post(b"a=" + b"b" * (MAX_BODY_BYTES - 2)))["a"]) == MAX_BODY_BYTES - 2

    with pytest.raises(HTTPBadRequest, match="send less"):
        submitted(post(b"a=" + b"b" * (MAX_BODY_BYTES - 1)))


def test_a_body_of_unknown_length_is_limited_too() -> None:
    request = post(b"a=" + b"b" * MAX_BODY_BYTES)
    del request.environ["CONTENT_LENGTH"]
    request.environ["wsgi.input_terminated"] = True

    with pytest.raises(HTTPBadRequest, match="send less"):
        submitted(request)


def test_more_fields_than_any_form_has_are_refused() -> None:
    assert len(submitted(post(b"&".join([b"a=1"] * MAX_FIELDS)))) == MAX_FIELDS

    with pytest.raises(HTTPBadRequest):
        submitted(post(b"&".join([b"a=1"] * (MAX_FIELDS + 1))))


@given(st.binary(max_size=200), st.sampled_from([FORM, JSON, "multipart/form-data; boundary=B", "text/plain", ""]))
def test_any_bytes_are_fields_or_a_bad_request(body: bytes, content_type: str) -> None:
    try:
        fields = submitted(post(body, content_type))
    except HTTPBadRequest:
        return
    for item in fields.items():
        assert all(isinstance(text, str) and "\0" not in text for text in item)
        "".join(item).encode()


@given(st.dictionaries(st.text(), st.none() | st.floats() | st.lists(st.text()), min_size=1))
def test_json_of_another_shape_is_a_bad_request(fields: dict[str, object]) -> None:
    request = post(b"", JSON)
    request.json = fields

    with pytest.raises(HTTPBadRequest):
        submitted(request)


# query


def test_the_fields_of_the_query() -> None:
    assert query(Request.blank("/?q=caf%C3%A9&page=2")).mixed() == {"q": "caf\xe9", "page": "2"}


@pytest.mark.parametrize("text", ["%FF", "q=%FF", "q=%00", "%00=q", "q=%ED%A0%80", "q=%C0%AF"])
def test_a_query_that_is_no_text_is_a_bad_request(text: str) -> None:
    with pytest.raises(HTTPBadRequest):
        query(Request.blank(f"/?{text}"))


# path_for_log


@pytest.mark.parametrize(
    ("raw", "logged"),
    [
        (b"/cart", "/cart"),
        ("/caf\xe9".encode(), "/caf%C3%A9"),
        (b"/\xff", "/%FF"),
        (b"/a\r\nlevel=info", "/a%0D%0Alevel%3Dinfo"),
        (b"/a b", "/a%20b"),
    ],
)
def test_a_path_in_the_log_is_one_word_of_ascii(raw: bytes, logged: str) -> None:
    request = Request.blank("/")
    request.environ["PATH_INFO"] = raw.decode("latin-1")

    assert path_for_log(request) == logged
