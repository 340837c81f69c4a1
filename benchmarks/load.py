"""What a run sends, and what it measures."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

CLIENTS = 16


@dataclass(frozen=True)
class Request:
    """What is sent."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def with_cookie(self, cookie: str) -> "Request":
        """Return the same request from a browser that has this cookie."""
        return Request(self.method, self.path, {**self.headers, "Cookie": cookie}, self.body)

    def __bytes__(self) -> bytes:
        headers = {"Host": "127.0.0.1", **self.headers}
        if self.body:
            headers["Content-Length"] = str(len(self.body.encode()))
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", self.body]).encode()


@dataclass(frozen=True)
class Load:
    """What one run measured."""

    per_second: float
    p99_ms: float
    errors: int = 0
    requests: int = 0
    cpu_seconds: float = 0.0
    """The processor time that the app took; 0 if that is not known."""

    @property
    def per_cpu_second(self) -> float:
        """Requests in a second of the app's own processor time: what else runs on its core takes nothing from that."""
        return self.requests / self.cpu_seconds if self.cpu_seconds else math.nan


def percentile(values: list[float], percent: float) -> float:
    """Return the smallest value that so many percent of the values do not exceed."""
    return sorted(values)[max(math.ceil(len(values) * percent / 100), 1) - 1]
