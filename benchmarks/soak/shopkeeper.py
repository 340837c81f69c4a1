"""The shopkeeper: sends and cancels orders from the command line, as an operator does."""

import os
import random
import subprocess
import sys
import threading

from benchmarks.soak.ledger import Ledger
from benchmarks.soak.world import World

PAUSE_SECONDS = 8.0
DONE = {"cancel": "cancelled", "send": "sent"}
MOST_TRIES = 30


class Shopkeeper(threading.Thread):
    """Works through the orders until the time is up."""

    def __init__(self, world: World, ledger: Ledger, over: threading.Event, seed: int) -> None:
        super().__init__(name="shopkeeper", daemon=True)
        self.world, self.ledger, self.over, self.chance = world, ledger, over, random.Random(seed)
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Take an order, decide, do it, rest."""
        try:
            while not self.over.wait(PAUSE_SECONDS):
                placed = self.ledger.placed()
                if placed:
                    self.change(self.chance.choice(placed), self.chance.choice(["cancel", "cancel", "send"]))
        except BaseException as error:
            self.failure = error

    def change(self, number: str, change: str) -> None:
        """Do it, again and again while the database is away."""
        command = [sys.executable, "-m", "shopapp", "-c", str(self.world.ini), "orders", change, number]
        for _ in range(MOST_TRIES):
            environment = {**os.environ, **self.world.environment}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            # "Already": by a try whose commit was not answered.
            if done.returncode == 0 or f"is {DONE[change]} already" in done.stderr:
                self.ledger.set_status(number, DONE[change])
                self.ledger.count(f"orders {DONE[change]}")
                return
            if self.over.wait(1):
                # What came of it is asked once more when all is well: once is enough.
                continue
        self.ledger.violate(f"order {number} cannot be {DONE[change]}: {done.stderr[-300:]}")
