"""The store on a real server, without any request: found, created, replaced, ended; and answers that are lost."""

from collections.abc import Callable
from typing import Any

import pytest
import redis

from shopapp.redis import StoreUnavailable
from shopapp.sessions.data import Codec, check_plain, decode_json, encode_json
from shopapp.sessions.header import NO_CHANGE, Change, Person, Start
from shopapp.sessions.ids import IdIssuer, SessionId, Standing
from shopapp.sessions.policy import Policy
from shopapp.sessions.record import Record, Sealer
from shopapp.sessions.settings import SessionSettings
from shopapp.sessions.store import SessionGoneError, SessionStore, ValueConflictError

NOW = 1_800_000_000
SETTINGS = SessionSettings(secrets=("a secret of the tests",))
POLICY, IDS = Policy.of(SETTINGS), IdIssuer(SETTINGS.secrets)
CODEC = Codec(serialize=encode_json, deserialize=decode_json, check=check_plain, max_size=10_000)
PERSON = Start(Person(7), 600, 6000)
VALID = IDS.issue("series", "salt", 0)


@pytest.fixture
def store(any_redis: Any) -> SessionStore:
    return SessionStore(any_redis, Sealer(SETTINGS.secrets), IDS, POLICY, CODEC)


@pytest.fixture
def known(store: SessionStore) -> Record:
    return create(store, {"a": 1})


def create(store: SessionStore, data: dict[str, Any], start: Start = PERSON) -> Record:
    return store.create("series", "salt", start, NO_CHANGE, encode_json(data), NOW)


def replace(store: SessionStore, known: Record, data: dict[str, Any], **options: Any) -> Any:
    change = options.pop("change", NO_CHANGE)
    options = {"now": NOW + 1, "retry": False, **options}
    return store.replace("series", VALID, known, change, encode_json(data), **options)


def test_what_is_created_is_found(store: SessionStore, known: Record) -> None:
    lookup = store.find(VALID, NOW)

    assert (lookup.outcome, lookup.record, lookup.standing) == ("live", known, Standing.CURRENT)
    assert (lookup.user_id, lookup.handle) == (7, VALID.handle)


def test_what_was_never_created_is_dead(store: SessionStore) -> None:
    assert store.find(VALID, NOW).outcome == "dead"


def test_a_series_is_created_once_and_the_second_is_told_what_is_there(store: SessionStore, known: Record) -> None:
    with pytest.raises(SessionGoneError) as caught:
        create(store, {"b": 2})

    assert caught.value.record == known


def test_a_change_of_the_known_version_takes_its_place(store: SessionStore, known: Record) -> None:
    stored = replace(store, known, {"a": 2})

    assert store.find(VALID, NOW).record == stored.record
    assert stored.record.payload == b'{"a":2}'
    assert stored.places == []


def test_changes_of_different_places_are_merged(store: SessionStore, known: Record) -> None:
    replace(store, known, {"a": 1, "b": {"x": 1}})
    stored = replace(store, known, {"a": 1, "c": {"y": 2}}, retry=True)

    assert decode_json(stored.record.payload) == {"a": 1, "b": {"x": 1}, "c": {"y": 2}}


def test_changes_of_the_same_value_are_refused_or_told(store: SessionStore, known: Record) -> None:
    replace(store, known, {"a": 2})

    with pytest.raises(ValueConflictError) as caught:
        replace(store, known, {"a": 3}, retry=True)
    assert caught.value.places == ["a"]
    stored = replace(store, known, {"a": 3})
    assert (stored.record.payload, stored.places) == (b'{"a":3}', ["a"])


def test_what_has_ended_is_not_replaced(store: SessionStore, known: Record) -> None:
    assert store.end(VALID.handle, known)
    assert not store.end(VALID.handle, known)

    with pytest.raises(SessionGoneError):
        replace(store, known, {"a": 2})
    assert store.find(VALID, NOW).outcome == "dead"


def test_after_a_cut_the_former_id_neither_finds_nor_replaces(store: SessionStore, known: Record) -> None:
    cut = replace(store, known, {"a": 1}, change=Change(cut="rotate")).record

    assert store.find(VALID, NOW + 2).outcome == "late"
    assert store.find(VALID, NOW + 100).outcome == "refused"
    assert store.find(IDS.issue("series", cut.header.salt, 0), NOW).outcome == "live"
    with pytest.raises(SessionGoneError) as caught:
        replace(store, known, {"a": 2})
    assert caught.value.record == cut


def test_a_version_from_before_a_cut_ends_the_session_but_not_a_login(store: SessionStore, known: Record) -> None:
    replace(store, known, {"a": 1}, change=Change(cut="rotate"))
    assert store.end(VALID.handle, known)

    again = create(store, {"a": 1})
    replace(store, again, {"a": 1}, change=Change(start=PERSON, cut="login"))
    assert not store.end(VALID.handle, again)


