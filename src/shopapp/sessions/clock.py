"""The time that sessions go by."""

import time


def now() -> int:
    """Return the time in whole seconds since 1970."""
    return int(time.time())
