"""The three-way merge of session data: what was loaded, what is stored now, what this request has."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopapp.sessions import merge as module
from shopapp.sessions.merge import FLASH_PREFIX, takes_messages_only

QUEUE = FLASH_PREFIX
ERRORS = f"{FLASH_PREFIX}error"


def merge(base, theirs, mine):
    """The merged data alone."""
    return module.merge(base, theirs, mine)[0]


def conflicts(base, theirs, mine):
    """Where both changed the same value."""
    return module.merge(base, theirs, mine)[1]


@pytest.mark.parametrize(
    ("base", "theirs", "mine", "expected"),
    [
        # Nobody, or only one side
        ({}, {}, {}, {}),
        ({"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {"a": 2}, {"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {}, {"a": 1}, {}),
        ({"a": 1}, {"a": 1}, {}, {}),
        ({}, {"a": 1}, {}, {"a": 1}),
        ({}, {}, {"a": 1}, {"a": 1}),
        # Different keys: both win
        ({}, {"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 2}),
        ({"a": 1, "b": 1}, {"b": 1}, {"a": 1}, {}),
        ({"a": 1}, {}, {"a": 1, "b": 2}, {"b": 2}),
        # Same key: the later wins
        ({"a": 1}, {"a": 2}, {"a": 3}, {"a": 3}),
        ({}, {"a": 2}, {"a": 3}, {"a": 3}),
        ({"a": 1}, {"a": 2}, {"a": 2}, {"a": 2}),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [1, 3]}, {"a": [1, 3]}),
        # Inside of dicts as outside
        ({"a": {"x": 1, "y": 1}}, {"a": {"x": 2, "y": 1}}, {"a": {"x": 1, "y": 2}}, {"a": {"x": 2, "y": 2}}),
        ({}, {"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}}),
        ({"a": {"x": 1}}, {"a": {}}, {"a": {"x": 1, "y": 2}}, {"a": {"y": 2}}),
        ({"a": {"x": 1}}, {"a": {"x": 1, "z": 3}}, {"a": {}}, {"a": {"z": 3}}),
        (
            {"a": {"b": {"x": 1}}},
            {"a": {"b": {"x": 1, "y": 2}}},
            {"a": {"b": {"x": 3}}},
            {"a": {"b": {"x": 3, "y": 2}}},
        ),
        ({"a": {"x": 1}}, {"a": {"x": 2}}, {}, {"a": {"x": 2}}),
        ({"a": {"x": 1}}, {"a": {"x": 2}}, {"a": 7}, {"a": 7}),
        ({"a": 7}, {"a": {"x": 2}}, {"a": {"y": 3}}, {"a": {"y": 3}}),
        # Deleted by one, changed by the other: the change wins
        ({"a": 1}, {}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": 2}, {}, {"a": 2}),
        ({"a": 1}, {}, {}, {}),
        # None and other empty values are values
        ({"a": 1}, {"a": 1}, {"a": None}, {"a": None}),
        ({"a": None}, {"a": None}, {}, {}),
        ({"a": 0}, {"a": 0}, {"a": False}, {"a": False}),
        ({"a": 1}, {"a": 1}, {"a": 1.0}, {"a": 1.0}),
        # Flash queues: both messages, once each
        ({}, {QUEUE: ["t"]}, {QUEUE: ["m"]}, {QUEUE: ["t", "m"]}),
        ({}, {QUEUE: ["t"]}, {ERRORS: ["m"]}, {QUEUE: ["t"], ERRORS: ["m"]}),
        ({QUEUE: ["b"]}, {QUEUE: ["b", "t"]}, {QUEUE: ["b", "m"]}, {QUEUE: ["b", "t", "m"]}),
        ({}, {QUEUE: ["same"]}, {QUEUE: ["same"]}, {QUEUE: ["same", "same"]}),
        # ... shown by one: not shown again by the other
        ({QUEUE: ["b"]}, {}, {QUEUE: ["b", "m"]}, {QUEUE: ["m"]}),
        ({QUEUE: ["b"]}, {QUEUE: ["b", "t"]}, {}, {QUEUE: ["t"]}),
        ({QUEUE: ["b"]}, {}, {}, {}),
        ({QUEUE: ["b", "b"]}, {QUEUE: ["b"]}, {QUEUE: ["b", "b"]}, {QUEUE: ["b"]}),
        ({QUEUE: ["b"]}, {QUEUE: ["b"]}, {QUEUE: ["m"]}, {QUEUE: ["m"]}),
        ({QUEUE: [{"text": "b"}]}, {QUEUE: [{"text": "b"}, {"text": "t"}]}, {}, {QUEUE: [{"text": "t"}]}),
    ],
)
def test_the_merge_of(base, theirs, mine, expected):
    merged = merge(base, theirs, mine)

    assert json.dumps(merged, sort_keys=True) == json.dumps(expected, sort_keys=True)


values = st.recursive(
    st.sampled_from([None, False, True, 0, 1, 2, 0.0, 1.0, "", "a", "b"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner, max_size=2),
    max_leaves=3,
)
data = st.dictionaries(st.sampled_from("abc"), values, max_size=3)
messages = st.lists(st.sampled_from(["saved", "gone", "welcome"]), max_size=3)


def exactly(value):
    """A text that differs wherever the JSON differs: for Python, True is 1 and 1 is 1.0."""
    return json.dumps(value, sort_keys=True)


@given(data, data)
def test_where_nothing_came_between_the_merge_is_mine(base, mine):
    inner = {key for key in base if key in mine and base[key] == mine[key] and exactly(base[key]) != exactly(mine[key])}
    for key in inner:  # see the next test
        mine = {**mine, key: base[key]}

    assert exactly(merge(base, base, mine)) == exactly(mine)


@pytest.mark.parametrize(("was", "becomes"), [([1], [True]), ({"a": 0}, {"a": False}), ([1], [1.0])])
def test_a_nested_change_that_python_calls_equal_is_a_change(was, becomes):
    assert exactly(merge({"k": was}, {"k": was}, {"k": becomes})) == exactly({"k": becomes})


@given(data, data)
def test_where_i_changed_nothing_the_merge_is_theirs(base, theirs):
    assert exactly(merge(base, theirs, base)) == exactly(theirs)


@given(data, data, data)
def test_merging_again_changes_nothing_more(base, theirs, mine):
    merged = merge(base, theirs, mine)

    assert exactly(merge(base, merged, mine)) == exactly(merged)


@given(data, data, data, data)
def test_changes_of_different_keys_both_survive(base, others, theirs, mine):
    upper = {key.upper(): value for key, value in others.items()}
    base_of_both = base | upper

    merged = merge(base_of_both, theirs | upper, base | {key.upper(): value for key, value in mine.items()})

    assert {key for key in merged if key.islower()} == theirs.keys()
    assert exactly({key: merged[key] for key in theirs}) == exactly(theirs)
    assert {key.lower() for key in merged if key.isupper()} == mine.keys()
    assert all(merged[key.upper()] == value for key, value in mine.items())


def leaves(value, place=()):
    """Every value that is no dict, under its place; empty dicts too."""
    if isinstance(value, dict) and value:
        return {found for key, inner in value.items() for found in leaves(inner, (*place, key))}
    return {(place, exactly(value))}


@given(data, data, data)
def test_what_is_merged_comes_from_one_of_the_two(base, theirs, mine):
    merged = {(place, value) for place, value in leaves(merge(base, theirs, mine)) if value != "{}"}

    assert merged <= leaves(theirs) | leaves(mine)


@pytest.mark.parametrize(
    ("base", "theirs", "mine", "places"),
    [
        ({"a": 1}, {"a": 2}, {"a": 3}, ["a"]),
        ({}, {"a": 2}, {"a": 3}, ["a"]),
        ({"a": 1}, {}, {"a": 2}, ["a"]),
        ({"a": 1}, {"a": 2}, {}, ["a"]),
        ({"a": {"x": 1}}, {"a": {"x": 2}}, {"a": {"x": 3}}, ["a.x"]),
        ({}, {"a": {"x": 2}}, {"a": {"x": 3}}, ["a.x"]),
        ({"a": {"x": 1}}, {"a": {"x": 2}}, {}, ["a"]),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [1, 3]}, ["a"]),
        ({"a": 1}, {"a": 2}, {"a": 2}, ["a"]),  # each may have added 1
        ({"a": [1]}, {"a": [1, 2]}, {"a": [1, 2]}, ["a"]),
        ({}, {"a": {"x": 1}}, {"a": {"x": 1}}, ["a.x"]),
        ({"a": False}, {"a": True}, {"a": True}, ["a"]),
        ({"a": 1}, {}, {}, ["a"]),  # each may have taken it
        # No conflict
        ({"a": {"x": 1}}, {"a": {"x": 2}}, {"a": {"x": 1, "y": 3}}, []),
        ({QUEUE: ["b"]}, {QUEUE: ["t"]}, {QUEUE: ["m"]}, []),
        ({"a": 1}, {"a": 1}, {"a": 2}, []),
        ({"a": 1}, {"a": 2}, {"a": 1}, []),
    ],
)
def test_where_both_changed_the_same_value_is_told(base, theirs, mine, places):
    assert conflicts(base, theirs, mine) == places


@given(data, data, data)
def test_without_a_conflict_it_does_not_matter_who_was_first(base, theirs, mine):
    if not conflicts(base, theirs, mine):
        assert exactly(merge(base, theirs, mine)) == exactly(merge(base, mine, theirs))


@given(data, data, data)
def test_a_conflict_is_one_whoever_was_first(base, theirs, mine):
    assert bool(conflicts(base, theirs, mine)) == bool(conflicts(base, mine, theirs))


@pytest.mark.parametrize(
    ("base", "mine", "only"),
    [
        ({QUEUE: ["a", "b"], "k": 1}, {"k": 1}, True),
        ({QUEUE: ["a", "b"]}, {QUEUE: ["b"]}, True),
        ({QUEUE: ["a"]}, {QUEUE: ["a", "b"]}, False),
        ({QUEUE: ["a"]}, {ERRORS: ["a"]}, False),
        ({QUEUE: ["a"], "k": 1}, {"k": 2}, False),
        ({QUEUE: ["a"], "k": 1}, {}, False),
        ({"_f_": 1}, {}, False),
        ({"k": {"x": [1]}}, {"k": {"x": []}}, False),
    ],
)
def test_messages_that_were_only_taken_are_told_from_other_changes(base, mine, only):
    assert takes_messages_only(base, mine) is only


@given(data, data, data)
def test_the_three_are_left_as_they_were(base, theirs, mine):
    before = exactly([base, theirs, mine])

    merge(base, theirs, mine)

    assert exactly([base, theirs, mine]) == before


@given(messages, messages, messages)
def test_flash_messages_of_both_are_kept_once_each_and_in_order(old, by_them, by_me):
    theirs = [f"them {number} {text}" for number, text in enumerate(by_them)]
    mine = [f"me {number} {text}" for number, text in enumerate(by_me)]

    def queue(texts):
        return {QUEUE: texts} if texts else {}

    assert merge(queue(old), queue(old + theirs), queue(old + mine)).get(QUEUE, []) == old + theirs + mine


@given(messages, messages, messages)
def test_a_message_that_either_has_shown_is_not_shown_again(old, by_them, by_me):
    theirs = [f"them {text}" for text in by_them]
    mine = [f"me {text}" for text in by_me]

    merged = merge({QUEUE: old}, {QUEUE: theirs}, {QUEUE: old + mine})
    assert merged.get(QUEUE, []) == theirs + mine
    merged = merge({QUEUE: old}, {QUEUE: old + theirs}, {QUEUE: mine})
    assert merged.get(QUEUE, []) == theirs + mine


def test_a_key_that_only_looks_like_a_flash_queue_is_merged_as_any_other():
    assert merge({}, {}, {"_f_loat": 1.5}) == {"_f_loat": 1.5}
