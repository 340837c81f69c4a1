"""The ini and the environment become one frozen object, or one error that lists every mistake. Connects to nothing.

Knows no key: a part declares its own in a dataclass of :func:`setting` fields, with rules between them. A message
never holds a secret or a URL's credentials.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

from shopapp.settings.kinds import BadValueError, Kind

S = TypeVar("S")

NEAR_PREFIX = 0.85
"""How like the prefix the beginning of a key has to be to be taken for a misspelt one: a letter or two."""


class SettingsError(Exception):
    """The settings are wrong: `complaints` has one line for each mistake, and so has `str()`."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = complaints


def raise_complaints(complaints: list[str]) -> None:
    """Raise SettingsError if there is any complaint."""
    if complaints:
        raise SettingsError(complaints)


def setting(default: Any, kind: Kind, meaning: str, *, key: str = "", env: str = "") -> Any:
    """A dataclass field with all that is known of one key; what is private stays out of `repr()`."""
    metadata = {"kind": kind, "meaning": meaning, "key": key, "env": env}
    return field(default=default, repr=not kind.private, metadata=metadata)


@dataclass(frozen=True)
class Rule(Generic[S]):
    """A relation between settings: `broken` is asked only when every field in `reads` holds a valid value.

    `broken` gets the settings and the names that were written down (a default is not written down). The complaint
    is about the first field in `reads`.
    """

    reads: tuple[str, ...]
    broken: Callable[[S, Set[str]], bool]
    problem: str
    remedy: str


@dataclass
class Reading:
    """What was written down for one class of settings: the good values, the names of the bad ones, the complaints."""

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def judge(self, settings: S, rules: Iterable[Rule[S]]) -> None:
        """Complain of every rule that the settings, made of this reading, break; those on a failed field are left out.

        What is wrong between settings is told only of those that are right by themselves.
        """
        for rule in rules:
            if self.failed.isdisjoint(rule.reads) and rule.broken(settings, self.values.keys()):
                self.complain(rule.reads[0], rule.problem, rule.remedy)

    def complain(self, name: str, problem: str, remedy: str) -> None:
        """Complain of a field, by the key or the variable that its value came from."""
        self.complaints.append(f"{self.sources[name]} {problem}; {remedy}")


def read(
    cls: type,
    prefix: str,
    raw: Mapping[str, str],
    environ: Mapping[str, str],
    python_only: Mapping[str, str] | None = None,
) -> Reading:
    """Read the keys that begin with the prefix into the fields of the class; an environment variable wins.

    `python_only` has the names that no ini can hold, and what to do instead.
    """
    known = {key_of(prefix, f): f for f in fields(cls)}
    unknown = _unknown_keys(known, prefix, raw, python_only or {})
    reading = Reading(complaints=[*unknown, *_misspelt_prefixes(known, prefix, raw)])
    for key, f in known.items():
        variable = f.metadata["env"]
        if environ.get(variable, "").strip():
            source, text = f"{variable} (environment)", environ[variable]
        elif key in raw:
            source, text = key, str(raw[key])
        else:
            source, text = key, None
        reading.sources[f.name] = source
        if text is not None:
            _convert(reading, f, text.strip())
    return reading


def key_of(prefix: str, field: "Field[Any]") -> str:
    """Return the key of a field: of its own, whole, if that has a dot in it, else what follows the prefix."""
    key: str = field.metadata["key"] or field.name
    return key if "." in key else prefix + key


def _convert(reading: Reading, f: "Field[Any]", text: str) -> None:
    kind, source = f.metadata["kind"], reading.sources[f.name]
    try:
        reading.values[f.name] = kind.convert(text)
    except BadValueError as error:
        # An @ may follow somebody's credentials, whatever the key. repr() keeps line breaks out of the list.
        shown = "" if kind.private or "@" in text else f" = {text[:80]!r}"
        reading.failed.add(f.name)
        reading.complaints.append(f"{source}{shown} {error}; {error.remedy}")


def _unknown_keys(
    known: Iterable[str], prefix: str, raw: Mapping[str, str], python_only: Mapping[str, str]
) -> Iterator[str]:
    for key in sorted(key for key in raw if key.startswith(prefix) and key not in known):
        near = get_close_matches(key, known, n=1, cutoff=0.8)
        if key.removeprefix(prefix) in python_only:
            yield f"{key} takes a Python object, which no ini can hold; {python_only[key.removeprefix(prefix)]}"
        elif near:
            yield f"{key} is not a known setting; did you mean {near[0]}?"
        else:
            yield f"{key} is not a known setting; remove it, or look in docs/settings.md for its name"


def _misspelt_prefixes(known: Iterable[str], prefix: str, raw: Mapping[str, str]) -> Iterator[str]:
    """Keys that look like ours but for their beginning, and would be ignored without a word.

    Both halves have to be near: what begins alike but goes on otherwise is another library's.
    """
    names = {key.removeprefix(prefix) for key in known if key.startswith(prefix)}
    whole = [key for key in known if not key.startswith(prefix)]
    for key in sorted(key for key in raw if not key.startswith(prefix) and key not in whole):
        for meant in get_close_matches(key.lower(), whole, n=1, cutoff=NEAR_PREFIX):
            yield f"{key} is not a known setting; did you mean {meant}?"
        head, _, name = key.rpartition(".")
        if get_close_matches(head.lower(), [prefix.rstrip(".")], cutoff=NEAR_PREFIX):
            for meant in get_close_matches(name.lower(), names, n=1, cutoff=0.8):
                yield f"{key} is not a known setting; did you mean {prefix}{meant}?"
