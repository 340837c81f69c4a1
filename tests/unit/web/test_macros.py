"""Macros that are remembered: made once for what they are given, and for the path under which the app is."""

from pyramid.request import Request

from shopapp.web import macros
from shopapp.web.macros import remembered


def request_under(script_name: str) -> Request:
    return Request.blank("/", environ={"SCRIPT_NAME": script_name})


def test_a_macro_is_made_once_for_what_it_is_given() -> None:
    made = []

    @remembered
    def macro(request: Request, name: str, number: int) -> str:
        made.append((request.script_name, name, number))
        return f"{request.script_name} {name} {number}"

    for _ in range(2):
        for script_name in ("", "/shop"):
            for number in (1, 2):
                request = request_under(script_name)
                assert macro(request, "a", number) == f"{script_name} a {number}"

    assert made == [("", "a", 1), ("", "a", 2), ("/shop", "a", 1), ("/shop", "a", 2)]


def test_no_more_is_remembered_than_there_is_room_for(monkeypatch) -> None:
    monkeypatch.setattr(macros, "MAX_REMEMBERED", 3)
    made = []
    macro = remembered(lambda _request, number: made.append(number))

    for number in (1, 2, 3, 4, 1, 4):
        macro(request_under(""), number)

    assert made == [1, 2, 3, 4, 1]
