"""A browser's User-Agent header in words that people know their devices by. Knows no session."""

import re

from ua_parser import parse

UNKNOWN_DEVICE = "Unknown device"

HAND_HELD = frozenset({"iPhone", "iPad", "iPod"})
"""Apple's own names say more than the system's: an iPad and an iPhone both run iOS."""

SYSTEMS = {"Mac OS X": "macOS"}
"""Systems whose name has changed since ua-parser took it up."""


def device_name(agent: str) -> str:
    """Return a name such as "Firefox on Windows"; what a program calls itself if it runs on no system we know."""
    found = parse(agent)
    browser = _plain(found.user_agent.family) if found.user_agent else ""
    place = SYSTEMS.get(found.os.family, found.os.family) if found.os else ""
    if found.device and found.device.family in HAND_HELD:
        place = found.device.family
    if browser and place:
        return f"{browser} on {place}"
    return browser or place or UNKNOWN_DEVICE


def _plain(browser: str) -> str:
    """A browser's name without where it runs: "Chrome Mobile iOS" and "Mobile Safari" are Chrome and Safari."""
    return re.sub(r"\b(Mobile|iOS|WebView)\b", "", browser).strip() or browser
