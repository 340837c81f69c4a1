"""Times as text."""

from collections.abc import Callable
from datetime import UTC, datetime

from babel.dates import format_date, format_time


def moment_in(locale: str) -> Callable[[datetime], str]:
    """Return the function that writes a time for people. In UTC, since a browser does not say where it is."""

    def moment(at: datetime) -> str:
        return f"{format_date(at, 'medium', locale)}, {format_time(at, 'short', UTC, locale)} UTC"

    return moment
