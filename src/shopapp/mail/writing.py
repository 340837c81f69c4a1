"""What a letter is made of, as text and as HTML. A template calls these by the same names for either."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from textwrap import fill
from urllib.parse import urlsplit

from markupsafe import Markup

WIDTH = 72

JOINERS = "\u200c\u200d"
"""Characters of format that words and emoji need. The others turn writing around or hide what is there."""


class Plain(str):
    """Text that Jinja leaves as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def one_line(text: object) -> str:
    """Return the text as one line, without what could start another, hide a part or turn it around."""
    spaced = "".join(
        " " if category in ("Cc", "Zl", "Zp") else character
        for character in str(text)
        if (category := unicodedata.category(character)) != "Cs" and (category != "Cf" or character in JOINERS)
    )
    return re.sub(r"[^\S\xa0\u202f]+", " ", spaced).strip()  # but the spaces in a price stay


def _address(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https") or one_line(url) != url or " " in url:
        raise ValueError("a letter links to a page, by its whole address")
    return url


def _text_paragraph(text: str) -> Plain:
    return Plain(f"\n{fill(one_line(text), WIDTH, break_long_words=False, break_on_hyphens=False)}\n\n")


def _text_button(url: str, label: str) -> Plain:
    return Plain(f"\n{one_line(label)}:\n{_address(url)}\n\n")


def _text_facts(facts: Sequence[tuple[str, str]]) -> Plain:
    rows = [(one_line(left), one_line(right)) for left, right in facts]
    width = max((len(left) for left, _ in rows), default=0)
    return Plain("\n" + "".join(f"{left:<{width}}  {right}\n" for left, right in rows) + "\n")


def _html_paragraph(text: str) -> Markup:
    return Markup("<p>{}</p>\n").format(one_line(text))


def _html_button(url: str, label: str) -> Markup:
    button = Markup('<p><a class="button" href="{}">{}</a></p>\n').format(_address(url), one_line(label))
    return button + Markup('<p class="note">If the button does not work, open this address: {}</p>\n').format(url)


def _html_facts(facts: Sequence[tuple[str, str]]) -> Markup:
    row = Markup('<tr><td>{}</td><td class="right">{}</td></tr>\n')
    rows = Markup().join(row.format(one_line(left), one_line(right)) for left, right in facts)
    return Markup('<table role="presentation">\n{}</table>\n').format(rows)


def _html_note(text: str) -> Markup:
    return Markup('<p class="note">{}</p>\n').format(one_line(text))


def as_text(value: object) -> str:
    """Return what a template writes without a function, as text: in one line, and nothing in it is escaped."""
    return value if isinstance(value, Plain | Markup) else Plain(one_line(value))


def as_html(value: object) -> str:
    """The same for HTML, where Jinja escapes it."""
    return value if isinstance(value, Markup) else one_line(value)


TEXT: dict[str, Callable[..., Plain]] = {
    "paragraph": _text_paragraph,
    "button": _text_button,
    "facts": _text_facts,
    "note": _text_paragraph,
}

HTML: dict[str, Callable[..., Markup]] = {
    "paragraph": _html_paragraph,
    "button": _html_button,
    "facts": _html_facts,
    "note": _html_note,
}