def test_the_id_that_follows_is_good_and_showing_it_retires_the_former(store: SessionStore, known: Record) -> None:
    following = IDS.issue("series", "salt", 1)
    assert store.find(following, NOW).standing is Standing.NEXT
    assert store.find(VALID, NOW + 10_000 * 0).outcome == "live"

    stored = store.replace("series", following, known, Change(shown=following), known.payload, NOW + 1, retry=False)

    assert (stored.record.header.generation, stored.record.header.issued) == (1, NOW + 1)
    late, stolen = POLICY.rotation_grace + 2, POLICY.rotation_late + 2
    assert [store.find(VALID, NOW + wait).outcome for wait in (1, late)] == ["live", "late"]
    extended = store.replace(
        "series", following, stored.record, Change(push=True, idle=10_000), known.payload, NOW + 2, retry=False
    )
    assert extended.record.header.generation == 1
    assert store.find(VALID, NOW + stolen).outcome == "reused"
    assert store.find(following, NOW + stolen).outcome == "dead"


@pytest.mark.parametrize(("wait", "outcome"), [(601, "idle"), (6000, "absolute")])
def test_either_clock_ends_it(store: SessionStore, known: Record, wait: int, outcome: str) -> None:
    lookup = store.find(VALID, NOW + wait)

    assert (lookup.outcome, lookup.has_ended, lookup.record) == (outcome, True, known)
    assert store.find(VALID, NOW + wait).outcome == "dead"


def test_a_marker_in_its_place_is_neither_dead_nor_alive(store: SessionStore, known: Record) -> None:
    store.end(VALID.handle, known, marker=True)

    assert store.find(VALID, NOW).outcome == "late"


@pytest.mark.parametrize("rubbish", [b"rubbish", b"\x80", b"a.b\nc"])
def test_rubbish_is_rubbish(store: SessionStore, any_redis: Any, known: Record, rubbish: bytes) -> None:
    any_redis.set(POLICY.prefix + VALID.handle, rubbish)

    assert store.find(VALID, NOW).outcome == "rubbish"


# Answers that are lost after Redis has done what was asked


@pytest.fixture
def lose_answers(any_redis: Any) -> Callable[[int], None]:
    """A function that loses the answers of so many commands, after they are done."""
    honest = any_redis.execute_command

    def lose(count: int) -> None:
        left = [count]

        def execute(*args: Any, **options: Any) -> Any:
            answer = honest(*args, **options)
            if left[0]:
                left[0] -= 1
                raise redis.exceptions.ConnectionError("the answer is lost")
            return answer

        any_redis.execute_command = execute

    return lose


def test_a_read_whose_answer_is_lost_is_sent_again(store: SessionStore, known: Record, lose_answers: Any) -> None:
    lose_answers(1)

    assert store.find(VALID, NOW).record == known


def test_a_creation_whose_answer_is_lost_is_one_creation(store: SessionStore, lose_answers: Any) -> None:
    lose_answers(1)

    assert store.find(VALID, NOW).record is None
    lose_answers(1)
    assert create(store, {"a": 1}) == store.find(VALID, NOW).record


@pytest.mark.parametrize(
    "change", [NO_CHANGE, Change(cut="rotate"), Change(start=PERSON, cut="login"), Change(push=True)]
)
def test_a_change_whose_answer_is_lost_is_one_change(
    store: SessionStore, known: Record, lose_answers: Any, change: Change
) -> None:
    replace(store, known, {"a": 1})  # so that the script is known to the server
    lose_answers(1)

    stored = replace(store, known, {"a": 1, "b": 2}, change=change)

    found = store.find(IDS.issue("series", stored.record.header.salt, 0), NOW)
    assert found.record == stored.record
    assert stored.places == []


def test_a_change_whose_answer_is_lost_while_somebody_else_writes_is_one_change(
    store: SessionStore, known: Record, any_redis: Any
) -> None:
    replace(store, known, {"a": 1})
    known = store.find(VALID, NOW).record or known
    honest, sent = any_redis.execute_command, []

    def execute(*args: Any, **options: Any) -> Any:
        answer = honest(*args, **options)
        if args[0] == "EVALSHA" and not sent:
            sent.append(args)
            other = store.find(VALID, NOW).record
            assert other is not None
            replace(store, other, {**decode_json(other.payload), "theirs": 1})
            raise redis.exceptions.ConnectionError("the answer is lost")
        return answer

    any_redis.execute_command = execute
    stored = replace(store, known, {"a": 1, "_f_": ["once"]}, retry=True)

    assert decode_json(stored.record.payload) == {"a": 1, "_f_": ["once"], "theirs": 1}
    assert store.find(VALID, NOW).record == stored.record


def test_an_end_whose_answer_is_lost_is_an_end(store: SessionStore, known: Record, lose_answers: Any) -> None:
    lose_answers(1)

    assert store.end(VALID.handle, known)
    assert store.find(VALID, NOW).outcome == "dead"


def test_after_two_lost_answers_nobody_knows_and_that_is_said(
    store: SessionStore, known: Record, lose_answers: Any
) -> None:
    lose_answers(2)

    with pytest.raises(StoreUnavailable):
        replace(store, known, {"a": 2})


def test_the_id_for_after_a_cut_of_which_nobody_knows_is_good_either_way(store: SessionStore, known: Record) -> None:
    unsure = SessionId("series", 0, IDS.issue("series", IDS.next_salt("salt", "rotate"), 0).secret)

    assert store.find(unsure, NOW).outcome == "live"
    replace(store, known, {"a": 1}, change=Change(cut="rotate"))
    assert store.find(unsure, NOW).outcome == "live"
