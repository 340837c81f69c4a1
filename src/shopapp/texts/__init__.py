"""The texts that the law asks of a shop: who it is, its terms, what becomes of people's data, how things go back.

They are read once, at the start. A text that no file was named for is an example of ours, and says so.
"""

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from shopapp.texts.reading import TITLES, Text, read_texts

__all__ = ["TEXTS", "TITLES", "Text", "examples_in_use", "includeme"]

TEXTS = "shopapp.texts"
"""Where in the registry they are: name to :class:`Text`."""

PAGE = "shopapp:texts/templates/text.jinja2"


def includeme(config: Configurator) -> None:
    """Install a page for each text. Its route has the text's name: ``imprint``, ``terms``, ``privacy``, ``returns``."""
    config.registry[TEXTS] = read_texts(config.registry["shopapp.settings"].shop)
    for name in TITLES:
        options = {"route_name": name, "request_method": "GET", "shared": ()}
        config.add_route(name, f"/{name}")
        config.add_view(show_text, accept="text/html", renderer=PAGE, **options)
        config.add_view(show_text_json, accept="application/json", renderer="json", **options)


def show_text(request: Request) -> dict[str, Any]:
    """The text as a page."""
    return {"text": _text_of(request)}


def show_text_json(request: Request) -> dict[str, Any]:
    """The text as JSON."""
    text = _text_of(request)
    parts = [{"heading": part.is_heading, "text": part.words} for part in text.parts]
    return {"title": text.title, "example": text.is_example, "parts": parts}


def examples_in_use(texts: dict[str, Text]) -> list[str]:
    """Return the names of the texts that are examples still."""
    return [name for name, text in texts.items() if text.is_example]


def _text_of(request: Request) -> Text:
    found: Text = request.registry[TEXTS][request.matched_route.name]
    return found
