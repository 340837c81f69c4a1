import pytest

from shopapp.accounts.devices import device_name

APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
CHROMIUM = "AppleWebKit/537.36 (KHTML, like Gecko)"
DEVICES = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0": "Firefox on Windows",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROMIUM} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0": (
        "Edge on Windows"
    ),
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {APPLE} Version/17.5 Mobile/15E148 Safari/604.1": (
        "Safari on iPhone"
    ),
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {APPLE} CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1": (
        "Chrome on iPhone"
    ),
    f"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) {APPLE} Version/16.6 Mobile/15E148 Safari/604.1": "Safari on iPad",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {APPLE} Version/17.5 Safari/605.1.15": "Safari on macOS",
    f"Mozilla/5.0 (Linux; Android 10; K) {CHROMIUM} Chrome/126.0.0.0 Mobile Safari/537.36": "Chrome on Android",
    "Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0": "Firefox on Android",
    f"Mozilla/5.0 (X11; Linux x86_64) {CHROMIUM} Chrome/126.0.0.0 Safari/537.36": "Chrome on Linux",
    "curl/8.5.0": "curl",
    "(Windows NT 10.0)": "Windows",
    "": "Unknown device",
    "\0\x1b[31m\xff": "Unknown device",
    "A" * 300: "Unknown device",
}


@pytest.mark.parametrize(("agent", "name"), DEVICES.items())
def test_a_device_has_the_name_that_people_know_it_by(agent: str, name: str) -> None:
    assert device_name(agent) == name
