"""Finds what a person can reach in a shop: pages by their links, and every form with its fields. Knows no address."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from pyramid.interfaces import IRoutesMapper
from pyramid.request import Request
from webtest import TestResponse
from webtest.forms import Submit

from fuzz.attempts import Attempt
from fuzz.house import House
from fuzz.targets import Answer, send
from markup import addresses_in

PAGES_OF_A_ROUTE = 3
"""Of a product's page, say: each has the same forms."""


@dataclass(frozen=True)
class FoundForm:
    """A form, and who has found it."""

    who: str
    method: str
    action: str
    fields: tuple[tuple[str, str], ...]
    """Each with what is filled in already."""

    def filled(self, values: dict[str, str]) -> Attempt:
        """Return the request that sends it."""
        body = urlencode({**dict(self.fields), **values}).encode()
        if self.method == "GET":
            return Attempt(self.who, "GET", f"{self.action}?".encode() + body)
        form = ("Content-Type", b"application/x-www-form-urlencoded")
        return Attempt(self.who, "POST", self.action.encode(), (form,), body)


def routes_of(app: Any) -> list[Any]:
    """Return all routes of the shop, but for its files."""
    routes = app.registry.getUtility(IRoutesMapper).get_routes()
    return [route for route in routes if not route.pattern.startswith("/static")]


def route_of(app: Any, path: str) -> str:
    """Return the name of the route that leads to a path; empty if there is none."""
    found = app.registry.getUtility(IRoutesMapper)(Request.blank(path))["route"]
    return found.name if found else ""


def crawl(house: House, who: str, starts: Sequence[str]) -> tuple[list[str], list[FoundForm]]:
    """Follow all links from these pages on; return the pages, and the forms on them, each once."""
    waiting, seen, forms, counts = list(starts), set(starts), {}, Counter[str]()
    pages = []
    while waiting:
        page = waiting.pop(0)
        route = route_of(house.app, urlsplit(page).path)
        counts[route] += 1
        if not route or (counts[route] > PAGES_OF_A_ROUTE and page not in starts):
            continue
        answer = send(house, Attempt(who, "GET", page.encode()))
        pages.append(page)
        for form in _forms(who, page, answer):
            forms.setdefault((form.method, route_of(house.app, form.action), tuple(dict(form.fields))), form)
        for link in links(page, answer):
            if link not in seen:
                seen.add(link)
                waiting.append(link)
    return pages, list(forms.values())


def links(page: str, answer: Answer) -> Iterator[str]:
    """Yield where a page leads to within the shop."""
    found = [value for name, value in answer.headers if name == "Location"]
    if is_html(answer):
        found += addresses_in(answer.body.decode())
    for address in found:
        parts = urlsplit(urljoin(f"http://localhost{page}", address))
        if parts.netloc == "localhost" and not parts.path.startswith("/static"):
            yield parts._replace(scheme="", netloc="", fragment="").geturl()


def _forms(who: str, page: str, answer: Answer) -> Iterator[FoundForm]:
    if not is_html(answer):
        return
    response = TestResponse(answer.body, headerlist=[("Content-Type", "text/html; charset=UTF-8")])
    for number in sorted(key for key in response.forms if isinstance(key, int)):
        form = response.forms[number]
        fields = {name: _value(name, form) for name in form.fields if name}
        yield FoundForm(who, (form.method or "GET").upper(), urlsplit(form.action or page).path, tuple(fields.items()))


def _value(name: str, form: Any) -> str:
    field = form.fields[name][0]
    value = field.value_if_submitted() if isinstance(field, Submit) else field.value
    return value or ""


def is_html(answer: Answer) -> bool:
    """Whether it is a page."""
    return any(name == "Content-Type" and value.startswith("text/html") for name, value in answer.headers)
