"""Who watches the exchanges with Redis: told how long each took and how it ended, and never in the way of any."""

import logging
from collections.abc import Callable
from typing import Any, Literal

Outcome = Literal["answered", "away", "hung", "not_sent"]
"""``hung``: no answer in time. ``not_sent``: known to be away, or too many wait for it. ``away``: any other outage."""

Watcher = Callable[[float, Outcome], None]
NodeWatcher = Callable[[str, bool], None]

log = logging.getLogger(__name__)


def _nobody(_first: Any, _second: Any) -> None:
    pass


_watcher: Watcher = _nobody
_node_watcher: NodeWatcher = _nobody


def watch(watcher: Watcher, node_watcher: NodeWatcher = _nobody) -> None:
    """Have ``watcher`` told of every exchange of this process, in place of who was before: seconds and outcome; and
    ``node_watcher`` of every node that is left alone from now on, or asked again: its address, and whether it is left
    alone. What they raise is logged.
    """
    global _watcher, _node_watcher
    _watcher, _node_watcher = watcher, node_watcher


def tell(seconds: float, outcome: Outcome) -> None:
    """Tell who watches of an exchange."""
    try:
        _watcher(seconds, outcome)
    except Exception:
        log.exception("watcher_failed")


def tell_node(address: str, is_left_alone: bool) -> None:
    """Tell who watches of a node."""
    try:
        _node_watcher(address, is_left_alone)
    except Exception:
        log.exception("watcher_failed")
