"""The folder that the shop's mail goes into, read as a mail program does: each letter once, kept by its address."""

import re
import threading
from collections import defaultdict
from email import message_from_bytes
from email.policy import default
from pathlib import Path

LINK = re.compile(r"https://[^/\s]+(/register/confirm\?\S+)")


class Postbox:
    """All letters so far."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self._seen: set[str] = set()
        self._links: dict[str, list[str]] = defaultdict(list)
        self._subjects: dict[str, list[str]] = defaultdict(list)

    def confirmation_for(self, address: str) -> str | None:
        """Return the path of the newest link that finishes signing up; None if none has come yet."""
        self._look()
        links = self._links.get(address)
        return links[-1] if links else None

    def subjects_for(self, address: str) -> list[str]:
        """Return the subjects of all letters to an address."""
        self._look()
        return self._subjects.get(address, [])

    def _look(self) -> None:
        with self._lock:
            names = {path.name for path in self._folder.glob("*.eml")} - self._seen
            for name in sorted(names):
                message = message_from_bytes((self._folder / name).read_bytes(), policy=default)
                address = str(message["To"])
                self._subjects[address].append(str(message["Subject"]))
                body = message.get_body(("plain",))
                self._links[address] += LINK.findall(body.get_content()) if body else []
            self._seen |= names
