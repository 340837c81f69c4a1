"""A node that is left alone comes back, whatever happens to the thread that watches it."""

import logging
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shopapp.redis.nodes import Node


@contextmanager
def no_more_threads() -> Iterator[None]:
    """Have the system refuse each new thread: there is no address space for its stack."""
    before, limits = threading.stack_size(1 << 40), resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 40, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        threading.stack_size(before)


def wait_until_asked_again(node: Node) -> None:
    deadline = time.monotonic() + 5
    while node.away_because:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_node_that_no_thread_can_watch_is_not_left_alone_and_the_next_failure_tries_again() -> None:
    node, is_back = Node("192.0.2.9:6379"), threading.Event()
    with no_more_threads():
        node.leave("it hangs", is_back.is_set)
    assert not node.away_because

    node.leave("it hangs", is_back.is_set)
    assert node.away_because
    is_back.set()
    wait_until_asked_again(node)


def test_a_question_that_fails_is_asked_again_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    node, answers = Node("192.0.2.9:6379"), [RuntimeError("odd"), RuntimeError("odd"), True]

    def is_back() -> bool:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with caplog.at_level(logging.WARNING):
        node.leave("it hangs", is_back)
        assert node.away_because
        wait_until_asked_again(node)

    assert not answers
    assert [line.split()[0] for line in caplog.messages[:2]] == ["redis_node_away", "redis_node_not_asked"]
    assert sum("not_asked" in line for line in caplog.messages) == 1
