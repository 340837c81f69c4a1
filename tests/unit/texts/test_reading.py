"""How a file becomes a text."""

from pathlib import Path

import pytest

from shopapp.settings.shop import ShopSettings
from shopapp.texts.reading import TITLES, Part, parse, read_texts


def test_an_empty_line_ends_a_paragraph_and_a_hash_begins_a_heading() -> None:
    parts = parse("# How to reach us\nBy post:\n1 Quay Street\n\n\nOr call.\n# Hours\n# On Sundays\nNone.")

    assert parts == [
        Part(True, "How to reach us"),
        Part(False, "By post:\n1 Quay Street"),
        Part(False, "Or call."),
        Part(True, "Hours"),
        Part(True, "On Sundays"),
        Part(False, "None."),
    ]


def test_nothing_else_has_a_meaning() -> None:
    words = "#1 in town\n## Not smaller\n* a *list*\n[link](https://shop.example)\n<b>bold</b> &amp;"

    assert parse(words) == [Part(False, words)]


def test_lines_may_end_as_on_any_system_and_have_blanks_around_them() -> None:
    assert parse("  # Terms \r\n\t\r\n One. \r\n Two.\r\n") == [Part(True, "Terms"), Part(False, "One.\nTwo.")]


def test_a_file_may_begin_with_a_byte_order_mark_as_some_editors_write_it(tmp_path: Path) -> None:
    (tmp_path / "terms.txt").write_text("# Terms\nNone: été", encoding="utf-8-sig")

    text = read_texts(ShopSettings(terms=str(tmp_path / "terms.txt")))["terms"]

    assert text.parts == (Part(True, "Terms"), Part(False, "None: été"))
    assert not text.is_example


@pytest.mark.parametrize("name", TITLES)
def test_an_example_says_first_that_it_is_one_and_by_what_it_is_replaced(name: str) -> None:
    text = read_texts(ShopSettings())[name]

    assert text.is_example
    assert text.parts[0].words.startswith("EXAMPLE: this text must be replaced")
    assert f"shop.{name}." in text.parts[0].words
