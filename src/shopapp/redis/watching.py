"""Who watches the exchanges with Redis: told how long each took and how it ended, and never in the way of any."""

import logging
from collections.abc import Callable
from typing import Literal

Outcome = Literal["answered", "away", "hung", "not_sent"]
"""``hung``: no answer in time. ``not_sent``: it hung a moment ago, so it was not asked. ``away``: any other outage."""

Watcher = Callable[[float, Outcome], None]

log = logging.getLogger(__name__)


def _nobody(_seconds: float, _outcome: Outcome) -> None:
    pass


_watcher: Watcher = _nobody


def watch(watcher: Watcher) -> None:
    """Have ``watcher`` told of every exchange of this process, in place of who was before: seconds and outcome. What it
    raises is logged.
    """
    global _watcher
    _watcher = watcher


def tell(seconds: float, outcome: Outcome) -> None:
    """Tell who watches."""
    try:
        _watcher(seconds, outcome)
    except Exception:
        log.exception("watcher_failed")
