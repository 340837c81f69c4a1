"""production.ini on granian, started as docs/deployment.md says: ``shopapp -c production.ini serve``."""

import fcntl
import http.client
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from granian_site import HOST, Proxy, Site, free_port, running
from shopapp.catalog import demo

MakeSite = Callable[..., Site]
HEAD = "POST /cart/items HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/x-www-form-urlencoded\r\n"


def environ_of(database: Path, valkey: str) -> dict[str, str]:
    return {"DATABASE_URL": f"sqlite:///{database}", "REDIS_URL": valkey}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, shop_database_template: Path, shop_valkey: str) -> Iterator[Site]:
    """The shop, served by two processes."""
    directory = tmp_path_factory.mktemp("served")
    database = Path(shutil.copy(shop_database_template, directory / "shop.sqlite"))
    with running(Site(directory, environ_of(database, shop_valkey)), processes=2) as site:
        yield site
    assert "Traceback" not in site.log


@pytest.fixture
def make_site(tmp_path: Path, shop_database_template: Path, shop_valkey: str) -> Iterator[MakeSite]:
    """A function that returns a shop which is not yet started; it is stopped in the end."""
    made: list[Site] = []

    def make(environ: dict[str, str] | None = None, **changes: str) -> Site:
        database = Path(shutil.copy(shop_database_template, tmp_path / "shop.sqlite"))
        made.append(Site(tmp_path, {**environ_of(database, shop_valkey), **(environ or {})}, **changes))
        return made[-1]

    yield make
    for site in made:
        site.stop()


# A shop


def test_somebody_looks_fills_a_cart_signs_in_and_out(site: Site) -> None:
    browser = Proxy(site)
    assert browser.ask("/")[0] == 200
    assert browser.set_cookie == ""
    assert browser.ask("/cart/items", sku="brass-pen", quantity=2)[1]["count"] == 2
    assert browser.cookie.startswith("__Host-session=")
    assert "; secure" in browser.set_cookie

    before = browser.cookie
    assert browser.ask("/login", email=demo.EMAIL, password=demo.PASSWORD)[0] == 200
    assert browser.cookie != before
    for _ in range(10):  # each by either process
        assert browser.ask("/account")[1]["email"] == demo.EMAIL
        assert browser.ask("/cart")[1]["count"] == 2

    (session,) = browser.ask("/account/sessions")[1]["sessions"]
    assert session["address"] == "192.0.2.7"
    assert browser.ask("/logout", any="thing")[0] == 204
    assert browser.ask("/account")[0] == 401


def test_the_log_is_that_of_the_ini(site: Site) -> None:
    Proxy(site).ask("/login", email="nobody@example.com", password="wrong words")

    (line,) = [line for line in site.log.splitlines() if "UserLoginFailed" in line]
    assert " shopapp.audit " in line
    assert " address=192.0.2.7 " in f"{line} "


def test_both_processes_serve(site: Site) -> None:
    workers = site.workers()

    assert len(workers) == len(set(workers)) == 2
    assert all(Path(f"/proc/{worker}").exists() for worker in workers)


# Whom it believes


def test_the_trusted_proxy_is_believed(site: Site) -> None:
    assert Proxy(site).ask("/peer")[1] == {"address": "192.0.2.7", "url": f"https://{HOST}"}


def test_of_several_addresses_only_the_one_that_the_proxy_added_counts(site: Site) -> None:
    assert Proxy(site, "203.0.113.9, 192.0.2.7").ask("/peer")[1]["address"] == "192.0.2.7"


def test_nobody_else_is_believed(site: Site) -> None:
    assert Proxy(site, own="127.0.0.2").ask("/peer")[1] == {"address": "127.0.0.2", "url": f"http://{HOST}"}


def test_other_headers_of_the_proxy_count_for_nothing(site: Site) -> None:
    forged = {"X-Forwarded-Host": "evil.example", "Forwarded": "for=203.0.113.9;host=evil.example"}

    assert Proxy(site).ask("/peer", forged)[1] == {"address": "192.0.2.7", "url": f"https://{HOST}"}


