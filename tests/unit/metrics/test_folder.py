"""The folder of the numbers: what stays of whom, whoever is killed when, and what is done with rubbish."""

import fcntl
import json
import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from shopapp.metrics import folder as module
from shopapp.metrics.folder import ALIVE, FolderBusyError, add_up_the_dead, collect

TOTAL = mmap_key("shopapp_things", "shopapp_things_total", ["kind"], ["a"], "Things")
OPEN = mmap_key("shopapp_open", "shopapp_open", [], [], "Open")


def process(folder: Path, name: str, things: float, is_open: float = 1.0) -> Path:
    """Leave in the folder what a process that is gone has left."""
    home = folder / name
    home.mkdir(parents=True)
    (home / ALIVE).touch()
    for kind, key, value in (("counter", TOTAL, things), ("gauge_livesum", OPEN, is_open)):
        with closing(MmapedDict(str(home / f"{kind}_{name}.db"))) as file:
            file.write_value(key, value, 0.0)
    return home


def told(folder: Path) -> dict[str, float]:
    metrics, _ = collect(folder)
    return {sample.name: sample.value for metric in metrics for sample in metric.samples}


def names(folder: Path) -> list[str]:
    return sorted(path.name.partition("-")[0] for path in folder.iterdir() if path.is_dir())


def test_what_the_dead_have_counted_stays_and_what_there_was_with_them_does_not(tmp_path: Path) -> None:
    for number in range(3):
        process(tmp_path, f"{number}-aa", things=number + 1)
    assert told(tmp_path) == {"shopapp_things_total": 6}

    add_up_the_dead(tmp_path)
    assert (told(tmp_path), names(tmp_path)) == ({"shopapp_things_total": 6}, ["ended"])

    process(tmp_path, "7-bb", things=10)
    for _ in range(2):
        add_up_the_dead(tmp_path)
        assert (told(tmp_path), names(tmp_path)) == ({"shopapp_things_total": 16}, ["ended"])


def test_who_is_alive_is_left_alone(tmp_path: Path) -> None:
    home = process(tmp_path, "1-aa", things=1)
    process(tmp_path, "2-bb", things=2, is_open=5)

    with (home / ALIVE).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        add_up_the_dead(tmp_path)

        assert told(tmp_path) == {"shopapp_things_total": 3, "shopapp_open": 1}
        assert names(tmp_path) == ["1", "ended"]
        assert collect(tmp_path)[1] == 1


def test_killed_between_adding_up_and_deleting_nothing_counts_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process(tmp_path, "1-aa", things=1)
    process(tmp_path, "2-bb", things=2)
    with monkeypatch.context() as patch:
        patch.setattr(module.shutil, "rmtree", lambda *_arguments, **_options: None)
        add_up_the_dead(tmp_path)

    assert names(tmp_path) == ["1", "2", "ended"]
    assert told(tmp_path) == {"shopapp_things_total": 3}
    add_up_the_dead(tmp_path)
    assert (told(tmp_path), names(tmp_path)) == ({"shopapp_things_total": 3}, ["ended"])


def test_killed_while_adding_up_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process(tmp_path, "1-aa", things=1)

    def killed(*_arguments: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(SystemExit):
            add_up_the_dead(tmp_path)

    assert told(tmp_path) == {"shopapp_things_total": 1}
    add_up_the_dead(tmp_path)
    assert told(tmp_path) == {"shopapp_things_total": 1}


def test_a_file_that_cannot_be_read_costs_its_own_counts_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    process(tmp_path, "1-aa", things=1)
    rubbish = process(tmp_path, "2-bb", things=2)
    (rubbish / "counter_2-bb.db").write_bytes(b"\xff" * 100)
    (process(tmp_path, "3-cc", things=3) / "counter_3-cc.db").write_bytes(b"")

    assert told(tmp_path) == {"shopapp_things_total": 1}
    add_up_the_dead(tmp_path)

    assert told(tmp_path) == {"shopapp_things_total": 1}
    assert "metrics_file_unreadable" in caplog.text


def test_nobody_waits_for_who_holds_the_folder_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    process(tmp_path, "1-aa", things=1)

    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        began = time.monotonic()
        with pytest.raises(FolderBusyError):
            collect(tmp_path)
        assert time.monotonic() - began < 5


JOIN = """
import json, sys
from pathlib import Path
from prometheus_client import Counter
from shopapp.metrics.folder import MetricsFolderError, collect, join
folder = Path(sys.argv[1])
things = Counter("shopapp_things", "Things", ["kind"])
join(folder / "mine")
join(folder / "mine")
things.labels("a").inc(2)
try:
    join(folder / "other")
except MetricsFolderError as error:
    said = str(error)
metrics, alive = collect(folder / "mine")
print(json.dumps([alive, [sample.value for metric in metrics for sample in metric.samples], said]))
"""


def test_a_process_counts_into_one_folder_and_is_alive_as_long_as_it_runs(tmp_path: Path) -> None:
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": ""}
    del environ["PROMETHEUS_MULTIPROC_DIR"]
    ended = subprocess.run(
        [sys.executable, "-c", JOIN, str(tmp_path)], capture_output=True, text=True, check=True, env=environ
    )

    alive, values, said = json.loads(ended.stdout)
    assert (alive, values) == (1, [2.0])
    assert said == f"metrics.folder = {tmp_path}/other: this process counts into {tmp_path}/mine already"
    assert (told(tmp_path / "mine"), collect(tmp_path / "mine")[1]) == ({"shopapp_things_total": 2}, 0)
