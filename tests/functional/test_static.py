"""Static files: compressed by what the browser takes, kept for ever under a name with the digest of their contents."""

import gzip
import os
import re
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
from pyramid.config import Configurator
from pyramid.request import Request
from webob import Request as Question
from webob import Response
from webtest import TestApp, TestResponse

from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON
from shopapp.web.static import serve_folder

FOREVER = "public, max-age=31536000, immutable"
EVERY_BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd"}
RULES = "p { color: #123456; }\n" * 40
PHOTO = bytes(range(256)) * 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of static files that a test may change."""
    folder = tmp_path / "files"
    (folder / "products").mkdir(parents=True)
    (folder / "shop.css").write_text(RULES)
    (folder / "products" / "photo.jpg").write_bytes(PHOTO)
    (tmp_path / "secret.txt").write_text("not for the public")
    return folder


@pytest.fixture
def open_site(folder: Path) -> Callable[..., TestApp]:
    """A function that starts a process of a site with this folder; ``/address/NAME`` shows what static_path says."""

    def address(request: Request) -> str:
        return request.static_path(os.path.join(folder, *request.subpath))

    def start(**settings: str) -> TestApp:
        with Configurator(settings=settings) as config:
            serve_folder(config, str(folder))
            config.add_route("address", "/address/*subpath")
            config.add_view(address, route_name="address", renderer="string")
        return TestApp(config.make_wsgi_app())

    return start


@pytest.fixture
def site(open_site: Callable[..., TestApp]) -> TestApp:
    """One process of the site."""
    return open_site()


def address_of(site: TestApp, name: str) -> str:
    return site.get(f"/address/{name}").text


def ask(site: TestApp, path: str, headers: dict[str, str], method: str = "GET") -> Response:
    """Ask for what may come compressed: WebTest itself decodes gzip and fails on brotli."""
    response = Question.blank(path, method=method, headers=headers).get_response(site.app)
    assert response.body is not None  # reads and closes it, as a server does
    return response


def change(path: Path, contents: str | bytes) -> None:
    """Replace the contents, as with an editor that saves a second later."""
    later = path.stat().st_mtime_ns + 10**9 if path.exists() else None
    path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    if later:
        os.utime(path, ns=(later, later))


# Compression


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("*", "br"),
        ("gzip;q=0", None),
        ("identity", None),
        ("deflate", None),
        ("", None),
        (None, None),
        ("identity;q=0, deflate", None),
        ("\x7f,;", None),
    ],
)
def test_the_best_encoding_that_the_browser_takes(site: TestApp, accepted: str | None, encoding: str | None) -> None:
    response = ask(site, "/static/shop.css", {} if accepted is None else {"Accept-Encoding": accepted})

    decode = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[encoding]
    assert response.headers.get("Content-Encoding") == encoding
    assert response.headers["Vary"] == "Accept-Encoding"
    assert response.content_type == "text/css"
    assert int(response.headers["Content-Length"]) == len(response.body)
    assert decode(response.body) == RULES.encode()
    if encoding:
        assert len(response.body) < len(RULES) / 4


def test_each_encoding_has_a_tag_of_its_own(site: TestApp) -> None:
    tags = {ask(site, "/static/shop.css", {"Accept-Encoding": each}).etag for each in ("br", "gzip", "identity")}

    assert len(tags) == 3


def test_a_file_that_does_not_get_smaller_goes_as_it_is(site: TestApp, folder: Path) -> None:
    (folder / "short.css").write_text("p{}")

    for name, contents in (("short.css", b"p{}"), ("products/photo.jpg", PHOTO)):
        response = ask(site, f"/static/{name}", EVERY_BROWSER)
        assert "Content-Encoding" not in response.headers
        assert response.body == contents


def test_a_large_file_is_not_kept_in_memory_and_goes_as_it_is(site: TestApp, folder: Path) -> None:
    (folder / "large.svg").write_text("<svg/>" * 100_000)

    response = ask(site, address_of(site, "large.svg"), EVERY_BROWSER)

    assert "Content-Encoding" not in response.headers
    assert len(response.body) == 600_000
    assert response.headers["Cache-Control"] == FOREVER


# Names


@pytest.mark.parametrize("name", ["shop.css", "products/photo.jpg", "LICENSE", "two.dots.css", "in/a/folder.svg"])
def test_the_name_holds_a_digest_and_is_good_for_ever(site: TestApp, folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"contents")
    path = Path(name)

    address = address_of(site, name)

    assert re.fullmatch(rf"/static/{re.escape(str(path.with_suffix('')))}\.[0-9a-f]{{12}}{path.suffix}", address)
    response = site.get(address)
    assert response.body == b"contents"
    assert response.headers["Cache-Control"] == FOREVER
    assert "Expires" not in response.headers


def test_every_process_gives_the_same_names_and_other_contents_have_another(
    open_site: Callable[..., TestApp], folder: Path
) -> None:
    before = [address_of(open_site(), "shop.css") for _ in range(2)]
    change(folder / "shop.css", RULES + "a { color: red; }")
    after = address_of(open_site(), "shop.css")

    assert before[0] == before[1] != after


def test_a_process_says_the_same_name_as_long_as_it_runs(site: TestApp, folder: Path) -> None:
    missing, before = address_of(site, "missing.css"), address_of(site, "shop.css")
    change(folder / "shop.css", "p {}")
    change(folder / "missing.css", "p {}")

    assert address_of(site, "shop.css") == before
    assert address_of(site, "missing.css") == missing == "/static/missing.css"


@pytest.mark.parametrize("name", ["shop.css", "products/photo.jpg"])
def test_a_changed_file_is_never_kept_under_the_name_of_the_old_one(site: TestApp, folder: Path, name: str) -> None:
    address = address_of(site, name)
    site.get(address)
    change(folder / name, b"new contents")

    response = site.get(address)

    assert response.body == b"new contents"
    assert response.headers["Cache-Control"] == "no-cache"


def test_old_and_new_processes_side_by_side_serve_each_others_names(
    open_site: Callable[..., TestApp], folder: Path
) -> None:
    old = open_site()
    old_address = address_of(old, "shop.css")
    change(folder / "shop.css", "p { color: red; }")
    new = open_site()
    new_address = address_of(new, "shop.css")

    for process in (old, new):
        assert process.get(new_address).headers["Cache-Control"] == FOREVER
        assert process.get(old_address).text == "p { color: red; }"
        assert process.get(old_address).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["shop.css", "shop.0123456789ab.css", "products/photo.0123456789ab.jpg"])
def test_a_plain_name_or_an_unknown_digest_is_asked_for_again(site: TestApp, name: str) -> None:
    first = site.get(f"/static/{name}")
    again = site.get(f"/static/{name}", headers={"If-None-Match": first.headers["ETag"]}, status=304)

    for response in (first, again):
        assert response.headers["Cache-Control"] == "no-cache"


def test_in_development_nothing_is_for_ever_and_an_edit_is_seen_at_once(
    open_site: Callable[..., TestApp], folder: Path
) -> None:
    site = open_site(**{"pyramid.reload_assets": "true"})
    address = address_of(site, "shop.css")
    assert site.get(address).headers["Cache-Control"] == "no-cache"

    change(folder / "shop.css", "p { color: red; }")

    assert site.get(address).text == "p { color: red; }"


def test_a_picture_that_comes_while_the_shop_runs_is_served(site: TestApp, folder: Path) -> None:
    site.get("/static/products/new.svg", status=404)
    change(folder / "products" / "new.svg", "<svg/>")

    assert site.get("/static/products/new.svg").content_type == "image/svg+xml"
    assert site.get(address_of(site, "products/new.svg")).headers["Cache-Control"] == FOREVER


def test_the_name_follows_the_prefix_that_the_app_is_mounted_under(site: TestApp) -> None:
    address = address_of(site, "shop.css")

    mounted = site.get("/address/shop.css", extra_environ={"SCRIPT_NAME": "/shop"}).text

    assert mounted == f"/shop{address}"
    assert site.get(address, extra_environ={"SCRIPT_NAME": "/shop"}).headers["Cache-Control"] == FOREVER


# The rest of HTTP


@pytest.mark.parametrize("name", ["shop.css", "products/photo.jpg"])
@pytest.mark.parametrize("headers", [{}, EVERY_BROWSER], ids=["plain", "compressed"])
def test_head_says_what_get_says(site: TestApp, name: str, headers: dict[str, str]) -> None:
    address = address_of(site, name)
    get, head = ask(site, address, headers), ask(site, address, headers, "HEAD")

    assert head.body == b""
    assert dict(head.headers) == dict(get.headers)


@pytest.mark.parametrize("name", ["shop.css", "products/photo.jpg"])
@pytest.mark.parametrize("headers", [{}, EVERY_BROWSER], ids=["plain", "compressed"])
def test_what_has_not_changed_is_not_sent_again(
    site: TestApp, folder: Path, name: str, headers: dict[str, str]
) -> None:
    first = ask(site, f"/static/{name}", headers)
    questions = (
        {"If-None-Match": first.headers["ETag"]},
        {"If-None-Match": f'"another", W/{first.headers["ETag"]}'},
        {"If-Modified-Since": first.headers["Last-Modified"]},
    )
    for question in questions:
        again = ask(site, f"/static/{name}", {**headers, **question})
        assert (again.status_int, again.body) == (304, b"")
        assert again.headers.get("Vary") == first.headers.get("Vary")
    change(folder / name, b"changed")

    for question in questions:
        assert ask(site, f"/static/{name}", {**headers, **question}).status_int == 200


@pytest.mark.parametrize(("name", "contents"), [("shop.css", RULES.encode()), ("products/photo.jpg", PHOTO)])
@pytest.mark.parametrize(
    ("asked", "part", "said"),
    [("0-0", slice(0, 1), "0-0"), ("10-19", slice(10, 20), "10-19"), ("-5", slice(-5, None), None)],
)
def test_a_part_of_a_file(site: TestApp, name: str, contents: bytes, asked: str, part: slice, said: str | None) -> None:
    response = site.get(f"/static/{name}", headers={"Range": f"bytes={asked}"}, status=206)

    said = said or f"{len(contents) - 5}-{len(contents) - 1}"
    assert response.body == contents[part]
    assert response.headers["Content-Range"] == f"bytes {said}/{len(contents)}"


def test_a_part_that_is_not_there(site: TestApp) -> None:
    site.get("/static/shop.css", headers={"Range": f"bytes={len(RULES)}-"}, status=416)


def test_the_rest_of_a_file_is_not_that_of_another_encoding(site: TestApp) -> None:
    first = ask(site, "/static/shop.css", {"Accept-Encoding": "gzip"})
    rest = {"Range": "bytes=10-", "If-Range": first.headers["ETag"]}

    of_the_same = ask(site, "/static/shop.css", {**rest, "Accept-Encoding": "gzip"})
    of_another = ask(site, "/static/shop.css", rest)

    assert (of_the_same.status_int, of_the_same.body) == (206, first.body[10:])
    assert (of_another.status_int, of_another.body) == (200, RULES.encode())


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static/products/..%2f..%2fsecret.txt",
        "/static/..%5csecret.txt",
        "/static/..%2fsecret.0123456789ab.txt",
        "/static/%00",
        "/static/shop.css%00.svg",
        "/static/shop.css/",
        "/static/shop.css/more",
        "/static/.0123456789ab.css",
        "/static/",
        "/static//",
        "/static/products/",
        "/static/" + "long" * 100,
    ],
)
def test_nothing_but_the_files_of_the_folder(site: TestApp, path: str) -> None:
    response = site.get(path, status="*")

    assert response.status_int in (200, 404)
    assert "not for the public" not in response.text
    if response.status_int == 200:  # a slash at the end is not looked at
        assert response.text == RULES


def test_other_methods_are_refused(visitor: TestApp) -> None:
    response = visitor.post("/static/shop.css", status=405)

    assert set(response.allow) == {"GET", "HEAD"}


# In the shop


def linked(page: TestResponse) -> list[str]:
    return re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)


def test_all_that_pages_link_to_is_compressed_for_ever_and_free(visitor: TestApp, shop_redis: ObservedRedis) -> None:
    addresses = {
        each
        for path in ("/", "/?page=2", "/products/brass-pen", "/nope")
        for each in linked(visitor.get(path, status="*"))
    }
    addresses.add(visitor.get("/products/brass-pen", headers=JSON).json["image"])
    shop_redis.commands.clear()

    assert len(addresses) == 27  # the pictures of 24 products, the stylesheet, the script and the icon
    for address in addresses:
        response = ask(visitor, address, EVERY_BROWSER)
        assert response.headers["Cache-Control"] == FOREVER, address
        assert response.headers["Content-Encoding"] == "br", address
        assert response.headers["Vary"] == "Accept-Encoding", address
        assert "Set-Cookie" not in response.headers, address
    assert shop_redis.commands == []


def test_a_signed_in_persons_files_are_kept_too_and_cost_redis_nothing(
    customer: TestApp, shop_redis: ObservedRedis
) -> None:
    addresses = linked(customer.get("/"))
    shop_redis.commands.clear()

    for address in addresses:
        response = customer.get(address)
        assert response.headers["Cache-Control"] == FOREVER
        assert response.headers["Vary"] == "Accept-Encoding"
    assert shop_redis.commands == []


def test_one_stylesheet_that_loads_nothing_else(visitor: TestApp) -> None:
    (address,) = [each for each in linked(visitor.get("/")) if each.endswith(".css")]
    rules = visitor.get(address).text

    assert "@import" not in rules
    assert "url(" not in rules


def test_a_file_that_only_looks_as_if_it_had_a_digest_is_found(open_site: Callable[..., TestApp], folder: Path) -> None:
    (folder / "photo.deadbeefcafe.svg").write_text("<svg/>")
    site = open_site()

    address = site.get("/address/photo.deadbeefcafe.svg").text

    assert site.get("/static/photo.deadbeefcafe.svg").text == "<svg/>"
    assert site.get(address).headers["Cache-Control"] == FOREVER
