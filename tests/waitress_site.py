"""An app served by waitress, as production does, within the test's own process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from waitress import create_server
from waitress.wasyncore import close_all


@contextmanager
def waitress(app: Callable[..., Any], **options: Any) -> Iterator[Any]:
    """Serve it on a free loopback port, and end that afterwards; the value is the server."""
    sockets: dict[int, Any] = {}
    server = create_server(app, map=sockets, **{"host": "127.0.0.1", "port": 0, "threads": 8, **options})
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        # In the server's own thread, which then ends. If it was awake, it has closed what would wake it by now.
        with suppress(OSError):
            server.trigger.pull_trigger(lambda: close_all(sockets))
        thread.join()
        assert server.task_dispatcher.shutdown()
