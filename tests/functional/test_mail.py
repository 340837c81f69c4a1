"""Mail of the shop as tests and developers see it: in a folder."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from shopapp.mail import post
from shopapp.testing.shop import Mailbox, text_of

Post = Callable[..., None]


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
    assert len(mailbox.letters()) == 2
