"""What all clients share: where the shop is, what it sells, the ledger, and whether a fault lasts."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count

from benchmarks.soak.ledger import Ledger
from benchmarks.soak.postbox import Postbox
from benchmarks.soak.traffic import Browser, Over, Traffic

WHERE = {"name": "Sam Soak", "street": "1 Harbour Road", "postcode": "D02 XY45", "city": "Dublin", "country": "IE"}

_numbers = count()


@dataclass(frozen=True)
class Crowd:
    """The shared things."""

    traffic: Traffic
    ledger: Ledger
    postbox: Postbox
    names: Mapping[str, str]
    """What is sold: sku to name."""
    scarce: frozenset[str]
    """The products of which there is not enough for all."""
    is_quiet: Callable[[], bool]
    """Whether no fault lasts, nor has just ended."""
    pause_seconds: float = 1.5
    """Between two steps, on the average."""

    def pause(self, chance: random.Random) -> None:
        """Think. Raises Over when the time is up."""
        if self.traffic.over.wait(min(chance.expovariate(1 / self.pause_seconds), 10)):
            raise Over

    def new_browser(self, chance: random.Random) -> Browser:
        """Return a browser in a network of its own, of those that RFC 2544 keeps for measuring."""
        number = next(_numbers)
        return Browser(self.traffic, f"198.18.{number % 256}.{number // 256 % 250 + 1}", chance)
