"""What the benchmark makes of what it measured; of sessions, and what it does for all parts."""

import math
import os
import socket
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.contenders import App, BenchmarkError, Contender, running
from benchmarks.cores import Cores
from benchmarks.direct import sending
from benchmarks.load import Load, Request, percentile
from benchmarks.node import EXPRESS
from benchmarks.results import median_ratio
from benchmarks.sessions.bare import BASE, Times
from benchmarks.sessions.contenders import OURS_ON_WAITRESS, PLAIN
from benchmarks.sessions.report import bare_markdown, markdown
from benchmarks.sessions.results import SessionResults
from benchmarks.sessions.visitors import FIGURES
from benchmarks.tables import svg_bars, table
from benchmarks.traffic import parse_wrk
from benchmarks.turns import rotated

WRK = """Running 4s test @ http://127.0.0.1:1234
  16 requests in 4.00s, 2.62MB read
RESULT {"requests": 8000, "microseconds": 4000000, "p99_microseconds": 12500, "errors": 3}
"""
TIMES = Times("Redis near", {BASE: {"ping": 50.0}, "ours": {"ping": 51.0, "read": 150.0, "add": 280.0}}, get=40.0)


@pytest.fixture
def results() -> SessionResults:
    found = SessionResults()
    for figure in FIGURES:
        for ours, theirs in ((300.0, 100.0), (100.0, 100.0), (80.0, 40.0)):
            found.note(OURS_ON_WAITRESS, figure, Load(ours, 2.0))
            found.note(PLAIN, figure, Load(theirs, 4.0, errors=1))
    for kept in (400, 399):
        found.note_kept(OURS_ON_WAITRESS, kept, 0)
        found.note_kept(PLAIN, 120, 2)
    return found


def test_the_line_of_our_script_is_found_in_what_wrk_prints() -> None:
    assert parse_wrk(WRK) == Load(per_second=2000.0, p99_ms=12.5, errors=3, requests=8000)


def test_wrk_without_a_result_is_an_error_that_shows_what_it_said() -> None:
    with pytest.raises(BenchmarkError, match="unable to connect"):
        parse_wrk("unable to connect to 127.0.0.1:1234 Connection refused\n")


@pytest.mark.parametrize(
    ("values", "expected"), [([5.0], 5.0), (list(map(float, range(100, 0, -1))), 99.0), ([3.0, 1.0, 2.0], 3.0)]
)
def test_percentile(values: list[float], expected: float) -> None:
    assert percentile(values, 99) == expected


def test_a_ratio_is_the_median_of_the_rounds_ratios_not_the_ratio_of_medians() -> None:
    assert median_ratio([300.0, 100.0, 80.0], [100.0, 100.0, 40.0]) == 2.0


def test_rounds_that_are_not_paired_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        median_ratio([1.0], [1.0, 2.0])


def test_medians_and_ratios_of_results(results: SessionResults) -> None:
    assert results.median(OURS_ON_WAITRESS, "read", "per_second") == 100.0
    assert results.ratio(OURS_ON_WAITRESS, PLAIN, "read", "per_second") == 2.0
    assert results.ratio(OURS_ON_WAITRESS, PLAIN, "read", "p99_ms") == 0.5
    assert results.ratio(OURS_ON_WAITRESS, EXPRESS, "read", "per_second") is None


def test_the_report_says_what_was_kept_and_what_went_wrong(results: SessionResults) -> None:
    report = markdown(results, TIMES, ["a note"])

    assert "399 to 400" in report
    assert "- a note\n" in report
    assert f"**{PLAIN}: {3 * len(FIGURES)} requests went wrong.**" in report
    assert f"{PLAIN}: 4 adds to one cart were refused" in report


def test_what_is_beyond_pyramid_and_redis() -> None:
    assert TIMES.beyond("ours", "read") == 60.0
    assert TIMES.beyond("ours", "add") == 150.0
    assert bare_markdown(TIMES).count("\n|") == 5


def test_a_table_is_aligned_in_plain_text_too() -> None:
    lines = table(["", "count"], [["one", "1"], ["another", "1,000"]]).splitlines()

    assert lines[1] == "| ------- | ----: |"
    assert {len(line) for line in lines} == {len(lines[1])}


def test_the_picture_has_a_bar_for_each_contender_and_figure(results: SessionResults) -> None:
    picture = ElementTree.fromstring(svg_bars(results, FIGURES))

    bars = [rect for rect in picture.iter("{http://www.w3.org/2000/svg}rect") if rect.get("height") != "100%"]
    assert len(bars) == 2 * len(FIGURES)


def test_a_request_is_written_as_it_is_sent() -> None:
    request = Request("POST", "/cart", {"Accept": "text/html"}, body="ä").with_cookie("a=b")

    head, _, body = bytes(request).partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /cart HTTP/1.1",
        b"Host: 127.0.0.1",
        b"Accept: text/html",
        b"Cookie: a=b",
        b"Content-Length: 2",
    ]
    assert body.decode() == "ä"


def test_every_round_begins_with_another_contender() -> None:
    apps = {name: App(port, port) for name, port in (("a", 1), ("b", 2), ("c", 3))}

    assert [next(iter(rotated(apps, number))) for number in range(4)] == ["a", "b", "c", "a"]
    assert rotated(apps, 2) == apps


def test_requests_in_a_second_of_processor_time() -> None:
    assert Load(10.0, 1.0, requests=100, cpu_seconds=0.5).per_cpu_second == 200.0
    assert math.isnan(Load(10.0, 1.0, requests=100).per_cpu_second)


@pytest.mark.skipif(not Path("/proc").exists(), reason="this system has no /proc")
def test_the_processor_time_of_all_processes_of_a_contender_is_told() -> None:
    assert App(0, os.getpgrp()).cpu_seconds() > 0
    assert App(0, -1).cpu_seconds() == 0


def test_an_app_is_called_as_by_a_server() -> None:
    seen = {}

    def app(environ, start_response):
        seen.update(environ, body=environ["wsgi.input"].read())
        start_response("200 OK", [("X-Answer", "1")])
        return [b"a", b"b"]

    headers = []
    send = sending(
        app, Request("POST", "/cart", {"Accept": "text/html", "Content-Type": "text/plain"}, "ä"), headers.extend
    )

    assert [send(), send()] == [b"ab", b"ab"]
    assert (seen["body"].decode(), seen["CONTENT_LENGTH"], seen["CONTENT_TYPE"]) == ("ä", "2", "text/plain")
    assert (seen["HTTP_ACCEPT"], headers[0]) == ("text/html", ("X-Answer", "1"))


def test_a_contender_that_does_not_start_is_told_with_what_it_said(tmp_path: Path) -> None:
    broken = Contender("broken", "{python} -c raise(SystemExit('no-luck'))")

    with pytest.raises(BenchmarkError, match="no-luck"), running(broken, Cores(None, None), tmp_path):
        pass


def test_a_contender_is_stopped_whatever_happens(tmp_path: Path) -> None:
    serving = Contender("serving", "{python} -m http.server --bind 127.0.0.1 {port}")

    with pytest.raises(KeyboardInterrupt), running(serving, Cores(None, None), tmp_path) as app:
        raise KeyboardInterrupt

    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", app.port), timeout=5):
        pass
