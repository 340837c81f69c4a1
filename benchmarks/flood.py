"""``python -m benchmarks.flood``: what a flood of wrong passwords does to a shop that is running: how long pages take,
and whether a right password gets in. The flood is a process of its own.

It wants the address of a shop with the demo data which trusts the header X-Forwarded-For from here.
"""

import argparse
import multiprocessing
import random
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from multiprocessing.synchronize import Event
from typing import Any
from urllib.parse import urlencode

from shopapp.catalog import demo

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
PAUSE_SECONDS = 0.005


def main() -> None:
    """Measure a quiet shop, then one under the flood, and print both."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flood", description=__doc__)
    parser.add_argument("--port", type=int, default=6543)
    parser.add_argument("--connections", type=int, default=90)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--everywhere", action="store_true", help="each try from another network, for another account")
    options = parser.parse_args()
    measure(options.port, 1.0)
    quiet = measure(options.port, options.seconds)
    stop, answers = multiprocessing.Event(), multiprocessing.Queue()
    arguments = (options.port, options.connections, options.everywhere, stop, answers)
    flooding = multiprocessing.Process(target=flood, args=arguments)
    flooding.start()
    time.sleep(1)
    right: list[tuple[int, float]] = []
    signing_in = threading.Thread(target=sign_in_rightly, args=(options.port, options.seconds, right))
    signing_in.start()
    flooded = measure(options.port, options.seconds)
    signing_in.join()
    stop.set()
    print(f"the flood was answered: {dict(answers.get())}")
    flooding.join()
    for path, times in quiet.items():
        print(f"GET {path:8}  quiet {_shown(times)}  flooded {_shown(flooded[path])}")
    print(
        f"right passwords: {dict(Counter(status for status, _ in right))}, the slowest {max(s for _, s in right):.2f} s"
    )


def _shown(times: list[float]) -> str:
    times = sorted(times)
    return f"p50 {times[len(times) // 2] * 1000:6.1f} ms, p95 {times[int(len(times) * 0.95)] * 1000:6.1f} ms"


def ask(connection: HTTPConnection, method: str, path: str, body: str = "", **headers: str) -> int:
    """Return the status."""
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    response.read()
    return response.status


def measure(port: int, seconds: float) -> dict[str, list[float]]:
    """Return how long each page took, asked for in turns by one client on a connection of its own."""
    connection, times = HTTPConnection("127.0.0.1", port, timeout=60), {"/healthz": [], "/": [], "/cart": []}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for path, taken in times.items():
            began = time.perf_counter()
            if ask(connection, "GET", path) != 200:
                raise RuntimeError(f"{path} failed")
            taken.append(time.perf_counter() - began)
        time.sleep(PAUSE_SECONDS)
    connection.close()
    return times


def sign_in(connection: HTTPConnection, email: str, password: str, address: str) -> int:
    """Return the status."""
    body = urlencode({"email": email, "password": password})
    return ask(connection, "POST", "/login", body, **{**FORM, "X-Forwarded-For": address})


def sign_in_rightly(port: int, seconds: float, answers: list[tuple[int, float]]) -> None:
    """Sign the demo customer in, twice a second, from elsewhere and with a browser that is new each time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        connection, began = HTTPConnection("127.0.0.1", port, timeout=60), time.perf_counter()
        status = sign_in(connection, demo.EMAIL, demo.PASSWORD, f"198.51.100.{random.randint(1, 250)}")
        answers.append((status, time.perf_counter() - began))
        connection.close()
        time.sleep(0.5)


def flood(port: int, connections: int, everywhere: bool, stop: Event, answers: Any) -> None:
    """Send wrong passwords on so many connections, one after the other on each, until it is told to stop."""
    counts: Counter[int | str] = Counter()

    def send() -> None:
        connection, anywhere = HTTPConnection("127.0.0.1", port, timeout=60), random.Random()
        while not stop.is_set():
            number = anywhere.randrange(2**16)
            address = f"203.{number // 256}.{number % 256}.9" if everywhere else "203.0.113.9"
            email = f"somebody{number}@example.com" if everywhere else demo.EMAIL
            try:
                counts[sign_in(connection, email, "wrong", address)] += 1
            except (OSError, HTTPException) as error:
                counts[type(error).__name__] += 1
                connection.close()

    threads = [threading.Thread(target=send) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.put(counts)


if __name__ == "__main__":
    main()
