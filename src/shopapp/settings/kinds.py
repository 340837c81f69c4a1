"""How the text of one setting becomes a value: one `Kind` per type. Knows no key and reads no environment.

A message made here never repeats a value that may hold a secret: see `Kind.private`.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyramid.path import DottedNameResolver
from pyramid.settings import falsey, truthy

# Loading bytes with these runs whatever code the bytes say, so write access to Redis would be a shell on this host.
CODE_RUNNING_SERIALIZERS = frozenset(
    {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"}
)


class BadValueError(ValueError):
    """A text that is no value of its kind: `str()` says what is wrong, `remedy` what to write instead."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.remedy = remedy


@dataclass(frozen=True)
class Kind:
    """A type of setting: its name in the documentation, and the function from text to value (raises BadValueError)."""

    name: str
    convert: Callable[[str], Any]
    private: bool = False  # the text may hold a secret, so no message repeats it


def _yes_or_no(text: str) -> bool:
    if text.lower() in truthy:
        return True
    if text.lower() in falsey:
        return False
    raise BadValueError("is neither true nor false", "write true or false")


boolean = Kind("true or false", _yes_or_no)


def integer(low: int, high: int, unit: str = "", *, optional: bool = False) -> Kind:
    """A whole number from `low` to `high`; an optional one may also be `None` or 0, which both mean: none."""
    name = unit or "whole number"

    def convert(text: str) -> int | None:
        if optional and text.lower() in {"none", "0"}:
            return None
        remedy = f"write a whole number from {low} to {high}" + (", or None" if optional else "")
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
            raise BadValueError("is not a whole number", remedy)
        if not low <= int(text) <= high:
            raise BadValueError("is out of range", remedy)
        return int(text)

    return Kind(f"{name} or None" if optional else name, convert)


def seconds(low: float, high: float) -> Kind:
    """A number of seconds with a fraction, or None."""

    def convert(text: str) -> float | None:
        if text.lower() in {"none", "0"}:
            return None
        remedy = f"write a number of seconds from {low} to {high}, such as 1.0, or None"
        if not re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", text):
            raise BadValueError("is not a number", remedy)
        if not low <= float(text) <= high:
            raise BadValueError("is out of range", remedy)
        return float(text)

    return Kind("seconds or None", convert)


def some_seconds(low: float, high: float) -> Kind:
    """A number of seconds with a fraction."""
    optional = seconds(low, high)

    def convert(text: str) -> float:
        found = optional.convert(text)
        if found is None:
            raise BadValueError("is no limit", f"write a number of seconds from {low} to {high}, such as 1.0")
        return float(found)

    return Kind("seconds", convert)


def or_word(word: str, kind: Kind) -> Kind:
    """Another kind, or one word besides, in any case."""

    def convert(text: str) -> Any:
        if text.lower() == word:
            return word
        try:
            return kind.convert(text)
        except BadValueError as error:
            raise BadValueError(str(error), f"{error.remedy}, or {word}") from error

    return Kind(f"{kind.name} or {word}", convert, kind.private)


def choice(*options: str) -> Kind:
    """One of a few words, in any case."""

    def convert(text: str) -> str:
        if text.lower() not in options:
            raise BadValueError("is not one of the choices", f"write {', '.join(options[:-1])} or {options[-1]}")
        return text.lower()

    return Kind(" or ".join(options), convert)


def text(pattern: str, remedy: str, *, name: str = "text", optional: bool = False, private: bool = False) -> Kind:
    """Text that matches a pattern; an optional one may also be empty or `None`, which both mean: none."""

    def convert(value: str) -> str | None:
        if optional and value.lower() in {"", "none"}:
            return None
        if not re.fullmatch(pattern, value):
            raise BadValueError("is empty" if not value else "has characters it cannot have", remedy)
        return value

    return Kind(f"{name} or None" if optional else name, convert, private)


words = Kind("one or more words", lambda value: tuple(value.split()), private=True)


def dotted(*methods: str) -> Kind:
    """The dotted name of something importable that has these methods. It stays a name: others import it."""

    def convert(value: str) -> str | None:
        if value.lower() in {"", "none"}:
            return None
        _refuse_code_running(value.replace(":", ".").split(".")[0])
        try:
            found = DottedNameResolver(None).resolve(value)
        except Exception as error:  # importing runs foreign code, which may raise anything
            problem = f"cannot be imported ({type(error).__name__})"
            raise BadValueError(problem, "write the dotted name of something that is installed") from error
        _refuse_code_running(str(getattr(found, "__module__", "")).split(".")[0], found)
        missing = [name for name in methods if not callable(getattr(found, name, None))]
        if missing:
            raise BadValueError(f"has no method {' and no '.join(missing)}", "name an object that has all it needs")
        return value

    return Kind("dotted name or None", convert)


def _refuse_code_running(module: str, found: Any = None) -> None:
    if module in CODE_RUNNING_SERIALIZERS or found in (eval, exec):
        problem = "executes code when it loads what is stored"
        raise BadValueError(problem, "remove the line: the built-in JSON needs no such trust in Redis")


def _known_codec(lookup: Callable[[str], Any], noun: str, example: str) -> Kind:
    def convert(value: str) -> str:
        try:
            lookup(value)
        except LookupError:
            raise BadValueError(f"is no {noun} that Python knows", f"write {example}") from None
        return value

    return Kind(noun, convert)


encoding = _known_codec(codecs.lookup, "encoding", "utf-8")
encoding_errors = _known_codec(codecs.lookup_error, "error handler", "strict")
