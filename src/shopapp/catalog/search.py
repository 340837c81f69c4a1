"""Searching the catalogue: what is typed becomes words, and a mistake in one of them is mended if nothing is found."""

import unicodedata
from collections.abc import Iterator

from sqlalchemy import Connection

from shopapp.catalog.fulltext import matching_ids, near_words
from shopapp.catalog.snapshots import Page
from shopapp.catalog.spelling import closest, mistakes_allowed
from shopapp.catalog.store import Sort, find_category, page_numbers, products_by_id
from shopapp.db import can_be_stored

MAX_SEARCH_LENGTH = 200
"""Characters in a search at most. A longer one finds nothing."""

MAX_WORDS = 10
"""Words that are looked for. What is typed beyond that is left out: it would narrow down next to nothing to nothing."""

MAX_FOUND = 1000
"""Products that a search lists. Nobody looks through more, and to sort everything by relevance takes time."""

MAX_MENDED = 3
"""Words with a mistake in one search that are mended at most."""

_LITTLE = frozenset(
    ("a", "an", "and", "at", "by", "for", "from", "in", "is", "it", "of", "on", "or", "the", "to", "with")
)
"""Words that are looked for only if there are no others: they are in half of all descriptions, and say nothing."""


def search_products(
    connection: Connection, q: str, category: str = "", sort: Sort | None = None, page: int = 1, page_size: int = 12
) -> Page:
    """Return a page of the products that match ``q``, in the category with that slug or in all; by relevance or sorted.

    Every word must be found in the name, the description or the category's name, in any case, with or without accents,
    in any of its forms; from three letters on also as a beginning. If no product has a word, the closest word that a
    name has is searched for instead, and ``searched`` of the page says so.
    """
    searched = " ".join(q.split()) if can_be_stored(q) else ""
    words = _words(searched) if len(q) <= MAX_SEARCH_LENGTH else []
    shelf = find_category(connection, category) if category else None
    if not words or (category and shelf is None):
        return Page((), number=1, pages=1, total=0, searched=searched)
    shelf_id = shelf.id if shelf else None
    ids = matching_ids(connection, words, shelf_id, MAX_FOUND + 1)
    if not ids and (mended := _mended(connection, searched, words)):
        ids = matching_ids(connection, _words(mended), shelf_id, MAX_FOUND + 1)
        searched = mended if ids else searched
    more, ids = len(ids) > MAX_FOUND, ids[:MAX_FOUND]
    pages, number = page_numbers(len(ids), page, page_size)
    products = products_by_id(connection, ids, sort, page_size, (number - 1) * page_size)
    return Page(products, number=number, pages=pages, total=len(ids), searched=searched, more=more)


def _words(searched: str) -> list[str]:
    """Return the words to look for, each once."""
    parts = (part.lower() for part, is_word in _parts(searched) if is_word)
    words = [word for word in dict.fromkeys(parts) if any(each.isalnum() for each in word)]
    return [word for word in words if word not in _LITTLE][:MAX_WORDS] or words[:MAX_WORDS]


def _parts(searched: str) -> Iterator[tuple[str, bool]]:
    """Take a text apart into words, of letters and digits with their accents, and what is between them."""
    part, in_word = "", False
    for each in unicodedata.normalize("NFC", searched):
        if part and (unicodedata.category(each)[0] in "LNM") != in_word:
            yield part, in_word
            part = ""
        part, in_word = part + each, unicodedata.category(each)[0] in "LNM"
    if part:
        yield part, in_word


def _mended(connection: Connection, searched: str, words: list[str]) -> str | None:
    """Return the text with the words that no product has replaced, None if that is not possible."""
    unknown = [word for word in words if not matching_ids(connection, [word], None, 1)]
    if not unknown or len(unknown) > MAX_MENDED:
        return None
    instead = {}
    for word in unknown:
        near = near_words(connection, word) if mistakes_allowed(word) else ()
        meant = closest(word, near)
        if meant is None:
            return None
        instead[word] = meant.lower()
    parts = (instead.get(part.lower(), part) if is_word else part for part, is_word in _parts(searched))
    return "".join(parts)
