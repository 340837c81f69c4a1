"""Mail of the shop as tests and developers see it: in a folder, and on a page that no public shop has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session
from webtest import TestApp

import shopapp
from shopapp.mail import add_letter, post
from shopapp.mail.outbox import KINDS, SENDER
from shopapp.testing.shop import JSON, Mailbox, html_of, text_of

Post = Callable[..., None]

PRODUCTION = {
    "shop.production": "true",
    "redis.sessions.secret": "dGhpcyBvbmUgaXMgb25seSBmb3IgdGVzdHMgLSBub3RoaW5nIGVsc2UgMTIz",
    "redis.sessions.cookie_secure": "true",
    "redis.sessions.cookie_name": "__Host-session",
}


@pytest.fixture
def post_now(shop_app: Callable[..., Any]) -> Post:
    """A function that posts a letter, in a transaction of its own."""

    def post_it(recipient: str, kind: str = "trial", **data: Any) -> None:
        dbsession: Session
        with shop_app.registry["shopapp.sessionmaker"].begin() as dbsession:
            post(dbsession, kind, recipient, **data)

    return post_it


def test_a_letter_is_sent_once_and_to_whom_it_was_posted(mailbox: Mailbox, post_now: Post):
    post_now("bob@example.com")
    post_now("eve@example.com")

    letters = mailbox.letters()

    assert [letter["To"] for letter in letters] == ["bob@example.com", "eve@example.com"]
    assert "Mail from the shop arrives" in text_of(letters[0])
    assert "Mail from the shop arrives" in html_of(mailbox.last())
    assert len(mailbox.letters()) == 2


def test_every_kind_of_letter_has_a_template(shop_app: Callable[..., Any]):
    templates = Path(shopapp.__file__).parent / "mail" / "templates"

    assert [kind for kind in shop_app.registry[KINDS] if not (templates / f"{kind}.jinja2").exists()] == []


def test_the_folder_is_for_its_owner_alone(mailbox: Mailbox, post_now: Post, shop_settings: dict[str, Any]):
    post_now("bob@example.com")
    mailbox.letters()

    folder = Path(shop_settings["mail.url"].removeprefix("folder:"))
    (file,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)


def test_the_page_shows_the_newest_first_with_links_to_click(visitor: TestApp, mailbox: Mailbox, post_now: Post):
    assert "There is none yet" in visitor.get("/mail")
    post_now("bob@example.com")
    post_now("eve@example.com")
    mailbox.letters()

    page = visitor.get("/mail")

    assert page.text.index("eve@example.com") < page.text.index("bob@example.com")
    assert '<a href="/" rel="noreferrer">http://localhost:6543</a>' in page
    assert page.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in page.headers


def test_the_page_as_json(visitor: TestApp, mailbox: Mailbox, post_now: Post):
    post_now("bob@example.com")
    mailbox.letters()

    (letter,) = visitor.get("/mail", headers=JSON).json["mail"]

    assert (letter["to"], letter["subject"]) == ("bob@example.com", "A trial from Saltmarsh")
    assert "Mail from the shop arrives" in letter["text"]
    assert letter["links"] == ["http://localhost:6543", "http://localhost:6543"]
    assert "Mail from the shop arrives" in visitor.get(letter["url"])


def test_a_letter_as_html_runs_nothing_and_loads_nothing(visitor: TestApp, mailbox: Mailbox, post_now: Post):
    post_now("bob@example.com")
    mailbox.letters()
    name = visitor.get("/mail", headers=JSON).json["mail"][0]["name"]

    page = visitor.get(f"/mail/{name}")

    assert page.content_type == "text/html"
    (policy,) = page.headers.getall("Content-Security-Policy")
    assert {"default-src 'none'", "sandbox", "form-action 'none'"} <= set(policy.split("; "))
    assert page.headers["Cache-Control"] == "no-store"
    assert "default-src 'self'" in visitor.get("/mail").headers["Content-Security-Policy"]


def test_what_a_letter_quotes_is_no_markup_on_the_page(
    visitor: TestApp, mailbox: Mailbox, shop_settings: dict[str, Any]
):
    folder = Path(shop_settings["mail.url"].removeprefix("folder:"))
    folder.mkdir()
    (folder / "20261124T120000.000000Z-1.eml").write_text(
        'To: "<script>" <bob@example.com>\nSubject: <script>alert(1)</script>\n\n'
        '<script>alert(2)</script> javascript:alert(3) https://evil.example/"onclick=alert(4) '
        "http://localhost:6543.evil.example/a http://localhost:6543//evil.example/b http://localhost:6543/c?d=1&e=2\n"
    )

    page = visitor.get("/mail")

    assert "<script>" not in page  # the shop has one of its own, with an address
    assert [link["href"] for link in page.html.find(class_="mail-text").find_all("a")] == [
        "https://evil.example/",
        "http://localhost:6543.evil.example/a",
        "http://localhost:6543//evil.example/b",
        "/c?d=1&e=2",
    ]


@pytest.mark.parametrize("name", ["..%2Fshop.sqlite", "shop.sqlite", "20261124T120000.000000Z-1.eml", ".eml", "%00"])
def test_only_letters_can_be_had(visitor: TestApp, name: str):
    visitor.get(f"/mail/{name}", status=404)


def test_only_so_many_letters_are_shown(visitor: TestApp, mailbox: Mailbox, post_now: Post):
    for number in range(53):
        post_now(f"{number}@example.com")
    mailbox.letters()

    page = visitor.get("/mail")

    assert page.text.count("<article") == 50
    assert "There are 3 older ones" in page


def test_no_public_shop_has_the_page(shop_with: Callable[..., TestApp]):
    public = shop_with(PRODUCTION)

    public.get("/mail", status=404)
    public.get("/mail/20261124T120000.000000Z-1.eml", status=404)


def test_a_shop_that_sends_its_mail_has_no_page(shop_with: Callable[..., TestApp]):
    browser = shop_with({"mail.url": "smtp://localhost:1"})

    browser.get("/mail", status=404)
    browser.get("/mail/20261124T120000.000000Z-1.eml", status=404)


def test_a_file_in_the_place_of_the_folder_keeps_the_letter(shop_app: Any, post_now: Post, tmp_path: Path):
    (tmp_path / "mail").write_text("")
    post_now("bob@example.com")

    assert shop_app.registry[SENDER].send_due().away
    (tmp_path / "mail").unlink()


def test_letters_of_one_moment_do_not_overwrite_each_other(mailbox: Mailbox, post_now: Post):
    """SQLite gives the id of a letter that has left to the next one."""
    import time_machine

    with time_machine.travel("2026-11-24T12:00:00Z", tick=False):
        for recipient in ("bob@example.com", "eve@example.com"):
            post_now(recipient)
            mailbox.letters()

    assert [letter["To"] for letter in mailbox.letters()] == ["bob@example.com", "eve@example.com"]


def test_two_parts_cannot_write_one_kind_of_letter():
    from pyramid.config import Configurator

    config = Configurator()
    add_letter(config, "confirm", lambda _dbsession, _letter: {})

    with pytest.raises(ValueError, match="confirm"):
        add_letter(config, "confirm", lambda _dbsession, _letter: {})
