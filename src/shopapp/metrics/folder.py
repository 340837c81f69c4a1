"""Several processes of one machine count into one folder, and any of them tells what all have counted.

prometheus_client keeps the values of a process in files then, which outlive it: what a process has counted must not be
gone with it, or every restart would look like a shop in which nothing happens. Here is what the library leaves to its
user. Each process has a directory of its own, and a lock on it for as long as it lives, which no number of a process
can be taken for. Whoever starts adds the counts of those that are gone together, so that files do not pile up.
"""

import fcntl
import logging
import os
import shutil
import struct
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from prometheus_client import Metric, values
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

log = logging.getLogger(__name__)

ALIVE = "alive"
"""The file in a process's directory that it keeps locked."""

REPLACES = "replaces"
"""The file in a directory of added up counts that names those whose counts are in it. They count no more, even if
whoever added them up was killed before they were deleted."""

SUMMED = ("counter", "histogram")
"""Kinds of values that outlive their process. What there is of something at a moment does not."""

PATIENCE_SECONDS = 2.0
"""So long to wait for others who read the folder or add up: it takes them milliseconds, unless they are frozen."""

UNREADABLE = (OSError, RuntimeError, UnicodeDecodeError, struct.error)


class MetricsFolderError(Exception):
    """The folder of the counts cannot be used; the message says what to do."""


class FolderBusyError(Exception):
    """Somebody holds the folder for longer than it can take. It is to be tried again."""


_own: dict[Path, int] = {}
"""The folder that this process counts into, and the file that it has locked there for as long as it lives."""


def join(folder: Path) -> None:
    """Have this process count there from now on. To be called before the first value is made.

    Raises MetricsFolderError if nobody may write there, or the process counts into another folder already.
    """
    folder = folder.absolute()
    if folder in _own:
        return
    if _own:
        raise MetricsFolderError(f"metrics.folder = {folder}: this process counts into {next(iter(_own))} already")
    name = f"{os.getpid()}-{token_hex(4)}"
    new = folder / f".{name}"  # not looked at before it is locked: it would be taken for that of a dead process
    try:
        new.mkdir(parents=True, mode=0o700)
        lock = os.open(new / ALIVE, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new.rename(folder / name)
    except OSError as error:
        raise MetricsFolderError(
            f"metrics.folder = {folder} cannot be written to ({error.strerror}). Let the user that the shop runs as"
            " write there, or name another one"
        ) from error
    _own[folder] = lock
    try:
        add_up_the_dead(folder)
    except (OSError, FolderBusyError) as error:  # the next one to start will
        log.warning("metrics_not_added_up error=%r", error)
    # What the library's documentation has set in the environment before Python starts. All it does is to choose the
    # class of values, which has not been asked for one yet.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder / name)
    values.ValueClass = values.MultiProcessValue()


def collect(folder: Path) -> tuple[Iterable[Metric], int]:
    """Return what all processes have counted, and how many of them are alive. Raises FolderBusyError."""
    with _locked(folder, fcntl.LOCK_SH):
        files, alive = [], 0
        for directory in _counted(folder):
            lives = _is_alive(directory)
            alive += lives
            files += [file for file in _files(directory) if lives or _kind(file) in SUMMED]
        return _merged(files), alive


def _merged(files: list[Path]) -> Iterable[Metric]:
    """As the library does it, but for a file that cannot be read: a process that has just begun has an empty one."""
    try:
        return list(MultiProcessCollector.merge(list(map(str, files))))
    except UNREADABLE:
        return list(MultiProcessCollector.merge([str(file) for file in files if _is_readable(file)]))


def add_up_the_dead(folder: Path) -> None:
    """Put the counts of all processes that are gone into one directory. Raises FolderBusyError, OSError."""
    with _locked(folder, fcntl.LOCK_EX):
        counted = _counted(folder)
        gone = [directory for directory in counted if not _is_alive(directory)]
        if any((directory / ALIVE).exists() for directory in gone):
            _add_up(folder, gone)
            counted = _counted(folder)
        for directory in _directories(folder) - set(counted):
            shutil.rmtree(directory, ignore_errors=True)


def _add_up(folder: Path, gone: list[Path]) -> None:
    """All at once: the directory has its name when everything is in it."""
    name = f"ended-{token_hex(4)}"
    new = folder / f".{name}"
    new.mkdir(mode=0o700)
    for kind in SUMMED:
        sums: dict[str, float] = defaultdict(float)
        for file in (file for directory in gone for file in _files(directory) if _kind(file) == kind):
            for key, value in _values(file):
                sums[key] += value
        written = MmapedDict(str(new / f"{kind}_0.db"))
        for key, value in sums.items():
            written.write_value(key, value, 0.0)
        written.close()
    (new / REPLACES).write_text("\n".join(directory.name for directory in gone))
    new.rename(folder / name)


def _values(file: Path) -> Iterator[tuple[str, float]]:
    """The raw values of a file, as far as it can be read: the machine may have gone down while it was written."""
    try:
        for key, value, _timestamp, _position in MmapedDict.read_all_values_from_file(str(file)):
            yield key, value
    except UNREADABLE as error:
        log.warning("metrics_file_unreadable file=%s error=%r", file, error)


def _is_readable(file: Path) -> bool:
    try:
        deque(MmapedDict.read_all_values_from_file(str(file)), maxlen=0)
    except UNREADABLE:
        return False
    return True


def _directories(folder: Path) -> set[Path]:
    return {path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}


def _counted(folder: Path) -> list[Path]:
    """The directories whose counts are in no other one."""
    directories = _directories(folder)
    replaced: set[str] = set()
    for directory in directories:
        with suppress(FileNotFoundError):
            replaced.update((directory / REPLACES).read_text().split("\n"))
    return sorted(directory for directory in directories if directory.name not in replaced)


def _is_alive(directory: Path) -> bool:
    """Whether a process holds the lock. The directory of those that are gone has none."""
    try:
        lock = os.open(directory / ALIVE, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.db"))


def _kind(file: Path) -> str:
    return file.name.partition("_")[0]


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """Hold the folder: those who read it together, who adds up alone. Raises FolderBusyError."""
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while True:
            try:
                fcntl.flock(lock, how | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise FolderBusyError(f"{folder} is held by another process") from None
                time.sleep(0.01)
            else:
                break
        yield
    finally:
        os.close(lock)
