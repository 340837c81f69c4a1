"""How hard a password is to guess, and why. Judges new passwords only, wherever they come from; stores nothing."""

import re
from collections.abc import Iterator
from itertools import islice

from zxcvbn_rs_py import Feedback, zxcvbn

ENOUGH = 10**8
"""Guesses. It is where zxcvbn's score of 3 begins, "safely unguessable" where each costs a slow hash; but that asks for
a few more than eight characters at random take, and those are good enough (NIST SP 800-63B)."""

MAX_JUDGED = 40
"""Characters. The time that it takes grows faster than their square, and nothing else runs meanwhile: no other thread.
Whatever follows makes a password no easier to guess."""

MIN_WORD, MAX_WORD = 3, 40
"""Shorter parts of names and addresses are in every other password by chance; longer ones are cut."""

MAX_WORDS = 20
"""Of a person's own, those of the address first: they take time, too, and a name may have fifty."""

OWN_WORDS = "it is made of your name, your e-mail address or the shop's name"

SOON = "a program that guesses finds it soon"

# By the names that zxcvbn gives them: its own values are no keys for a dict.
WHY = {
    "StraightRowsOfKeysAreEasyToGuess": "it is a row of keys",
    "ShortKeyboardPatternsAreEasyToGuess": "it is a short pattern on the keyboard",
    "RepeatsLikeAaaAreEasyToGuess": "it repeats one character",
    "RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess": "it repeats the same few characters",
    "ThisIsATop10Password": "it is among the ten passwords that people choose most",
    "ThisIsATop100Password": "it is among the hundred passwords that people choose most",
    "ThisIsACommonPassword": "many people have chosen it before",
    "ThisIsSimilarToACommonlyUsedPassword": "it is close to one that many people have chosen",
    "SequencesLikeAbcAreEasyToGuess": "it is a sequence, such as abc or 6543",
    "RecentYearsAreEasyToGuess": "it is little more than a year",
    "AWordByItselfIsEasyToGuess": "it is one word",
    "DatesAreOftenEasyToGuess": "it is little more than a date",
    "NamesAndSurnamesByThemselvesAreEasyToGuess": "it is a name",
    "CommonNamesAndSurnamesAreEasyToGuess": "it is made of common names",
}

HELP = {
    "UseAFewWordsAvoidCommonPhrases": "Use a few words that are no saying.",
    "NoNeedForSymbolsDigitsOrUppercaseLetters": "It needs no digits, signs or capitals.",
    "AddAnotherWordOrTwo": "Add another word or two, the rarer the better.",
    "CapitalizationDoesntHelpVeryMuch": "Capitals hardly help.",
    "AllUppercaseIsAlmostAsEasyToGuessAsAllLowercase": "Capitals hardly help.",
    "ReversedWordsArentMuchHarderToGuess": "Words spelt backwards hardly help.",
    "PredictableSubstitutionsDontHelpVeryMuch": "Signs that look like letters hardly help.",
    "UseALongerKeyboardPatternWithMoreTurns": "A pattern of keys needs to be longer, with turns in it.",
    "AvoidRepeatedWordsAndCharacters": "Leave out what is repeated.",
    "AvoidSequences": "Leave out sequences.",
    "AvoidRecentYears": "Leave out years.",
    "AvoidYearsThatAreAssociatedWithYou": "Leave out years.",
    "AvoidDatesAndYearsThatAreAssociatedWithYou": "Leave out dates.",
}


def weakness_of(password: str, *, name: str, email: str, shop: str) -> str | None:
    """Return why the password is too easy to guess and what would help, for the person whose name and address these
    are; None if it is good enough.
    """
    text = password[:MAX_JUDGED].encode(errors="replace").decode()
    words = islice(dict.fromkeys(_own_words(name, email, shop)), MAX_WORDS)
    own_words = sorted(words, key=len, reverse=True)
    judged, bare = zxcvbn(text, own_words), _without(text, own_words)
    is_own = bare != text and zxcvbn(bare).guesses < ENOUGH <= zxcvbn(text).guesses
    if judged.guesses >= ENOUGH and not is_own:
        return None
    feedback = judged.feedback
    why = WHY[_name(feedback.warning)] if feedback and feedback.warning else SOON
    return " ".join([f"This is too easy to guess: {OWN_WORDS if is_own else why}.", *_help(feedback)])


def _own_words(name: str, email: str, shop: str) -> Iterator[str]:
    for text in (email, shop, "shopapp", name):
        whole = text.lower()
        parts = [*re.split(r"[\W_]+", whole), *(re.sub(r"[\W_]+", "", word) for word in whole.split())]
        yield from (part[:MAX_WORD] for part in (whole, re.sub(r"[\W_]+", "", whole), *parts) if len(part) >= MIN_WORD)


def _without(text: str, words: list[str]) -> str:
    """What is left of a password when whoever guesses knows these words: they count for nothing."""
    return re.sub("|".join(map(re.escape, words)), "", text, flags=re.IGNORECASE)


def _help(feedback: Feedback | None) -> list[str]:
    found = [HELP[_name(each)] for each in feedback.suggestions] if feedback else []
    return list(dict.fromkeys(found)) or [HELP["AddAnotherWordOrTwo"]]


def _name(finding: object) -> str:
    return repr(finding).rpartition(".")[2]
