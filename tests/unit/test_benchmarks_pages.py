"""What the benchmark of pages sends, what it expects to be shown, and what it makes of what it measured."""

import pytest

from benchmarks.__main__ import parse
from benchmarks.contenders import BenchmarkError
from benchmarks.direct import Microseconds
from benchmarks.load import Load
from benchmarks.node import EXPRESS
from benchmarks.pages.check import Product, _expect, text_of
from benchmarks.pages.contenders import OURS_ON_WAITRESS
from benchmarks.pages.figures import FIGURES, requests_of
from benchmarks.pages.report import bare_markdown, markdown, size_complaints
from benchmarks.results import Results

VISITORS, PEOPLE = ["v=1", "v=2"], ["p=1", "p=2"]
TIMES = {"ours": {figure: Microseconds(all=1200.0, cpu=900.0) for figure in FIGURES}}


@pytest.fixture
def results() -> Results:
    found = Results()
    for figure in FIGURES:
        for ours, theirs in ((300.0, 100.0), (100.0, 100.0), (80.0, 40.0)):
            found.note(OURS_ON_WAITRESS, figure, Load(ours, 2.0, requests=100, cpu_seconds=0.5))
            found.note(EXPRESS, figure, Load(theirs, 4.0, requests=100, cpu_seconds=1.0))
    return found


@pytest.mark.parametrize("figure", ["healthz", "home_visitor", "product_visitor"])
def test_visitors_who_look_send_no_cookie(figure: str) -> None:
    assert not any("Cookie" in request.headers for request in requests_of(figure, VISITORS, PEOPLE))


@pytest.mark.parametrize(
    ("figure", "cookies"), [("home_person", PEOPLE), ("cart_person", PEOPLE), ("cart_visitor", VISITORS)]
)
def test_people_and_carts_are_known_by_their_cookies(figure: str, cookies: list[str]) -> None:
    assert [request.headers["Cookie"] for request in requests_of(figure, VISITORS, PEOPLE)] == cookies


def test_each_person_sets_their_line_to_another_quantity_each_time() -> None:
    sent = [(request.headers["Cookie"], request.body) for request in requests_of("set_line", VISITORS, PEOPLE)]

    assert sent == [
        ("p=1", '{"quantity": 3}'),
        ("p=2", '{"quantity": 3}'),
        ("p=1", '{"quantity": 2}'),
        ("p=2", '{"quantity": 2}'),
    ]


def test_every_figure_has_requests() -> None:
    assert all(requests_of(figure, VISITORS, PEOPLE) for figure in FIGURES)


def test_a_page_is_read_as_people_read_it() -> None:
    assert text_of("<p>Salt &amp;\n  <b>Sea</b></p><p>€18.50</p>") == "Salt & Sea €18.50"


def test_what_a_card_shows() -> None:
    assert Product("lamp", "Lamp", "Bright.", "Home", 1150_00, 3).facts() == ["Lamp", "€1,150.00", "Only 3 left"]
    assert Product("lamp", "Lamp", "Bright.", "Home", 5, 0).facts() == ["Lamp", "€0.05", "Sold out"]
    assert Product("lamp", "Lamp", "Bright.", "Home", 5, 6).facts() == ["Lamp", "€0.05"]


def test_a_page_without_what_it_should_show_is_an_error() -> None:
    _expect("<p>Mug</p><p>Lamp</p>", ["Mug", "Lamp"])
    with pytest.raises(BenchmarkError, match="Mug"):
        _expect("<p>Mug</p><p>Lamp</p>", ["Lamp", "Mug"])


def test_the_report_sets_requests_and_processor_time_beside_those_of_express(results: Results) -> None:
    report = markdown(results, {OURS_ON_WAITRESS: {"home_visitor": 100}}, TIMES, ["a note"])

    assert "100 (2.00)" in report  # the median of the rounds' ratios
    assert "200 (2.00)" in report  # in a second of processor time
    assert "2.0 (0.50)" in report  # the 99th percentile
    assert "- a note\n" in report


def test_where_the_system_does_not_tell_processor_time_nothing_is_said_of_it() -> None:
    results = Results()
    for figure in FIGURES:
        results.note(OURS_ON_WAITRESS, figure, Load(1.0, 2.0, requests=100))

    assert "processor time\n" not in markdown(results, {OURS_ON_WAITRESS: {}}, TIMES, [])


def test_without_express_there_is_no_ratio(results: Results) -> None:
    del results.loads[EXPRESS]

    assert "(2.00)" not in markdown(results, {OURS_ON_WAITRESS: {}}, TIMES, [])


def test_a_page_that_is_much_larger_than_ours_is_told() -> None:
    complaints = size_complaints({OURS_ON_WAITRESS: {"home_visitor": 1000}, EXPRESS: {"home_visitor": 1200}})

    assert len(complaints) == 1
    assert "1,200 bytes" in complaints[0]
    assert size_complaints({OURS_ON_WAITRESS: {"home_visitor": 1000}, EXPRESS: {"home_visitor": 1050}}) == []


def test_times_without_a_server() -> None:
    assert "| home, visitor        | 1,200 |             900 |" in bare_markdown(TIMES)


def test_both_parts_are_measured_unless_one_is_named() -> None:
    assert parse([]).parts == ["sessions", "pages"]
    assert parse(["pages"]).parts == ["pages"]
    with pytest.raises(SystemExit):
        parse(["speed"])