def test_the_trusted_proxy_names_the_request_in_the_log_and_nobody_else_does(site: Site) -> None:
    given = {"X-Request-ID": "named-by-the-proxy"}
    wrong = {"email": "nobody@example.com", "password": "wrong words"}
    proxy, other = Proxy(site), Proxy(site, own="127.0.0.2")
    for each in (proxy, other):
        each.ask("/login", given, **wrong)

    assert proxy.request_id == "named-by-the-proxy" != other.request_id
    for each in (proxy, other):
        assert f" shopapp.audit {each.request_id} event=UserLoginFailed " in site.log


def test_a_proxy_must_not_let_names_with_underscores_through(site: Site) -> None:
    """Waitress drops them. To granian they are the same names, and nothing tells us which one was meant."""
    assert Proxy(site).ask("/peer", {"X_Forwarded_For": "203.0.113.9"})[1]["address"] == "203.0.113.9"


@pytest.mark.parametrize(
    ("origin", "status"), [(f"https://{HOST}", 200), (f"http://{HOST}", 403), ("https://evil.example", 403)]
)
def test_forms_of_other_sites_are_refused(site: Site, origin: str, status: int) -> None:
    assert Proxy(site).ask("/cart/items", {"Origin": origin}, sku="brass-pen")[0] == status


# What it reads


def test_a_form_that_broke_off_changes_nothing(site: Site) -> None:
    browser = Proxy(site)
    browser.ask("/cart/items", sku="brass-pen")
    whole = "sku=brass-pen&quantity=12"

    with socket.create_connection(("127.0.0.1", site.port), 10) as connection:
        head = f"{HEAD}Cookie: {browser.cookie}\r\nContent-Length: {len(whole)}\r\n\r\n"
        connection.sendall((head + whole[:-1]).encode())
        connection.shutdown(socket.SHUT_WR)
        connection.recv(100)  # 400, or nothing: nobody is there any more

    time.sleep(0.3)
    assert browser.ask("/cart")[1]["count"] == 1


@pytest.mark.parametrize("length", ["", "Content-Length: 13\r\n"])
def test_a_chunked_body_is_refused_as_nothing_tells_whether_it_is_whole(site: Site, length: str) -> None:
    answer = site.raw(HEAD, length, "Transfer-Encoding: chunked\r\n\r\nd\r\nsku=brass-pen\r\n0\r\n\r\n")

    assert answer.status == 411
    assert answer.headers["Set-Cookie"] is None


def test_200_connections_that_never_end_their_headers_keep_nobody_waiting(site: Site) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", site.port), 10))
            slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        start = time.monotonic()
        assert Proxy(site).ask("/healthz")[0] == 200

    assert time.monotonic() - start < 1


def test_a_body_beyond_the_limit_is_not_even_waited_for(site: Site) -> None:
    assert site.raw(HEAD, "Content-Length: 2097153\r\n\r\n").status == 413


def test_a_body_within_the_limit_is_for_the_app_to_judge(site: Site) -> None:
    assert Proxy(site).ask("/cart/items", sku="a" * 2_000_000)[0] == 400


@pytest.mark.parametrize("value", ["a=\0", "a=\x1f", "a=\x7f"])
def test_control_characters_in_a_header_are_refused(site: Site, value: str) -> None:
    assert site.raw("GET / HTTP/1.1\r\nHost: x\r\nCookie: ", value, "\r\nConnection: close\r\n\r\n").status == 400


def test_a_cookie_of_others_beyond_ascii_hides_all_cookies(site: Site) -> None:
    """Waitress hands them to the app, which then finds its own among them."""
    browser = Proxy(site)
    browser.ask("/cart/items", sku="brass-pen")

    assert browser.ask("/cart", {"Cookie": f"{browser.cookie}; theme=gr\xfcn"})[1]["count"] == 0
    assert browser.ask("/cart")[1]["count"] == 1


