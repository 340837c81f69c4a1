"""Which passwords are refused, and what is said about them."""

import time

import pytest
import zxcvbn_rs_py
from hypothesis import given
from hypothesis import strategies as st

from shopapp.accounts import strength
from shopapp.accounts.strength import weakness_of

ANN = {"name": "Ann O'Hara-Finch", "email": "ann.finch@marsh-mail.example", "shop": "Saltmarsh"}


def weakness(password: str) -> str | None:
    return weakness_of(password, **ANN)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "kettle tulip bronze",
        "8 hinges and a lamp",
        "Zr7!kq0_",
        "你好世界再见朋友们",
        "passwörter",
    ],
)
def test_a_few_words_or_enough_of_anything_will_do(password: str) -> None:
    assert weakness(password) is None


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("password1", "many people have chosen it"),
        ("qwertyuiop", "hundred passwords"),
        ("abcdefghijk", "sequence"),
        ("aaaaaaaaaaaa", "repeats one character"),
        ("12345678", "ten passwords"),
        ("baseball", "hundred passwords"),
        ("P@ssw0rd", "close to one"),
    ],
)
def test_a_common_password_is_refused_with_the_reason_and_what_would_help(password: str, why: str) -> None:
    told = weakness(password)

    assert why in told
    assert told.startswith("This is too easy to guess: ")
    assert told.endswith(".")
    assert told.count(".") >= 2


@pytest.mark.parametrize(
    "password",
    ["oharafinch1990", "annfinch1990", "Finch1990!", "saltmarsh2024", "Saltmarsh123", "shopapp2026", "marsh-mail1",
     "ann.finch@marsh-mail.example", "  ANN.finch@Marsh-Mail.example ", "Ann O'Hara-Finch"],
)  # fmt: skip
def test_a_password_of_the_persons_own_words_is_refused_and_told_so(password: str) -> None:
    assert "your name, your e-mail address or the shop's name" in weakness(password)


def test_the_same_words_are_somebody_elses_good_password() -> None:
    assert weakness_of("ohara finch quill", name="Bo", email="bo@example.com", shop="Saltmarsh") is None


@given(st.text(max_size=1000))
def test_any_text_is_judged(password: str) -> None:
    told = weakness(password)

    assert told is None or told.startswith("This is too easy to guess")


def test_the_longest_password_is_judged_in_no_time() -> None:
    start = time.process_time()
    weakness("a1" * 100_000)

    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    "odd", ["".join(chr(33 + (n * 7919) % 94) for n in range(128)), '4@8({[<369&#!1/|0$57+%2"*6' * 5]
)
def test_odd_characters_and_a_name_of_fifty_words_are_judged_soon(odd: str) -> None:
    """Nothing else in the process runs meanwhile. The second are signs that are read as letters, each as several."""
    name = " ".join(f"{letter}{other}{letter}" for letter in "abcdefg" for other in "hijklmn")
    start = time.process_time()
    weakness_of(odd, name=name, email="a@example.com", shop="Saltmarsh")

    assert time.process_time() - start < 0.5


def test_the_parts_of_the_address_count_before_a_name_of_many_words() -> None:
    name = " ".join(f"{letter}{other}{letter}" for letter in "abcdefg" for other in "hijklmn")

    assert strength.OWN_WORDS in weakness_of("oharafinch1990", name=name, email="ohara.finch@example.com", shop="Marsh")


@pytest.mark.parametrize(
    ("ours", "theirs"), [(strength.WHY, zxcvbn_rs_py.Warning), (strength.HELP, zxcvbn_rs_py.Suggestion)]
)
def test_there_are_words_for_all_that_the_judge_may_say(ours: dict[str, str], theirs: type) -> None:
    assert set(ours) == {name for name in dir(theirs) if not name.startswith("_")}
