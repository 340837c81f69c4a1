"""The cookie as in production, over HTTPS: what a real browser makes of a __Host- cookie and of its deletion."""

import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import pytest
from playwright.sync_api import Page, expect

import shopapp
from browsing import add_to_cart, badge, log_in
from shopapp.catalog import demo

NAME = "__Host-session"
DEVICE = "__Host-device"


class QuietHandler(WSGIRequestHandler):
    """Prints no line for each request."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class TLSServer(ThreadingMixIn, WSGIServer):
    """A WSGI server that speaks HTTPS. Each connection has a thread: browsers open some that they never use."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, app: Callable[..., Any], context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), QuietHandler)
        self.base_environ["HTTPS"] = "on"
        self.set_app(app)
        self._context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Speak TLS from here, in the connection's own thread."""
        try:
            with self._context.wrap_socket(request, server_side=True) as encrypted:
                super().finish_request(encrypted, client_address)
        except (ssl.SSLError, ConnectionError):
            pass  # the browser hung up


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """What a server needs to speak TLS: a certificate that nobody vouches for, made for this run."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl on this machine to make a certificate with: install Debian's package openssl")
    home: Path = tmp_path_factory.mktemp("tls")
    key, certificate = home / "key.pem", home / "certificate.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, "req", "-x509", *kind, *names, "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@contextmanager
def serve_by_tls(app: Callable[..., Any], tls: ssl.SSLContext) -> Iterator[str]:
    with TLSServer(app, tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def shop_app(shop_settings: dict[str, Any]) -> Callable[..., Any]:
    """The shop with the cookie of production.ini."""
    cookie = {"redis.sessions.cookie_name": NAME, "redis.sessions.cookie_secure": "true"}
    return shopapp.main({}, **shop_settings, **cookie)


@pytest.fixture
def shop_url(chromium: str, shop_app: Callable[..., Any], tls: ssl.SSLContext) -> Iterator[str]:
    """Where the shop is served."""
    with serve_by_tls(shop_app, tls) as url:
        yield url


@pytest.fixture
def open_page(new_page: Callable[..., Page]) -> Callable[[], Page]:
    """A function that returns an empty page of somebody who does not mind our certificate."""
    return lambda: new_page(ignore_https_errors=True)


def value_of(page: Page, name: str) -> str | None:
    """Return the value of the browser's cookie of that name."""
    return next((cookie["value"] for cookie in page.context.cookies() if cookie["name"] == name), None)


def test_login_sets_it_out_of_reach_of_scripts_and_other_hosts(open_page: Callable[[], Page]) -> None:
    page = open_page()

    log_in(page)

    cookies = page.context.cookies()
    assert {cookie["name"] for cookie in cookies} == {NAME, DEVICE}
    for cookie in cookies:
        assert cookie["secure"]
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Lax"
        assert cookie["path"] == "/"
        assert cookie["domain"] == "127.0.0.1"  # with a Domain attribute it would begin with a dot
    assert page.evaluate("document.cookie") == ""


def test_a_visitor_who_looks_around_gets_none(open_page: Callable[[], Page]) -> None:
    page = open_page()

    for path in ("/", "/products/brass-pen", "/cart", "/login"):
        page.goto(path)

    assert page.context.cookies() == []


def test_login_changes_it(open_page: Callable[[], Page]) -> None:
    page = open_page()
    add_to_cart(page, "stoneware-mug")
    expect(badge(page)).to_have_text("1")
    before = value_of(page, NAME)

    log_in(page)

    assert value_of(page, NAME) != before


def test_logout_takes_it_out_of_the_browser(open_page: Callable[[], Page]) -> None:
    page = open_page()
    log_in(page)

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()

    assert value_of(page, NAME) is None


def test_the_cookie_of_a_revoked_session_opens_nothing_on_the_next_page(open_page: Callable[[], Page]) -> None:
    """It is left where it is: that of a login may be on its way."""
    page, elsewhere = open_page(), open_page()
    log_in(page)
    log_in(elsewhere)
    page.goto("/account/sessions")
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(page.get_by_role("status")).to_be_visible()
    assert value_of(elsewhere, NAME)

    elsewhere.goto("/")

    expect(elsewhere.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()
    log_in(elsewhere)
    expect(elsewhere.get_by_role("link", name=f"Account of {demo.NAME}")).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name=f"Account of {demo.NAME}")).to_be_visible()


def test_a_deletion_without_secure_is_ignored_by_this_browser(
    shop_app: Callable[..., Any], tls: ssl.SSLContext, new_page: Callable[..., Page]
) -> None:
    """It is what pyramid_session_redis sends by itself, and the reason why the shop does not leave it to that."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            changed = [
                (key, text.replace("; secure", "") if text.startswith(f"{NAME}=;") else text) for key, text in headers
            ]
            return start_response(status, changed, *rest)

        return shop_app(environ, start)

    with serve_by_tls(app, tls) as url:
        page = new_page(base_url=url, ignore_https_errors=True)
        log_in(page)
        with page.expect_response("**/logout") as answer:
            page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()
        page.wait_for_load_state("networkidle")

    assert [text.partition(";")[0] for text in answer.value.header_values("set-cookie")] == [f"{NAME}="]
    assert value_of(page, NAME)
