"""What the dotted names in the settings of the session tests lead to."""

import json
from itertools import count
from secrets import token_urlsafe
from typing import Any

from pyramid.request import Request
from webob.cookies import SignedSerializer

_numbers = count()

signer = SignedSerializer("a-secret-of-its-own", "salt", "sha256")
refused: list[tuple[Request, Exception]] = []


def short_ids() -> str:
    """Ids that show where they come from."""
    return f"made-here-{next(_numbers)}"


def ids_with_dots() -> str:
    """Ids that have the character which parts our two halves."""
    return f"{token_urlsafe()}.{token_urlsafe()}"


def note_refusal(request: Request, error: Exception) -> None:
    """For ``func_invalid_logger``: keep what it was told."""
    refused.append((request, error))


def dumps(data: Any) -> bytes:
    """For ``serialize``: JSON that begins with a mark."""
    return b"mark" + json.dumps(data).encode()


def loads(payload: bytes) -> Any:
    """For ``deserialize``: the reverse of :func:`dumps`."""
    assert payload.startswith(b"mark")
    return json.loads(payload.removeprefix(b"mark"))


def same_id() -> str:
    """A generator without any chance in it."""
    return "always-the-same"


class PlainSigner:
    """For ``cookie_signer``: the id's own text, behind a mark."""

    def dumps(self, session_id: str) -> bytes:
        """Mark it."""
        return b"mark:" + session_id.encode()

    def loads(self, cookie: bytes) -> str:
        """Take the mark off."""
        if not cookie.startswith(b"mark:"):
            raise ValueError("not marked")
        return cookie.removeprefix(b"mark:").decode()


plain_signer = PlainSigner()


def no_store_tween(handler: Any, _registry: Any) -> Any:
    """A tween that forbids caches to keep any response, as shops do."""

    def forbid(request: Request) -> Any:
        response = handler(request)
        response.headers["Cache-Control"] = "no-store"
        return response

    return forbid
