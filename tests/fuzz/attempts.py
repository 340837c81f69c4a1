"""An attempt on the shop as a text that people can read, that a fuzzer can change, and that lies in ``corpus/``.

A request has a line that says who sends what, then headers, an empty line, and the body::

    customer POST /cart/items?x=1
    Accept: application/json
    Content-Type: application/x-www-form-urlencoded

    sku=stoneware-mug&quantity=0x

Who is nobody, a visitor with a cart, or a customer who is signed in; their cookies are sent unless it has a Cookie
header of its own. ``{form}``, ``{session}`` and the like stand for what the shop has given out, and ``{cookie:...}``,
``{form:...}`` and ``{record:...}`` for anything under a valid signature of that kind: what is behind it is tried, too.
"""

import io
import re
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

PEOPLE = ("nobody", "visitor", "customer")

SIGNED = re.compile(rb"\{([a-z_]{2,12})(?::([^{}]{0,2000}))?\}")

NOT_IN_A_HEADER = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
"""What a server refuses or drops before the shop sees it."""

BODY = {"CONTENT_TYPE": "Content-Type", "CONTENT_LENGTH": "Content-Length"}

Words = Callable[[bytes, bytes | None], bytes | None]
"""What stands for a placeholder, and for one with a text; None: it stays as it is."""


@dataclass(frozen=True)
class Attempt:
    """One request."""

    who: str = "nobody"
    method: str = "GET"
    target: bytes = b"/"
    headers: tuple[tuple[str, bytes], ...] = field(default=())
    body: bytes = b""

    def write(self) -> bytes:
        """Return it as a text."""
        lines = [b" ".join((self.who.encode(), self.method.encode(), self.target))]
        lines += [name.encode() + b": " + value for name, value in self.headers]
        return b"\n".join(lines) + b"\n\n" + self.body

    @classmethod
    def read(cls, text: bytes) -> "Attempt":
        """Return the attempt that a text stands for: every text does for one."""
        head, _, body = text.partition(b"\n\n")
        first, *rest = head.split(b"\n")
        who, method, target = ([*first.split(b" ", 2), b"", b"", b""])[:3]
        name = who.decode("latin-1")
        word = method.decode("latin-1")
        return cls(
            name if name in PEOPLE else "nobody",
            word if re.fullmatch("[A-Z]{1,20}", word) else "GET",
            target or b"/",
            tuple(_header(line) for line in rest if b":" in line),
            body,
        )

    def environ(self, words: Words, cookies: dict[str, str]) -> dict[str, Any]:
        """Return the WSGI environment that a server makes of it."""
        target, body = filled(self.target, words), filled(self.body, words)
        path, _, query = target.partition(b"?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": "/" + unquote_to_bytes(path).decode("latin-1").lstrip("/"),
            "QUERY_STRING": query.decode("latin-1"),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "REMOTE_ADDR": "192.0.2.7",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        if cookies:
            environ["HTTP_COOKIE"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        for name, value in self.headers:
            text = NOT_IN_A_HEADER.sub("", filled(value, words).decode("latin-1")).strip()
            key = name.upper().replace("-", "_")
            environ[key if key in BODY else f"HTTP_{key}"] = text
        environ["CONTENT_LENGTH"] = str(len(body))
        return environ


def filled(text: bytes, words: Words) -> bytes:
    """Return the text with what its placeholders stand for."""

    def word_for(match: re.Match[bytes]) -> bytes:
        word = words(match[1], match[2])
        return match[0] if word is None else word

    return SIGNED.sub(word_for, text)


def _header(line: bytes) -> tuple[str, bytes]:
    name, _, value = line.partition(b":")
    allowed = set(string.ascii_letters + string.digits + "-")
    return "".join(each for each in name.decode("latin-1") if each in allowed) or "X", value.strip(b" ")
