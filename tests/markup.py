"""What a page is made of: its elements and attributes, so that one can tell whether what somebody typed became some."""

from html.parser import HTMLParser
from urllib.parse import urlsplit

LEADING = ("href", "src", "action", "formaction", "poster", "data", "srcset")
"""Attributes by which a page goes somewhere or loads something."""


class _Structure(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.addresses += [value or "" for name, value in attrs if name in LEADING]

    def handle_endtag(self, tag: str) -> None:
        self.elements.append((f"/{tag}", ()))

    def handle_comment(self, data: str) -> None:
        self.elements.append(("!--", ()))

    def handle_decl(self, decl: str) -> None:
        self.elements.append((f"!{decl}", ()))

    def handle_pi(self, data: str) -> None:
        self.elements.append(("?", ()))


def structure_of(html: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the elements of a page in their order, each with the names of its attributes."""
    return _read(html).elements


def addresses_in(html: str) -> list[str]:
    """Return where a page leads to, and what it loads."""
    return _read(html).addresses


def foreign_addresses(html: str, *own: str) -> list[str]:
    """Return the addresses in a page that lead elsewhere than to a path of the site, or to one of ``own``."""
    return [address for address in _read(html).addresses if not _is_ours(address, own)]


def _read(html: str) -> _Structure:
    structure = _Structure()
    structure.feed(html)
    structure.close()
    return structure


def _is_ours(address: str, own: tuple[str, ...]) -> bool:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or "\\" in address:
        return address.startswith(own) if own else False
    return address == "" or address[0] in "/?#"
