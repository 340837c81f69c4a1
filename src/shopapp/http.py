"""What every view needs of HTTP: which format is wanted, what was sent, where it is safe to go. Knows no shop."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec
from pyramid.httpexceptions import HTTPBadRequest, HTTPNotFound
from pyramid.request import Request
from webob.multidict import MultiDict
from wtforms import Form

MAX_BODY_BYTES = 64 * 1024
"""No form of ours is larger. It is checked before a body is parsed, and no more than this is ever read."""

ATTEMPTS = 3
"""A request that another one got into the way of is run again."""

MAX_FIELDS = 100
"""No form of ours has more."""


LOOKOUT = "shopapp.lookout"
"""Where in a request's attributes its :class:`Lookout` is, once it may have done something."""

MAX_PAGE_DIGITS = 6

MAX_TARGET_LENGTH = 2000
"""Of an address to go on to: that of our longest page, a search, fits in it several times."""

UNREADABLE = "The form could not be read. Please send it again, as UTF-8."


class NoSuchThingError(HTTPNotFound):
    """There is no such product, category or page. Its message is for the person, unlike that of Pyramid's own 404."""


class InvalidFormError(Exception):
    """What was sent to a JSON view does not fit its form: answered as 422 with the messages of each field."""

    def __init__(self, form: Form) -> None:
        super().__init__("invalid form")
        self.fields = {name: messages[0] for name, messages in form.errors.items() if name and messages}


class RefusedError(Exception):
    """What was sent cannot be done as things stand: answered as 409 with a code, a message and further facts."""

    def __init__(self, code: str, message: str, fields: dict[str, str] | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.fields, self.facts = code, message, fields or {}, facts


class TooOftenError(Exception):
    """Somebody tried too often: answered as 429 with Retry-After, which is ``seconds``. The message is for the
    person.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"That was tried too often. Please try again {_in_words(seconds)}.")
        self.seconds = seconds


class BusyError(Exception):
    """Too many others want the same at this moment: answered as 503 with Retry-After and the code "busy"."""

    seconds = 2
    """After so long there may be a place: longer than anybody waits for one."""

    def __init__(self) -> None:
        super().__init__("Too many people are signing in at this moment. Please try again in a few seconds.")


def _in_words(seconds: int) -> str:
    if seconds < 60:
        return "in a second" if seconds == 1 else f"in {seconds} seconds"
    minutes = -(-seconds // 60)
    return "in a minute" if minutes == 1 else f"in {minutes} minutes"


class ProofNeededError(Exception):
    """The person has to show their password again, for it was too long ago: 403 with the code "password_needed"."""

    def __init__(self) -> None:
        super().__init__("Please send your current_password with this: it is a while since you entered it.")


@dataclass(frozen=True)
class Lookout:
    """Where a person sees whether something was done, and how it is called: "your cart"."""

    name: str
    path: str
    may_be_repeated: bool = False
    """Whether the same form, sent again, does nothing twice."""


def unsure_from_here(request: Request, name: str, path: str, *, may_be_repeated: bool = False) -> None:
    """Say that from here on it may be done, also if the request fails: then its error page says where to look."""
    request.__dict__[LOOKOUT] = Lookout(name, path, may_be_repeated)


def lookout_of(request: Request) -> Lookout | None:
    """Return where to look for what a failed request may have done, None if it has done nothing for certain."""
    found: Lookout | None = request.__dict__.get(LOOKOUT)
    return found


def wants_json(request: Request) -> bool:
    """Whether the client prefers JSON to HTML. HTML where it has no preference."""
    offers = request.accept.acceptable_offers(["text/html", "application/json"])
    return bool(offers) and offers[0][0] == "application/json"


def error_body(code: str, message: str, fields: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the JSON body of an error."""
    return {"error": {"code": code, "message": message, "fields": fields or {}}}


def submitted(request: Request) -> MultiDict:
    """Return the fields of a submitted form, or of a JSON object. Raises HTTPBadRequest for what is neither.

    A form is read here, not by WebOb: that would put a replacement character where a password is not UTF-8, take
    uploaded files for fields, and believe any charset that a client names. Forms are UTF-8 (URL Standard, 5.1).
    """
    if request.is_body_seekable:
        request.body_file_raw.seek(0)  # a request that is run again has been read before
    body = request.body_file.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        raise HTTPBadRequest("That is more than this form takes. Please send less.")
    try:
        return _clean(_fields(request.content_type, body))
    except (ValueError, msgspec.MsgspecError) as error:
        raise HTTPBadRequest(UNREADABLE) from error


def attempts(request: Request) -> int:
    """Return how often a request may be run, for pyramid_retry: once if its body would have to be kept in a file."""
    return ATTEMPTS if (request.content_length or 0) < request.request_body_tempfile_limit else 1


def query(request: Request) -> MultiDict:
    """Return the fields of the query string. Raises HTTPBadRequest if it is not UTF-8 text."""
    try:
        return _clean(request.GET)
    except UnicodeDecodeError as error:
        raise HTTPBadRequest("The address could not be read: it is not valid UTF-8.") from error


def asked_page(request: Request) -> int:
    """Return the page of a list that the query string asks for, the first without a word. Raises HTTPBadRequest."""
    number = query(request).get("page", "1")
    if not (number.isascii() and number.isdigit() and len(number) <= MAX_PAGE_DIGITS):
        raise HTTPBadRequest("The page must be a number, such as 2.")
    return int(number)


def count_pages(page: int, total: int, size: int) -> int:
    """Return how many pages a list of ``total`` has, one at least. Raises NoSuchThingError if it has no such page."""
    pages = max(1, -(-total // size))
    if not 1 <= page <= pages:
        raise NoSuchThingError(f"There is no page {page}: this list has {pages}.")
    return pages


def local_path(target: str | None, default: str) -> str:
    """Return ``target`` if it is a path on this site, else ``default`` (open redirects: OWASP ASVS 5.0, 3.7.2), and
    also if it is longer than any of ours.

    Browsers drop control characters and take a backslash for a slash, so neither is let through. Nor is anything that
    a Location header cannot hold: a path of ours has it percent-encoded.
    """
    if (
        not target
        or len(target) > MAX_TARGET_LENGTH
        or not (target.isascii() and target.isprintable())
        or "\\" in target
        or " " in target
    ):
        return default
    try:
        parts = urlsplit(target)
    except ValueError:
        return default
    is_local = target.startswith("/") and "//" not in target.partition("?")[0] and not parts.scheme and not parts.netloc
    return target if is_local else default


def path_for_log(request: Request) -> str:
    """Return the path as it was sent, percent-encoded. Unlike ``request.path`` it takes what is not UTF-8."""
    return quote(request.environ["PATH_INFO"], encoding="latin-1")


def _fields(content_type: str, body: bytes) -> MultiDict:
    match content_type:
        case "application/json":
            fields = msgspec.json.decode(body, type=dict[str, str | int | bool])
            return MultiDict((name, _as_text(value)) for name, value in fields.items())
        case "application/x-www-form-urlencoded":
            text = body.decode()
            return MultiDict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS))
        case _ if body:
            raise HTTPBadRequest("Please send the fields as application/x-www-form-urlencoded or as application/json.")
        case _:
            return MultiDict()


def _clean(fields: MultiDict) -> MultiDict:
    if any("\0" in text for item in fields.items() for text in item if isinstance(text, str)):
        raise HTTPBadRequest("The form holds a character that cannot be stored. Please remove it.")
    return fields


def _as_text(value: str | int) -> str:
    """Write a JSON value as a form would: true, not True."""
    return str(value).lower() if isinstance(value, bool) else str(value)
