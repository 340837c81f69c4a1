"""The lines of the log: each names the request that it belongs to. Knows no request, only how one is called."""

import logging
from contextvars import ContextVar

NO_REQUEST = "-"
"""What a line has in that place that belongs to none: of the start, of the thread that sends mail."""

REQUEST_ID: ContextVar[str] = ContextVar("shopapp.request_id", default=NO_REQUEST)
"""The id of the request that is being answered here. ``shopapp.web.request_id`` sets it."""


class Formatter(logging.Formatter):
    """Has ``%(request_id)s`` for the format in the ini. A line is written by the thread that says it, so whoever says
    it, SQLAlchemy or waitress as well, is named with the request.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        record.request_id = REQUEST_ID.get()
        return super().format(record)
