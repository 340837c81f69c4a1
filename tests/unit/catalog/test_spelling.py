import pytest

from shopapp.catalog import spelling


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ("", "", 0),
        ("abc", "", 3),
        ("kettle", "kettle", 0),
        ("kettel", "kettle", 1),
        ("kitten", "sitting", 3),
        ("ab", "ba", 1),
        ("abcd", "badc", 2),
        ("ca", "abc", 3),
    ],
)
def test_mistakes_are_counted_from_either_side(one: str, other: str, count: int):
    assert spelling.mistakes(one, other) == spelling.mistakes(other, one) == count


@pytest.mark.parametrize(
    ("typed", "known", "closest"),
    [
        ("mgu", ["mug", "mud", "jug"], "mug"),
        ("mug", ["mugs", "jug"], "mugs"),
        ("etiu", ["Étui"], "Étui"),
        ("kettel", ["kettle", "kennel"], "kettle"),
        ("ab", ["abc", "a"], None),
        ("lamp", ["lantern"], None),
        ("kettle", [], None),
        ("kettle", [""], None),
    ],
)
def test_the_closest_has_the_fewest_mistakes_and_better_the_same_first_letter(
    typed: str, known: list[str], closest: str | None
):
    assert spelling.closest(typed, known) == closest


def test_two_words_that_are_a_mistake_apart_have_a_spelling_in_common():
    for known in ("kettle", "étui", "mug"):
        shorter = {known[:place] + known[place + 1 :] for place in range(len(known))} | {known}
        plain = {spelling.plain(each) for each in shorter}
        for typed in (known[1] + known[0] + known[2:], f"{known}x", known[:-1], f"x{known[1:]}"):
            assert spelling.spellings(typed) & plain, (typed, known)


@pytest.mark.parametrize("word", ["\ud55c" * 200, "a" * 200, "\u1ea4" * 33, "ab", ""])
def test_a_word_that_no_name_can_have_is_not_mended(word: str):
    assert spelling.mistakes_allowed(word) == 0
    assert len(spelling.spellings(word)) == 1


def test_the_longest_word_has_few_spellings():
    assert len(spelling.spellings("abcdefghijklmnopqrstuvwxyz012345")) < 600
