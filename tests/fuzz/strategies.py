"""Texts of attempts as hypothesis makes them: what the shop knows, mixed with what it does not expect."""

import json
from urllib.parse import quote, quote_from_bytes

from hypothesis import strategies as st

from fuzz.attempts import PEOPLE, Attempt
from fuzz.targets import STORED

FORM, JSON = b"application/x-www-form-urlencoded", b"application/json"

PATHS = (
    *(
        "/",
        "/cart",
        "/cart/items",
        "/cart/items/{}",
        "/products/{}",
        "/checkout",
        "/orders",
        "/orders/{}",
        "/orders/{order}",
    ),
    *("/login", "/logout", "/register", "/register/confirm", "/password/forgotten", "/password/reset"),
    *("/account", "/account/password", "/account/email", "/account/email/confirm", "/account/sessions"),
    *("/account/sessions/{}/end", "/account/sessions/{handle}/end", "/account/sessions/end-others"),
    *("/mail", "/mail/{}", "/static/{}", "/imprint", "/healthz", "/readyz", "/metrics", "/{}"),
)
"""``{}`` is where something is put that somebody else has chosen."""

WHERE = {"name": "Grace Guest", "street": "1 Harbour Road", "postcode": "D02 XY45", "city": "Dublin", "country": "IE"}
FORMS: dict[str, dict[str, str]] = {
    "/cart/items": {"sku": "stoneware-mug", "quantity": "1", "press": "abc"},
    "/cart/items/stoneware-mug": {"quantity": "1"},
    "/cart/items/{}": {"quantity": "1"},
    "/checkout": {"form": "{form}", "accept_total": "9999", "email": "guest@example.com", **WHERE},
    "/login": {
        "email": "demo@example.com",
        "password": "correct horse battery",
        "next": "/cart",
        "keep": "y",
        "form": "x",
    },
    "/logout": {},
    "/register": {"email": "new@example.com", "name": "New", "password": "walnut plume arrow", "next": "/"},
    "/register/confirm": {"token": "{register}", "next": "/cart"},
    "/password/forgotten": {"email": "demo@example.com"},
    "/password/reset": {"token": "{reset}", "new_password": "walnut plume arrow"},
    "/account/password": {"current_password": "correct horse battery", "new_password": "walnut plume arrow"},
    "/account/email": {"email": "new@example.com", "current_password": "correct horse battery"},
    "/account/email/confirm": {"token": "{reset}"},
    "/account/sessions/{handle}/end": {},
    "/account/sessions/{}/end": {},
    "/account/sessions/end-others": {},
}
"""The forms, each filled in well: what is tried is one or two fields away from it."""

FIELDS = (
    *("sku", "quantity", "press", "email", "password", "name", "next", "keep", "form", "token", "new_password"),
    *(
        "current_password",
        "street",
        "postcode",
        "city",
        "country",
        "accept_total",
        "then",
        "q",
        "category",
        "sort",
        "page",
    ),
    *("key", "ended", "after", "handle"),
)

GOOD = (
    *("stoneware-mug", "opal-lamp", "1", "2", "0", "demo@example.com", "correct horse battery", "walnut plume arrow"),
    *(
        "Grace Guest",
        "1 Harbour Road",
        "D02 XY45",
        "Dublin",
        "IE",
        "{form}",
        "{register}",
        "{reset}",
        "{handle}",
        "{key}",
    ),
    *("/cart", "price", "kitchen", "new@example.com", "sign-in"),
)

