"""The browser tests' own ears: whatever a browser complains of is noticed."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from browsing import serve

PAGE = """<!doctype html><html lang="en"><title>Trouble</title><link rel="icon" href="/icon"><body>%s</body></html>"""
TROUBLE = {
    "a console message": ("<script>console.log('I was here')</script>", "", "I was here"),
    "an error in a script": ("<script>throw new Error('I stumbled')</script>", "", "I stumbled"),
    "an inline style against the CSP": ("<p style='color: red'>", "default-src 'self'", "violates the following"),
    "an inline script against the CSP": ("<script>alert(1)</script>", "default-src 'self'", "violates the following"),
    "a picture that cannot be had": ("<img src='http://127.0.0.1:1/' alt=''>", "", "failed: GET http://127.0.0.1:1/"),
    "a picture that is not there": ("<img src='/missing' alt=''>", "", "404"),
}


@pytest.fixture
def trouble(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a page with the trouble that the test is named after."""
    body, policy, _complaint = TROUBLE[request.param]

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        status = "404 Not Found" if environ["PATH_INFO"] == "/missing" else "200 OK"
        start_response(status, [("Content-Type", "text/html"), *([("Content-Security-Policy", policy)] * bool(policy))])
        return [(PAGE % body).encode()]

    with serve(app) as url:
        yield url


@pytest.mark.parametrize(
    ("trouble", "complaint"), [(name, case[2]) for name, case in TROUBLE.items()], ids=TROUBLE, indirect=["trouble"]
)
def test_it_is_noticed(trouble: str, complaint: str, browser: Browser, complaints: Any) -> None:
    with browser.new_context() as context:
        complaints.watch(context)
        context.new_page().goto(trouble)

    assert [each for each in complaints.unexpected() if complaint in each]
    complaints.found.clear()
