"""How each database searches: the SQL behind :mod:`shopapp.catalog.search`. Migration 0005 made what it asks.

Words are of letters and digits, so none of them means anything in the languages of the two.
"""

import json
from collections.abc import Sequence

from sqlalchemy import Connection, text

from shopapp.catalog.spelling import spellings

PREFIX_LENGTH = 3
"""A word of so many letters also finds words that begin with it. A shorter one finds itself: too many begin with it."""

_SQLITE_PART = (
    "SELECT rowid AS id, {rank} AS rank, length(name) AS size FROM product_search"
    " WHERE product_search MATCH :match{rank}"
)
_MARK = "\ua66e"
_SQLITE_FOUND = "SELECT id FROM ({parts} LIMIT :most) ORDER BY rank, size, id"
_SQLITE_NEAR = "SELECT DISTINCT word FROM product_word WHERE near IN (SELECT value FROM json_each(:nears)) LIMIT :most"
_POSTGRESQL_FOUND = "SELECT * FROM search_products(:every, :beginnings, :either, :shelf, :most)"
_POSTGRESQL_NEAR = "SELECT DISTINCT word FROM (SELECT word FROM product_word ORDER BY word <-> :word LIMIT :most) near"


def matching_ids(connection: Connection, words: Sequence[str], category_id: int | None, most: int) -> list[int]:
    """Return the products, at most so many, that have every word in the name, the description or the category's name.

    The order is by relevance: every word in the name, every word at least as a beginning in the name, any word in the
    name, the rest; the shorter name first. Of more than ``most`` those are left out that the index comes to last.
    """
    if connection.dialect.name == "sqlite":
        return _matching_in_sqlite(connection, words, category_id, most)
    whole = [f"'{word}'" for word in words]
    begun = [f"'{word}'" + (":*" if len(word) >= PREFIX_LENGTH else "") for word in words]
    asked = {"every": " & ".join(whole), "beginnings": " & ".join(begun), "either": " | ".join(begun)}
    return list(connection.scalars(text(_POSTGRESQL_FOUND), {**asked, "shelf": category_id, "most": most}))


def near_words(connection: Connection, word: str, most: int = 50) -> list[str]:
    """Return words of names that this one may be a mistake for."""
    if connection.dialect.name == "sqlite":
        nears = json.dumps(list(spellings(word)))
        return list(connection.scalars(text(_SQLITE_NEAR), {"nears": nears, "most": most}))
    return list(connection.scalars(text(_POSTGRESQL_NEAR), {"word": word, "most": most}))


def _matching_in_sqlite(connection: Connection, words: Sequence[str], category_id: int | None, most: int) -> list[int]:
    if any(_MARK in word for word in words):
        return []
    # In the index a word of a name is there a second time, behind the mark, and a category's id behind two of them.
    ends = ["*" if len(word) >= PREFIX_LENGTH else "" for word in words]
    named = "(" + " AND ".join(f'"{_MARK}{word}"' for word in words) + ")"
    named_begun = [f'"{_MARK}{word}"{end}' for word, end in zip(words, ends, strict=True)]
    named_all, named_some = f"({' AND '.join(named_begun)})", f"({' OR '.join(named_begun)})"
    anywhere = "(" + " AND ".join(f'"{word}"{end}' for word, end in zip(words, ends, strict=True)) + ")"
    # Each leaves out what those before it have found, and runs only if those were too few.
    matches = {0: named, 1: f"({named_all} NOT {named})", 3: f"({anywhere} NOT {named_some})"}
    if len(words) > 1:
        matches[2] = f"(({anywhere} AND {named_some}) NOT {named_all})"
    shelf = f'"{_MARK}{_MARK}{category_id}" AND ' if category_id is not None else ""
    parts = " UNION ALL ".join(_SQLITE_PART.format(rank=rank) for rank in sorted(matches))
    asked = {f"match{rank}": shelf + match for rank, match in matches.items()}
    return list(connection.scalars(text(_SQLITE_FOUND.format(parts=parts)), {**asked, "most": most}))