BAD = (
    *(
        "",
        " ",
        "\0",
        "\r\nSet-Cookie: a=b",
        "' OR 1=1 --",
        "{{7*7}}",
        "${7*7}",
        "%s%n",
        "../../etc/passwd",
        "//evil.example",
    ),
    *(
        "<script>alert(1)</script>",
        "-1",
        "1e9",
        "0x1",
        "9" * 400,
        "\u0661",
        "\ud800",
        "\u202e",
        "\ufeff",
        "e\u0301" * 20,
    ),
    *(
        "a" * 3000,
        "a@" * 500,
        "xn--",
        "a@xn--.example",
        "@",
        '"a b"@example.com',
        ":moved",
        "{form:..}",
        "{form:a.b.c}",
    ),
    *("{form:a.1e5.c}", "{cookie:a.1.b}", "null", "[]", "true", "$ne", "*", '"', "\\", "AND OR NOT", "NEAR(", "\u00b2"),
)


def some_text() -> st.SearchStrategy[str]:
    return st.sampled_from(GOOD) | st.sampled_from(BAD) | st.text(max_size=20)


def some_bytes() -> st.SearchStrategy[bytes]:
    return some_text().map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=30)


def _in_address(value: bytes) -> bytes:
    return value if value.startswith(b"{") else quote_from_bytes(value, safe="/").encode()


def _pairs() -> st.SearchStrategy[list[tuple[str, bytes]]]:
    return st.lists(st.tuples(st.sampled_from(FIELDS) | st.text(max_size=5), some_bytes()), max_size=9)


def _encoded(pairs: list[tuple[str, bytes]]) -> bytes:
    return b"&".join(
        quote(name, errors="replace").encode() + b"=" + _in_address(value).replace(b" ", b"%20")
        for name, value in pairs
    )


def _as_json(pairs: list[tuple[str, bytes]]) -> bytes:
    return json.dumps(
        {name: value.decode("utf-8", "surrogatepass") if _is_text(value) else 1.5 for name, value in pairs}
    ).encode()


def _is_text(value: bytes) -> bool:
    try:
        value.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _as_multipart(pairs: list[tuple[str, bytes]]) -> bytes:
    parts = [
        b'--B\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (n.encode("utf-8", "replace"), v)
        for n, v in pairs
    ]
    return b"".join(parts) + b"--B--\r\n"


