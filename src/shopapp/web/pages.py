"""Pages that are the same for everybody but for the frame's two personal parts: rendered once for each version of the
catalogue, with holes where those parts go.

A view says that its page is such a one by ``@view_config(shared=("q", "page"))``, with the names of all that it reads
from the query string. It gets a request with the path and these fields alone; docs/pages.md has the rules.
"""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from secrets import token_hex
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from cachetools import LRUCache
from markupsafe import Markup
from pyramid.exceptions import ConfigurationError
from pyramid.request import Request
from pyramid.response import Response

from shopapp.catalog.memory import catalogue_of
from shopapp.db import DatabaseUnavailable
from shopapp.db.watch import LOOK_SECONDS
from shopapp.http import query
from shopapp.web.headers import VARY
from shopapp.web.shell import NOBODY, Shell, personal_parts, viewer_of

MAX_BYTES = 32 * 2**20
"""Of all pages that a process remembers. Those asked for last are kept."""

HOLES = [Markup(f"<!-- {token_hex()} -->") for _ in range(2)]  # noqa: S704 - nothing of it is anybody's
"""Where the personal parts go. Nobody can guess them, and so put one into a page."""

MAX_FIELD = 250
"""Characters of a field of the query string for which a page is remembered: somebody may fill the memory otherwise."""

NO_HOST = "http://everybody.invalid"
"""What a shared page would show where it wrote a whole URL: its host would be that of whoever asked first."""

FOR_EVERYBODY = "public, max-age=0, s-maxage=1, must-revalidate"
"""A proxy may hand the page on for a second and asks again then; a browser asks each time (RFC 9111, 5.2.2)."""

View = Callable[[Any, Request], Response]


@dataclass(frozen=True, slots=True)
class SharedPage:
    """A page between whose parts the personal ones go; ``whole`` is what a visitor sees, who only looks."""

    parts: tuple[bytes, ...]
    whole: bytes
    content_type: str
    etag: str

    @classmethod
    def of(cls, request: Request, response: Response) -> "SharedPage":
        """Take a page apart at its holes. Raises RuntimeError if it has not each of them once, or none at all."""
        before, tools, rest = response.text.partition(HOLES[0])
        between, messages, after = rest.partition(HOLES[1])
        if not tools and HOLES[1] not in before:
            parts: tuple[str, ...] = (before,)
        elif tools and messages:
            parts = (before, between, after)
        else:
            raise RuntimeError("a shared page has each personal part once")
        encoded = tuple(part.encode() for part in parts)
        whole = encoded[0] if len(parts) == 1 else _filled(encoded, *personal_parts(request, NOBODY))
        return cls(encoded, whole, response.headers["Content-Type"], f'"{blake2b(whole, digest_size=12).hexdigest()}"')

    def answer(self, request: Request) -> Response:
        """Return the page for whoever asks."""
        viewer = viewer_of(request) if len(self.parts) > 1 else NOBODY
        if viewer != NOBODY:
            headers = [("Content-Type", self.content_type), ("Cache-Control", "no-store")]
            return _response(_filled(self.parts, *personal_parts(request, viewer)), headers)
        headers = [("Content-Type", self.content_type), ("Cache-Control", FOR_EVERYBODY), ("ETag", self.etag)]
        if "HTTP_IF_NONE_MATCH" in request.environ and self.etag.strip('"') in request.if_none_match:
            return Response(status=304, headerlist=[*headers[1:], VARY])
        return _response(self.whole, headers)


