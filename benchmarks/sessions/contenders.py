"""Who is compared, and with whom."""

from pathlib import Path

from benchmarks.contenders import GRANIAN, WAITRESS, Contender
from benchmarks.node import EXPRESS, express

PLAIN = "plain library on waitress"
OURS_ON_WAITRESS, OURS_ON_GRANIAN = "ours on waitress", "ours on granian"
RETRYING_ON_WAITRESS, RETRYING_ON_GRANIAN = "ours on waitress, retrying", "ours on granian, retrying"

APP = "benchmarks.sessions.apps:app_from_environment"

COMPARED = [
    (OURS_ON_WAITRESS, PLAIN),
    (RETRYING_ON_WAITRESS, PLAIN),
    (OURS_ON_GRANIAN, EXPRESS),
    (RETRYING_ON_GRANIAN, EXPRESS),
]


def contenders(redis_socket: Path) -> list[Contender]:
    """Return all of them."""
    ours = {"BENCH_SESSIONS": "ours", "BENCH_REDIS": f"unix://{redis_socket}"}
    retrying = {**ours, "BENCH_RETRY": "1"}
    return [
        Contender(PLAIN, WAITRESS + APP, {**ours, "BENCH_SESSIONS": "plain"}),
        Contender(OURS_ON_WAITRESS, WAITRESS + APP, ours),
        Contender(RETRYING_ON_WAITRESS, WAITRESS + APP, retrying),
        Contender(OURS_ON_GRANIAN, GRANIAN + APP, ours),
        Contender(RETRYING_ON_GRANIAN, GRANIAN + APP, retrying),
        express("sessions.js", BENCH_REDIS_SOCKET=str(redis_socket)),
    ]
