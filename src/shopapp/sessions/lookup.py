"""How the search for a request's session ended: one type, from the cookie to the two clocks."""

from typing import Literal

import msgspec

from shopapp.sessions.ids import SessionId, Standing
from shopapp.sessions.record import Record

Outcome = Literal[
    "none",
    "signature",
    "doubled",
    "live",
    "dead",
    "idle",
    "absolute",
    "reused",
    "revoked",
    "late",
    "refused",
    "rubbish",
]
"""``none``: no cookie came. ``signature``: not one that we signed. ``doubled``: two of the name, so one is not ours.
``dead``: Redis has no such session. ``idle``, ``absolute``, ``reused``, ``revoked``: it was found to be over, and has
been ended.
``late``: it got another id so short a while ago that this browser may have the new cookie by now. ``refused``: it did
so before that. ``rubbish``: what is there is not ours."""


class Lookup(msgspec.Struct, frozen=True):
    """What came of it. ``presented`` is the id in the cookie, ``record`` what Redis has, also where that is over or not
    for this id; ``has_ended`` tells whether this very look has ended it.
    """

    outcome: Outcome
    presented: SessionId | None = None
    record: Record | None = None
    standing: Standing = Standing.CUT_OFF
    has_ended: bool = False

    @property
    def handle(self) -> str:
        """The handle of the session that was asked for; empty without an id."""
        return self.presented.handle if self.presented else ""

    @property
    def user_id(self) -> int | str | None:
        """Whose session was found."""
        person = self.record.header.person if self.record else None
        return person.user_id if person else None
