"""Addresses of static files that change with their content."""

import hashlib
from pathlib import Path

from pyramid.path import AssetResolver
from pyramid.request import Request
from pyramid.static import QueryStringCacheBuster


class ContentDigest(QueryStringCacheBuster):
    """Puts one digest over all static files into their addresses. It is the same in every process of one release."""

    def __init__(self, asset_spec: str) -> None:
        super().__init__(param="v")
        folder = Path(AssetResolver().resolve(asset_spec).abspath())
        digest = hashlib.sha256()
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
        self._digest = digest.hexdigest()[:12]

    def tokenize(self, request: Request, pathspec: str, kw: dict[str, str]) -> str:  # noqa: ARG002
        """Return the digest."""
        return self._digest
