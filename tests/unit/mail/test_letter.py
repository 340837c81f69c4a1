"""What a letter looks like on its way, whatever strangers have typed into it."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from jinja2 import ChoiceLoader, DictLoader, UndefinedError

from shopapp.mail.letter import BadAddressError, LetterWriter, ascii_address
from shopapp.mail.models import Letter
from shopapp.settings.shop import ShopSettings
from shopapp.testing.shop import html_of, link_of, text_of

HELLO = """
{% extends "letter.jinja2" %}
{% block subject %}Hello {{ name }}{% endblock %}
{% block body %}
  {% if name %}
    {{ paragraph("Hello " ~ name ~ "!") }}
  {% endif %}
  Written as it is: {{ name }}
  {{ button(url, "Open it") }}
  {{ facts([("Goods", money(1999)), ("Delivery to " ~ name, money(0))]) }}
  {{ note("Small print.") }}
{% endblock %}
"""

HOSTILE = "Eve\r\nBcc: all@example.com\r\n\r\n<script>alert(1)</script> & \u202egnp\u2028\x00\x1b[31m\ud800"


def writer(**shop: Any) -> LetterWriter:
    made = LetterWriter(ShopSettings(**shop), "The Shop <shop@shop.example>")
    for environment in (made._text, made._html):
        environment.loader = ChoiceLoader([DictLoader({"hello.jinja2": HELLO}), environment.loader])
    return made


def letter(**changes: Any) -> Letter:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    return Letter(**{"id": 7, "kind": "hello", "recipient": "bob@example.com", "data": {}, "created_at": at, **changes})


def written(name: str = "Bob", url: str = "https://shop.example/x?token=1", **changes: Any) -> EmailMessage:
    """The message, as whoever gets it reads it."""
    made = writer().write(letter(**changes), {"name": name, "url": url})
    return message_from_bytes(made.as_bytes(), policy=default)


def test_a_letter_says_the_same_as_text_and_as_html():
    message = written()

    assert message["From"] == "The Shop <shop@shop.example>"
    assert message["To"] == "bob@example.com"
    assert message["Subject"] == "Hello Bob"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.tzinfo
    assert text_of(message) == (
        "Hello Bob!\n\nWritten as it is: Bob\n\nOpen it:\nhttps://shop.example/x?token=1\n\n"
        "Goods            €19.99\nDelivery to Bob  €0.00\n\nSmall print.\n\n--\nSaltmarsh\nhttp://localhost:6543\n"
    )
    assert '<a class="button" href="https://shop.example/x?token=1">Open it</a>' in html_of(message)
    assert "<td>Goods</td><td" in html_of(message)
    assert link_of(message) == "/x?token=1"


def test_nothing_that_somebody_typed_adds_a_header_a_line_or_markup():
    message = written(HOSTILE)

    assert message.keys().count("Bcc") == 0
    assert message["Subject"] == "Hello Eve Bcc: all@example.com <script>alert(1)</script> & gnp [31m"
    lines = text_of(message).splitlines()
    assert "Hello Eve Bcc: all@example.com <script>alert(1)</script> & gnp [31m!" in lines
    assert "Written as it is: Eve Bcc: all@example.com <script>alert(1)</script> & gnp [31m" in lines
    assert "<script" not in html_of(message)
    assert "\u202e" not in text_of(message) + html_of(message)


def test_a_long_subject_is_cut_and_a_letter_of_any_alphabet_is_kept():
    message = written("Ж" * 400 + "👩\u200d🚀")

    assert len(message["Subject"]) == 150
    assert "👩\u200d🚀" in text_of(message)


def test_every_line_on_its_way_is_short_and_of_plain_ascii():
    raw = writer().write(letter(), {"name": "Ж" * 3000, "url": f"https://shop.example/{'x' * 400}"}).as_bytes()

    assert raw.isascii()
    assert max(map(len, raw.splitlines())) <= 998


def test_a_plain_letter_lies_in_its_file_as_it_is_read():
    raw = writer().write(letter(kind="trial"), {}).as_bytes()

    assert b"\r\nOpen the shop:\r\nhttp://localhost:6543\r\n" in raw


def test_a_template_may_choose_another_one():
    made = writer()
    chosen = DictLoader({"either.jinja2": '{% extends "hello.jinja2" if greets else "trial.jinja2" %}'})
    for environment in (made._text, made._html):
        environment.loader = ChoiceLoader([chosen, environment.loader])

    greeting = made.write(letter(kind="either"), {"greets": True, "name": "Bob", "url": "https://shop.example/"})
    trial = made.write(letter(kind="either"), {"greets": False})

    assert (greeting["Subject"], trial["Subject"]) == ("Hello Bob", "A trial from Saltmarsh")


def test_a_link_is_in_one_piece_in_the_text():
    url = f"https://shop.example/register/confirm?token={'a-b' * 60}"

    assert url in text_of(written(url=url)).splitlines()


def test_the_html_asks_for_nothing_from_elsewhere():
    html = html_of(written())

    assert not any(word in html for word in ("<img", "src=", "@import", "url(", "<link", "<script"))
    assert "prefers-color-scheme: dark" in html


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "/register/confirm", "https://shop.example/\nBcc: x", "https://shop.example/ a", ""]
)
def test_a_button_leads_to_a_web_address_only(url: str):
    with pytest.raises(ValueError, match="whole address"):
        written(url=url)


def test_a_gap_in_a_letter_is_an_error():
    with pytest.raises(UndefinedError):
        writer().write(letter(), {"name": "Bob"})


def test_the_message_id_is_that_of_the_same_mail_only():
    first, again = written(), written()
    another_link = written(url="https://shop.example/x?token=2")
    another_person, another_letter = written(recipient="eve@example.com"), written(id=8)
    same_id_again = written(created_at=datetime(2026, 1, 3, tzinfo=UTC))

    assert first["Message-ID"] == again["Message-ID"]
    others = [another_link, another_person, another_letter, same_id_again]
    assert len({first["Message-ID"], *(each["Message-ID"] for each in others)}) == 5
    assert first["Message-ID"].endswith("@shop.example>")


@pytest.mark.parametrize(
    ("address", "known_as"),
    [
        ("bob@example.com", "bob@example.com"),
        ("bob+shop@straße.example", "bob+shop@xn--strae-oqa.example"),
        ("jürgen@bücher.example", "jürgen@xn--bcher-kva.example"),
        ('"a b"@example.com', None),
        ("bob@example.com, eve@example.com", None),
        ("bob@example.com\r\nBcc: eve@example.com", None),
        ("<bob@example.com>", None),
        ("bob", None),
        ("@example.com", None),
        ("bob@", None),
        ("ü\u2028@example.com", None),
        ("ü,eve@example.com", None),
        ("bob@-ü-.example", None),
    ],
)
def test_only_one_address_gets_a_letter(address: str, known_as: str | None):
    if known_as is None:
        with pytest.raises(BadAddressError):
            ascii_address(address)
    else:
        assert ascii_address(address) == known_as
