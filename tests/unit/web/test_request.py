"""The shop's request: addresses and the Accept header, remembered, are what Pyramid and WebOb make of them."""

from typing import Any

import pytest
from pyramid.config import Configurator
from pyramid.request import Request
from webob.acceptparse import create_accept_header

from shopapp.web import request as module
from shopapp.web.request import ADDRESSES, Accept, Addresses, ShopRequest, make_request_class

OFFERS = ["text/html", "application/json"]


@pytest.fixture
def config() -> Configurator:
    """Two routes and a folder of static files."""
    config = Configurator()
    config.add_route("home", "/")
    config.add_route("product", "/products/{sku}")
    config.add_static_view("static", "shopapp:web/static")
    config.registry[ADDRESSES] = Addresses(config.registry)
    config.commit()
    return config


def request_under(config: Configurator, script_name: str, kind: type[Request] = ShopRequest) -> Request:
    request = kind.blank("/", environ={"SCRIPT_NAME": script_name})
    request.registry = config.registry
    return request


@pytest.mark.parametrize("script_name", ["", "/shop", "/caf\xc3\xa9"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("home", {}),
        ("home", {"_query": {"q": "a b&c", "page": 2}}),
        ("home", {"_query": {}}),
        ("home", {"_query": "a=b"}),
        ("home", {"_query": None}),
        ("home", {"_query": [("a", "1"), ("a", "2")]}),
        ("home", {"_query": {"a": ["1", "2"]}}),
        ("home", {"_query": {"a": True}}),
        ("home", {"_query": {"a": 1}, "_anchor": "top"}),
        ("home", {"_anchor": None}),
        ("product", {"sku": "brass-pen"}),
        ("product", {"sku": "a/b ü"}),
    ],
)
def test_an_address_is_pyramids(config: Configurator, script_name: str, name: str, options: dict[str, Any]) -> None:
    ours, theirs = request_under(config, script_name), request_under(config, script_name, Request)

    for _ in range(2):
        assert ours.route_path(name, **options) == theirs.route_path(name, **options)
    assert ours.static_path("shopapp:web/static/shop.css") == theirs.static_path("shopapp:web/static/shop.css")


def test_each_address_is_made_once(config: Configurator, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    path = Request.route_path
    monkeypatch.setattr(Request, "route_path", lambda self, name, **kw: made.append(name) or path(self, name, **kw))

    for script_name in ("", "/shop"):
        for _ in range(3):
            request_under(config, script_name).route_path("product", sku="pen")
            request_under(config, script_name).route_path("product", sku="ink")

    assert made == ["product"] * 4


@pytest.mark.parametrize(
    "header", [None, "", "*/*", "application/json", "text/html;q=0.5, application/json", "image/png", "rubbish;;;", "é"]
)
def test_the_accept_header_is_understood_as_webob_does(header: str | None) -> None:
    assert Accept(header).acceptable_offers(OFFERS) == create_accept_header(header).acceptable_offers(OFFERS)


def test_it_is_understood_once_for_each_value(monkeypatch: pytest.MonkeyPatch) -> None:
    understood = []

    def note(header: str | None) -> Any:
        understood.append(header)
        return create_accept_header(header)

    monkeypatch.setattr(module, "create_accept_header", note)
    module._understood.cache_clear()
    for _ in range(3):
        for header in ("text/html", "application/json"):
            Accept(header).acceptable_offers(OFFERS)

    assert understood == ["text/html", "application/json"]


def test_a_header_that_no_browser_sends_is_not_kept_in_memory() -> None:
    module._understood.cache_clear()

    assert Accept("text/html," + "a/b," * 200).acceptable_offers(OFFERS)[0][0] == "text/html"
    assert module._understood.cache_info().currsize == 0


def test_what_the_app_adds_to_requests_is_in_one_class(config: Configurator) -> None:
    config.add_request_method(lambda _request: [], "basket", reify=True)
    config.add_request_method(lambda _request, word: word.upper(), "shout")
    config.action(None, make_request_class, args=(config,), order=1)
    seen = []

    def view(request: Request) -> Any:
        request.basket.append(1)
        seen.append((type(request), request.basket, request.shout("a")))
        return request.response

    config.add_view(view, route_name="home")
    app = config.make_wsgi_app()
    for _ in range(2):
        Request.blank("/").get_response(app)

    assert seen[0][0] is seen[1][0]
    assert issubclass(seen[0][0], ShopRequest)
    assert [(basket, word) for _, basket, word in seen] == [([1], "A"), ([1], "A")]


def test_what_somebody_sends_into_an_address_does_not_fill_the_memory(config: Configurator) -> None:
    request = request_under(config, "")

    for query in ({"next": "/account?" + "x" * 200}, {"next": "/" + "\U0001f600" * 101}):
        assert request.route_path("home", _query=query).startswith("/?next=")
    assert config.registry[ADDRESSES].route.cache_info().currsize == 0
