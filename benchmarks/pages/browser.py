"""A browser with one connection: for all that has to be so before anything is measured."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection

from benchmarks.contenders import BenchmarkError
from benchmarks.load import Request
from benchmarks.pages.figures import CART, log_in, set_line
from benchmarks.pages.shop import PASSWORD, PEOPLE, email_of


class Browser:
    """Keeps the cookie that it gets."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection
        self.cookie = ""

    def send(self, request: Request) -> str:
        """Return the body of the answer. Raises BenchmarkError unless it is a 200."""
        sent = request.with_cookie(self.cookie) if self.cookie else request
        self._connection.request(sent.method, sent.path, sent.body.encode() or None, dict(sent.headers))
        answer = self._connection.getresponse()
        body = answer.read().decode()
        if answer.status != 200:
            raise BenchmarkError(f"{request.method} {request.path} was answered with {answer.status}:\n{body[:500]}")
        set_cookie = answer.getheader("Set-Cookie")
        if set_cookie:
            self.cookie = set_cookie.partition(";")[0]
        return body

    def log_in(self, number: int) -> None:
        """Sign one of the people in."""
        self.send(log_in(email_of(number), PASSWORD))

    def fill_cart(self) -> None:
        """Have the cart hold what every cart holds."""
        for sku, quantity in CART.items():
            self.send(set_line(sku, quantity))


@contextmanager
def browsers(port: int) -> Iterator["Browsers"]:
    """Yield what makes browsers that share one connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        yield Browsers(connection)
    finally:
        connection.close()


class Browsers:
    """Makes browsers without a cookie."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def new(self) -> Browser:
        """Return a browser that has not been here before."""
        return Browser(self._connection)


def cookies(port: int) -> tuple[list[str], list[str]]:
    """Return the cookies of so many visitors, and of as many people who are signed in; all with a full cart."""
    with browsers(port) as make:
        visitors = [make.new() for _ in range(PEOPLE)]
        people = [make.new() for _ in range(PEOPLE)]
        for number, person in enumerate(people, start=1):
            person.log_in(number)
        for browser in visitors + people:
            browser.fill_cart()
    return [browser.cookie for browser in visitors], [browser.cookie for browser in people]