class PageMemory:
    """The pages of one app."""

    def __init__(self, hangs: Callable[[], bool] = lambda: False) -> None:
        """``hangs`` tells that the database answers nobody, as far as is known."""
        self._hangs = hangs
        self._kept: LRUCache[Any, SharedPage] = LRUCache(MAX_BYTES, getsizeof=lambda page: 2 * len(page.whole) + 4000)
        self._being_made: dict[Any, Future[SharedPage]] = {}
        self._version, self._lock = 0, Lock()

    def page(self, version: int, key: Any, make: Callable[[], SharedPage]) -> SharedPage:
        """Return the page of this version. Of several requests for one that is not there one makes it; the others wait,
        and fail with it if it fails.

        Raises DatabaseUnavailable for those who would wait for somebody whom the database lets wait.
        """
        key = version, key
        with self._lock:
            if version != self._version:
                self._kept.clear()
                self._version = version
            try:
                return self._kept[key]
            except KeyError:
                others = self._being_made.get(key)
                if others is None:
                    mine = self._being_made[key] = Future()
        if others is not None:
            return self._made(others)
        try:
            page = make()
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(page)
            with self._lock, suppress(ValueError):  # which a page larger than all the room would be
                self._kept[key] = page
            return page
        finally:
            with self._lock:
                del self._being_made[key]

    def _made(self, others: "Future[SharedPage]") -> SharedPage:
        while True:
            try:
                return others.result(LOOK_SECONDS)
            except TimeoutError:
                if others.done():  # whoever made it has raised that
                    raise
                if self._hangs():
                    raise DatabaseUnavailable.because("the page is being made, and the database hangs") from None


def shared_view(view: View, info: Any) -> View:
    """View deriver for the option ``shared``: answer GET and HEAD from memory.

    Raises ConfigurationError if the option is no tuple of names; RuntimeError, when the page is rendered, if the view
    did what would be everybody's then.
    """
    names: tuple[str, ...] | None = info.options.get("shared")
    if names is None:
        return view
    if not (isinstance(names, tuple) and all(isinstance(name, str) for name in names)):
        raise ConfigurationError(f"shared={names!r} should be a tuple of names of the query string's fields")
    memory: PageMemory = info.registry["shopapp.pages"]
    is_being_written = info.registry.settings["pyramid.reload_templates"]

    def answer(context: Any, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return view(context, request)
        environ = request.environ
        asked = query(request) if names and environ.get("QUERY_STRING") else {}
        values = tuple(map(asked.get, names))
        render = partial(_render, view, context, request, dict(zip(names, values, strict=True)))
        if is_being_written or any(len(value) > MAX_FIELD for value in values if value):
            return render().answer(request)
        key = (view, environ.get("SCRIPT_NAME"), environ.get("PATH_INFO"), values)
        return memory.page(catalogue_of(request).version(), key, render).answer(request)

    return answer


shared_view.options = ("shared",)


def _render(view: View, context: Any, request: Request, asked: dict[str, str | None]) -> SharedPage:
    """Render the page for a request that has what the page is remembered by and nothing else: no cookie, no host."""
    bare = _bare(request, asked)
    bare.context, bare.shell = context, Shell(HOLES[0], HOLES[1], catalogue_of(request).categories())
    response = view(context, bare)
    if "session" in bare.__dict__:
        raise RuntimeError("a shared page must not look at the session: everybody would see what it shows")
    others = {name.title() for name in response.headers} - {"Content-Type", "Content-Length"}
    if response.status_int != 200 or others or bare.response_callbacks:
        raise RuntimeError("a shared page is a 200 with nothing but its contents: " + ", ".join(sorted(others)))
    return SharedPage.of(bare, response)


def _bare(request: Request, asked: dict[str, str | None]) -> Request:
    given = {name: value for name, value in asked.items() if value is not None}
    bare: Request = type(request).blank(
        "/", base_url=NO_HOST, environ={"PATH_INFO": request.environ["PATH_INFO"], "QUERY_STRING": urlencode(given)}
    )
    bare.environ["SCRIPT_NAME"] = request.environ.get("SCRIPT_NAME", "")
    bare.registry, bare.matchdict, bare.matched_route = request.registry, request.matchdict, request.matched_route
    return bare


def _filled(parts: tuple[bytes, ...], tools: Markup, messages: Markup) -> bytes:
    before, between, after = parts
    return b"".join((before, tools.encode(), between, messages.encode(), after))


def _response(body: bytes, headers: list[tuple[str, str]]) -> Response:
    return Response(body=body, headerlist=[*headers, ("Content-Length", str(len(body)))])
