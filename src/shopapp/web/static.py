"""Static files: compressed without a proxy, under names that change with their contents.

Pyramid's own view finds the file and keeps out of what lies beside the folder. Here is what it lacks: a digest in the
name, and compression without files that a build step would have to make. What is compressed is kept in memory, so that
the installed package is only ever read, and a file that was changed or has come since the start is served as it is.
"""

import gzip
import hashlib
import mimetypes
import os
import re
import stat
from functools import lru_cache
from pathlib import Path, PurePosixPath
from threading import Lock

import brotli
from cachetools import LRUCache, cached
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound
from pyramid.path import AssetResolver
from pyramid.request import Request
from pyramid.response import FileResponse, Response
from pyramid.static import static_view

FOLDER = "shopapp:web/static"

FOREVER = "public, max-age=31536000, immutable"
"""For an address whose digest is that of what is sent: other contents will have another address."""

REVALIDATE = "no-cache"
"""For any other address, such as a plain name, or a digest of another version while old and new processes run side by
side: browsers ask each time, and are told 304 if nothing has changed."""

COMPRESSIBLE = re.compile(r"text/.+|image/svg\+xml|application/(json|javascript|xml|manifest\+json)")
MOST_COMPRESSED_BYTES = 256 * 1024
"""A larger file is sent as it is: to compress it would keep the first who asks for it waiting."""

MOST_COMPRESSED_IN_ALL = 16 * 2**20
"""Bytes that a process keeps in memory, of the files asked for last."""

WITH_DIGEST = re.compile(r"(?P<stem>.+)\.(?P<digest>[0-9a-f]{12})(?P<suffix>(?:\.[^.]+)?)")

FileVersion = tuple[str, int, int, int]
"""Path, times of the last change of contents and of the file, and size: what it takes to know contents again."""


def includeme(config: Configurator) -> None:
    """Serve the shop's own folder."""
    serve_folder(config, FOLDER)


def serve_folder(config: Configurator, folder: str) -> None:
    """Serve a folder (a path or an asset specification) at ``/static/``, under the names that static_path gives."""
    files = StaticFiles(folder, changing=config.registry.settings["pyramid.reload_assets"])
    config.add_route("static", "/static/*subpath")
    config.add_view(files, route_name="static", request_method="GET")
    # For request.static_path alone: the route above takes the requests, for it comes first.
    config.add_static_view("static", folder)
    config.add_cache_buster(folder, files.add_digest)


class StaticFiles(static_view):
    """The view of a folder. With ``changing``, for development, no address is taken to be for ever."""

    def __init__(self, folder: str, *, changing: bool = False) -> None:
        path = AssetResolver().resolve(folder).abspath()
        super().__init__(path, use_subpath=True)
        self._folder = Path(path)
        self._changing = changing
        self._names: dict[str, str] = {}

    def add_digest(self, _request: Request, name: str, options: dict) -> tuple[str, dict]:
        """Return the name with the digest of its contents, as a cache buster does: the same as long as the app runs."""
        if name not in self._names:
            self._names.setdefault(name, self._name_with_digest(name))  # another thread may be first
        return self._names[name], options

    def __call__(self, _context: object, request: Request) -> Response:
        """Answer with the file, or raise HTTPNotFound."""
        version, wanted = _version(self.get_resource_name(request)), None
        if version is None:
            wanted = _take_digest(request)
            version = _version(self.get_resource_name(request))
        if version is None:
            raise HTTPNotFound
        response, digest = _respond(version, request)
        response.headers["Cache-Control"] = FOREVER if wanted == digest and not self._changing else REVALIDATE
        return response

    def _name_with_digest(self, name: str) -> str:
        version = _version(str(self._folder / name))
        if version is None:
            return name
        path = PurePosixPath(name)
        return str(path.with_name(f"{path.stem}.{_digest(version)}{path.suffix}"))


def _take_digest(request: Request) -> str | None:
    """Make the asked for name that of the file, and return the digest that was in it."""
    *folders, name = request.subpath or ("",)
    match = WITH_DIGEST.fullmatch(name)
    if match is None:
        return None
    request.subpath = (*folders, match["stem"] + match["suffix"])
    return match["digest"]


def _version(path: str) -> FileVersion | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None
    return (path, found.st_mtime_ns, found.st_ctime_ns, found.st_size) if stat.S_ISREG(found.st_mode) else None


def _respond(version: FileVersion, request: Request) -> tuple[Response, str]:
    """Return the answer, and the digest of what it sends."""
    path, mtime, _changed, size = version
    content_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
    if not COMPRESSIBLE.fullmatch(content_type) or size > MOST_COMPRESSED_BYTES:
        digest = _digest(version)
        response = FileResponse(path, request, content_type=content_type)
        response.etag = digest
        return response, digest
    digest, bodies = _compressed(version)
    encoding = _best_encoding(request, list(bodies))
    response = Response(bodies[encoding], content_type=content_type, conditional_response=True)
    if encoding != "identity":
        response.content_encoding = encoding
    response.vary = ["Accept-Encoding"]
    response.last_modified = mtime // 10**9
    response.etag = f"{digest}-{encoding}"  # the rest of a file that came in part must not be that of another encoding
    return response, digest


@lru_cache(maxsize=4096)
def _digest(version: FileVersion) -> str:
    return _digest_of(Path(version[0]).read_bytes())


@cached(LRUCache(MOST_COMPRESSED_IN_ALL, getsizeof=lambda made: sum(map(len, made[1].values()))), lock=Lock())
def _compressed(version: FileVersion) -> tuple[str, dict[str, bytes]]:
    """Return the file's digest, and its contents by content encoding, the shortest first."""
    plain = Path(version[0]).read_bytes()
    made = {"br": brotli.compress(plain), "gzip": gzip.compress(plain, mtime=0), "identity": plain}
    return _digest_of(plain), dict(sorted(made.items(), key=lambda item: len(item[1])))


def _digest_of(contents: bytes) -> str:
    return hashlib.sha256(contents).hexdigest()[:12]


def _best_encoding(request: Request, offers: list[str]) -> str:
    if not request.accept_encoding:  # WebOb takes no header, or rubbish, for "anything"
        return "identity"
    acceptable = request.accept_encoding.acceptable_offers(offers)
    return acceptable[0][0] if acceptable else "identity"
