"""The page that shows what a development shop has mailed, so that a newcomer finds the link. No other shop has it."""

import re
from email.message import EmailMessage
from typing import Any

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from shopapp.http import NoSuchThingError
from shopapp.mail.folder import MailFolder
from shopapp.mail.outbox import FOLDER

SHOWN = 50
"""Letters on the page."""

LETTER_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "sandbox",
    )
)
"""A letter brings its style, and is of nobody's origin: nothing in it runs, loads, sends or sees the shop's cookies."""


@view_config(
    route_name="mail", request_method="GET", accept="text/html", renderer="shopapp:mail/templates/mailbox.jinja2"
)
def show_mail(request: Request) -> dict[str, Any]:
    """The newest letters."""
    request.response.cache_control = "no-store"  # the links open accounts
    return _page(request)


@view_config(route_name="mail", request_method="GET", accept="application/json", renderer="json")
def show_mail_json(request: Request) -> dict[str, Any]:
    """The newest letters as JSON."""
    request.response.cache_control = "no-store"
    letters = _page(request)["letters"]
    return {"mail": [{name: each[name] for name in each if name != "pieces"} for each in letters]}


@view_config(route_name="letter", request_method="GET")
def show_letter(request: Request) -> Response:
    """The HTML of one letter, as a mail program shows it. Raises NoSuchThingError."""
    message = _folder(request).read(request.matchdict["name"])
    if message is None:
        raise NoSuchThingError("There is no such letter.")
    response = Response(_content(message, "html"), content_type="text/html", charset="UTF-8", cache_control="no-store")
    response.headers["Content-Security-Policy"] = LETTER_POLICY
    return response


def _page(request: Request) -> dict[str, Any]:
    folder = _folder(request)
    names = folder.names()
    messages = [(name, folder.read(name)) for name in names[:SHOWN]]
    letters = [_as_shown(request, name, message) for name, message in messages if message is not None]
    return {"letters": letters, "older": len(names) - len(names[:SHOWN]), "folder": str(folder.path)}


def _as_shown(request: Request, name: str, message: EmailMessage) -> dict[str, Any]:
    text = _content(message, "plain")
    pieces = [(piece, _here(request, piece)) for piece in re.split(r"(https?://[^\s<>\"]*[^\s<>\".,;:!?)])", text)]
    return {
        "name": name,
        "url": request.route_path("letter", name=name),
        "to": str(message["To"]),
        "subject": str(message["Subject"]),
        "date": str(message["Date"]),
        "text": text,
        "links": [piece for piece, link in pieces if link],
        "pieces": pieces,
    }


def _here(request: Request, piece: str) -> str | None:
    """Return where a piece of a letter leads, if it is a link. One to the shop stays on the host that is being used."""
    if not piece.startswith(("http://", "https://")):
        return None
    shop = request.registry["shopapp.settings"].shop.url
    path = piece.removeprefix(shop) or "/"
    inside = piece.startswith(shop) and path.startswith("/") and not path.startswith("//")
    return request.script_name + path if inside else piece


def _content(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    return str(body.get_content()).replace("\r\n", "\n") if body else ""


def _folder(request: Request) -> MailFolder:
    folder: MailFolder = request.registry[FOLDER]
    return folder
