"""Which known word a person may have meant. No database here."""

import unicodedata
from collections.abc import Iterable

SHORTEST, LONGEST = 3, 32
"""Letters of a word that is mended. The spellings of one grow with the square of its length."""

_LIKE_ACCENTS = str.maketrans({"ø": "o", "đ": "d", "ł": "l"})


def plain(word: str) -> str:
    """Return a word in lower case and without accents."""
    parts = unicodedata.normalize("NFD", word.casefold())
    return "".join(each for each in parts if not unicodedata.combining(each)).translate(_LIKE_ACCENTS)


def mistakes_allowed(word: str) -> int:
    """Return how many letters may be wrong, missing, too many or in each other's place."""
    letters = len(plain(word))  # which one of another script may be several of
    return 0 if not SHORTEST <= letters <= LONGEST else 1 if letters < 6 else 2


def spellings(word: str) -> set[str]:
    """Return the plain word and the same without as many of its letters as may be wrong."""
    found = layer = {plain(word)}
    for _ in range(mistakes_allowed(word)):
        layer = {each[:place] + each[place + 1 :] for each in layer for place in range(len(each))}
        found = found | layer
    return found


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that the fewest mistakes make into this one, None if all of them would be too many."""
    typed, allowed = plain(word), mistakes_allowed(word)
    near = [(mistakes(typed, plain(each)), each[0] != typed[0], each) for each in known if each]
    return min((each for each in near if each[0] <= allowed), default=(0, False, None))[2]


def mistakes(one: str, other: str) -> int:
    """Count wrong, missing and needless letters, and neighbours in each other's place (Damerau and Levenshtein)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        above, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]