@st.composite
def forms(draw: st.DrawFn) -> tuple[str, list[tuple[str, bytes]]]:
    """Return where a form goes, and its fields, some of which are left out, doubled or something else."""
    path = draw(st.sampled_from(sorted(FORMS)))
    pairs = [(name, value.encode()) for name, value in FORMS[path].items()]
    for _ in range(draw(st.integers(0, 2)) if pairs else 0):
        place = draw(st.integers(0, len(pairs) - 1))
        change = draw(st.sampled_from(("other", "other", "other", "gone", "twice")))
        value = draw(some_bytes()) if change != "gone" else b""
        pairs[place : place + 1] = {
            "other": [(pairs[place][0], value)],
            "gone": [],
            "twice": [pairs[place], (pairs[place][0], value)],
        }[change]
        if not pairs:
            break
    return path, pairs


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Return a content type and a body, which mostly fit each other."""
    pairs = draw(_pairs())
    kind = draw(st.sampled_from(("form", "form", "form", "json", "json", "multipart", "bytes")))
    match kind:
        case "form":
            return FORM, _encoded(pairs)
        case "json":
            return JSON, _as_json(pairs)
        case "multipart":
            return b"multipart/form-data; boundary=B", _as_multipart(pairs)
    return draw(st.sampled_from((FORM, JSON, b"text/plain", b"", b"rubbish;;=")) | some_bytes()), draw(
        st.binary(max_size=60)
    )


COOKIE_PARTS = st.sampled_from(
    (b"session=", b"device=", b"{session}", b"{device}", b";", b"; ", b"=", b'"', b",", b"\t", b"\xff")
)


def cookies() -> st.SearchStrategy[bytes]:
    """Return a Cookie header made of pieces of right ones."""
    signed = st.binary(max_size=20).map(
        lambda text: b"{cookie:" + text.replace(b"{", b"").replace(b"}", b"").replace(b"\n", b"") + b"}"
    )
    return (
        st.lists(COOKIE_PARTS | some_bytes() | signed, max_size=8)
        .map(b"".join)
        .map(lambda text: text.replace(b"\n", b""))
    )


def _headers() -> st.SearchStrategy[list[tuple[str, bytes]]]:
    one_line = some_bytes().map(lambda value: value.replace(b"\n", b""))
    names = (
        "Accept",
        "Accept-Encoding",
        "Host",
        "Referer",
        "User-Agent",
        "X-Forwarded-For",
        "Origin",
        "If-None-Match",
        "Range",
    )
    more = (
        "If-Modified-Since",
        "Sec-Fetch-Site",
        "X-Request-Id",
        "Forwarded",
        "Authorization",
        "X-Forwarded-Host",
        "Accept-Language",
    )
    return st.lists(
        st.tuples(
            st.just("Accept"), st.sampled_from((b"application/json", b"text/html", b"*/*;q=0", b"text/html;q=x,"))
        )
        | st.tuples(st.just("Cookie"), cookies())
        | st.tuples(st.sampled_from(names + more), one_line),
        max_size=3,
    )


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Return a request to somewhere in the shop: nearly right, or wild."""
    headers = draw(_headers())
    if draw(st.integers(0, 2)):
        method = "POST"
        path, pairs = draw(forms())
        content_type, body = draw(st.sampled_from(((FORM, _encoded(pairs)), (JSON, _as_json(pairs)))))
    else:
        method = draw(st.sampled_from(("GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "X")))
        path = draw(st.sampled_from(PATHS))
        content_type, body = (b"", b"") if method == "GET" else draw(bodies())
    target = path.encode().replace(b"{}", _in_address(draw(some_bytes())))
    if method != "POST":
        target += b"?" + _encoded(draw(_pairs())[:3])
    if content_type:
        headers.append(("Content-Type", content_type.replace(b"\n", b"")))
    return Attempt(draw(st.sampled_from(PEOPLE)), method, target.replace(b"\n", b"%0A"), tuple(headers), body).write()


MARKS = (b":moved", b":move", b":order:x", b":order:", b":removed", b"cart:{user:9}", b"{visitor_session}")
LINES = (b"stoneware-mug", b"x y", b"\xff", "\u00fc".encode(), b"", b"nope")
NUMBERS = (b"1", b"2", b"-1", b"1e9", b"\xb2", "\u0661".encode(), b"9" * 30, b"")


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """Return something to stand in Redis in the place of what the shop has there."""
    what, kind = draw(st.sampled_from(STORED)), draw(st.sampled_from(("string", "hash", "hash", "zset", "list", "set")))
    signed = st.binary(max_size=20).map(lambda text: b"{record:" + text.translate(None, b"{}") + b"}")
    name = st.sampled_from(MARKS) | st.sampled_from(LINES)
    if kind == "hash":
        pairs = draw(st.lists(st.tuples(name, st.sampled_from(NUMBERS) | name | some_bytes()), max_size=4))
        parts = [part for pair in pairs for part in pair]
    else:
        parts = draw(st.lists(name | signed | some_bytes(), max_size=6))
    return f"stored {what} {kind}\n".encode() + b"\x1e".join(parts)


MARKUP = (
    b"<b>",
    b"</p><p>",
    b'"><img src=x>',
    b"\r\nBcc: a@b.example\r\n",
    b"\n\nhttp://evil.example",
    b"{{7*7}}",
    b"&lt;",
)


def letters() -> st.SearchStrategy[bytes]:
    """Return what somebody has typed in a letter: its recipient, and what it quotes."""
    recipients = st.sampled_from((b"a@example.com", "\u00e4@ex\u00e4mple.com".encode())) | some_bytes()
    values = st.lists(st.sampled_from(MARKUP) | some_bytes(), min_size=6, max_size=6)
    return st.tuples(recipients, values).map(lambda typed: b"\x1e".join([typed[0], *typed[1]]))
