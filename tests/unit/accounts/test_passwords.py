import time
import unicodedata
from statistics import median

import pytest
from argon2 import PasswordHasher, extract_parameters

from shopapp.accounts import passwords
from shopapp.accounts.passwords import hash_password, needs_rehash, verify_password


def test_a_password_matches_its_hash_and_no_other_does():
    password_hash = hash_password("correct horse battery")

    assert verify_password(password_hash, "correct horse battery") is True
    assert verify_password(password_hash, "correct horse batter") is False
    assert verify_password(password_hash, "Correct horse battery") is False
    assert verify_password(password_hash, "") is False


def test_the_same_password_has_another_hash_each_time():
    assert hash_password("correct horse battery") != hash_password("correct horse battery")


def test_hashes_are_argon2id_above_the_minimum_of_owasp():
    parameters = extract_parameters(hash_password("correct horse battery"))

    assert parameters.type.name == "ID"
    assert parameters.memory_cost >= 19 * 1024
    assert parameters.time_cost >= 2
    assert parameters.salt_len >= 16


@pytest.mark.parametrize("password", ["päss wörd ☕", "x" * 100_000, "nul\0nul", "half \ud83d pair"])
def test_a_password_may_be_any_text(password: str):
    password_hash = hash_password(password)

    assert verify_password(password_hash, password)
    assert not verify_password(password_hash, password[:-1])


def test_an_accent_counts_the_same_from_every_keyboard():
    composed, decomposed = (unicodedata.normalize(form, "café au lait") for form in ("NFC", "NFD"))

    assert composed != decomposed
    assert verify_password(hash_password(composed), decomposed)


def test_nobody_logs_in_without_an_account():
    assert verify_password(None, "correct horse battery") is False
    assert verify_password(None, "") is False


@pytest.mark.parametrize("damaged", ["", "plain text", "$argon2id$v=19$m=65536,t=3,p=4$broken"])
def test_a_damaged_hash_matches_nothing(damaged: str):
    assert verify_password(damaged, damaged) is False


def test_an_unknown_user_costs_as_much_as_a_wrong_password():
    def cost(password_hash: str | None) -> float:
        start = time.process_time()
        verify_password(password_hash, "wrong password")
        return time.process_time() - start

    known = hash_password("correct horse battery")
    unknown_costs, known_costs = zip(*((cost(None), cost(known)) for _ in range(5)), strict=True)

    assert 0.5 < median(unknown_costs) / median(known_costs) < 2


def test_the_hash_for_unknown_users_has_the_parameters_of_today():
    assert not needs_rehash(passwords._UNKNOWN_USER_HASH)


def test_a_hash_with_other_parameters_is_due_for_another():
    assert needs_rehash(PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("correct horse battery"))
    assert not needs_rehash(hash_password("correct horse battery"))
