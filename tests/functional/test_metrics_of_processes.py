"""Several processes count into one folder: together, and without losing what a process has counted that is gone."""

import http.client
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from granian_site import Proxy, Site, running
from scraping import Numbers, read

FOLDER = "#metrics.folder = /var/lib/shopapp/metrics"
HOMES = "shopapp_request_seconds_count method=GET route=home status=200"
LOGINS = "shopapp_events_total event=UserLoginFailed reason="
BUCKET = "shopapp_request_seconds_bucket le=10.0 method=GET route=home status=200"


@pytest.fixture
def sites(tmp_path: Path, shop_database_template: Path, shop_valkey: str) -> Iterator[list[Site]]:
    """Two services of one machine, as two units of systemd would have them: the first with two processes."""
    made = []
    for name in ("first", "second"):
        home = tmp_path / name
        home.mkdir()
        database = shutil.copy(shop_database_template, home / "shop.sqlite")
        environ = {"DATABASE_URL": f"sqlite:///{database}", "REDIS_URL": shop_valkey}
        made.append(Site(home, environ, **{FOLDER: f"metrics.folder = {tmp_path / 'numbers'}"}))
    with ExitStack() as stack:
        for site, processes in zip(made, (2, 1), strict=True):
            stack.enter_context(running(site, processes))
        yield made


def look(site: Site) -> Numbers:
    """Ask one of its processes, as a Prometheus on this machine does."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    connection.request("GET", "/metrics", headers={"Connection": "close"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == 200, text
    return read(text)


def ask(site: Site, times: int) -> None:
    """Look at the first page, over a new connection each time: so it comes to each of the processes."""
    for _ in range(times):
        assert Proxy(site).ask("/")[0] == 200


def wait_for(site: Site, processes: int) -> Numbers:
    deadline = time.monotonic() + 20
    while (numbers := look(site))["shopapp_processes"] != processes:
        assert time.monotonic() < deadline, numbers["shopapp_processes"]
        time.sleep(0.05)
    return numbers


def test_all_processes_add_up_and_one_that_is_killed_takes_nothing_with_it(sites: list[Site], tmp_path: Path) -> None:
    first, second = sites
    wait_for(first, 3)
    ask(first, 20)
    ask(second, 5)
    Proxy(second).ask("/login", email="nobody@example.com", password="wrong words")

    for site in sites:
        numbers = look(site)
        assert (numbers[HOMES], numbers[BUCKET], numbers[LOGINS]) == (25, 25, 1)

    (only,) = second.workers()
    os.kill(only, signal.SIGKILL)
    second.ended()
    numbers = wait_for(first, 2)
    assert (numbers[HOMES], numbers[LOGINS]) == (25, 1)

    with running(second):  # which adds up those that are gone
        numbers = wait_for(first, 3)
        assert (numbers[HOMES], numbers[BUCKET], numbers[LOGINS]) == (25, 25, 1)
        ask(second, 1)
        assert look(first)[HOMES] == look(second)[HOMES] == 26
    folders = sorted(path.name.partition("-")[0] for path in (tmp_path / "numbers").iterdir() if path.is_dir())
    assert len([name for name in folders if name == "ended"]) == 1
    assert str(only) not in folders
    assert Proxy(first).ask("/metrics")[0] == 404  # somebody elsewhere, by the proxy