def test_two_requests_in_one_go_get_two_answers(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.port), 10) as connection:
        form = "sku=nothing"
        connection.sendall(f"{HEAD}Content-Length: {len(form)}\r\n\r\n{form}".encode() * 2)
        with connection.makefile("rb") as answers:  # of its own, since what is read ahead may be of the second one
            for _ in range(2):
                assert answers.readline().startswith(b"HTTP/1.1 404 ")
                length = int(http.client.parse_headers(answers)["Content-Length"])
                assert len(answers.read(length)) == length


# Its end


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_request_at_work_is_finished(make_site: MakeSite, signum: signal.Signals) -> None:
    site = make_site()
    with running(site), ThreadPoolExecutor(1) as pool:
        answer = pool.submit(Proxy(site).ask, "/slow")
        while not site.begun.exists():
            time.sleep(0.01)
        site.signal(signum)

        assert answer.result(10) == (200, "done")
        assert site.ended() == 0
    assert "Traceback" not in site.log


def test_it_can_be_stopped_before_it_serves(make_site: MakeSite) -> None:
    site = make_site()
    site.start()
    while "Spawning" not in site.log:
        time.sleep(0.01)

    began = time.monotonic()
    assert site.stop() == 0
    assert time.monotonic() - began < 10


def test_the_end_of_a_process_is_the_end_of_all(make_site: MakeSite) -> None:
    """So that a supervisor notices, and starts them anew."""
    site = make_site()
    with running(site, processes=2):
        os.kill(site.workers()[0], signal.SIGKILL)

        assert site.ended() == 1


def test_in_development_the_embedded_redis_ends_with_it(make_site: MakeSite, tmp_path: Path) -> None:
    site = make_site(
        {"REDIS_URL": f"embedded:{tmp_path}/valkey"}, **{"shop.production = true": "shop.production = false"}
    )
    with running(site, processes=2):
        assert Proxy(site).ask("/cart/items", sku="brass-pen")[0] == 200

        assert site.stop() == 0
        with (tmp_path / "valkey" / "server.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # which a running server holds


# Why it does not start


def test_a_wrong_setting_is_told_in_one_sentence(make_site: MakeSite) -> None:
    site = make_site(**{"timeout = 10800": "timeout = soon"})
    site.start()

    assert site.ended() == 2
    assert site.log.startswith("redis.sessions.timeout = 'soon' is not")
    assert len(site.log.splitlines()) == 1


def test_what_only_the_app_itself_finds_out_ends_it_too(make_site: MakeSite) -> None:
    site = make_site({"REDIS_URL": f"redis+cluster://127.0.0.1:{free_port()}"})
    site.start(processes=2)

    assert site.ended() == 1
    assert "Redis" in site.log
    assert "Traceback" not in site.log


def test_an_address_that_is_taken_is_told(site: Site, make_site: MakeSite) -> None:
    second = make_site()
    ini = second.directory / "production.ini"
    ini.write_text(ini.read_text().replace(str(second.port), str(site.port)))
    second.start()

    assert second.ended() == 1
    assert f"port {site.port}: Address already in use" in second.log
    assert "Traceback" not in second.log


# On a Unix socket


def test_it_serves_on_a_unix_socket(make_site: MakeSite, tmp_path: Path) -> None:
    path = tmp_path / "shop.sock"
    site = make_site()
    ini = site.directory / "production.ini"
    ini.write_text(
        ini.read_text()
        .replace(f"listen = 127.0.0.1:{site.port}", f"unix_socket = {path}\nunix_socket_perms = 660")
        .replace("trusted_proxy = 127.0.0.1", "trusted_proxy = localhost")
    )
    for _ in range(2):  # the second time after a crash
        site.start()
        site.wait()
        assert path.stat().st_mode & 0o777 == 0o660
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(
                b"GET /peer HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 192.0.2.7\r\n"
                b"X-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
            )
            with http.client.HTTPResponse(connection) as response:
                response.begin()
                answer = response.read()
            assert answer == b'{"address": "192.0.2.7", "url": "https://shop.example"}'
        for worker in site.workers():
            os.kill(worker, signal.SIGKILL)
        site.signal(signal.SIGKILL)
        site.ended()
