"""One soak: people are let in, faults are thrown in, everybody leaves, and what is there is compared."""

import random
import time
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from benchmarks.contenders import BenchmarkError
from benchmarks.soak.crowd import Crowd
from benchmarks.soak.faults import Fault, Storm
from benchmarks.soak.judging import Failure, Memory, failures, unexplained
from benchmarks.soak.ledger import Account, Cart, Ledger
from benchmarks.soak.people import Client
from benchmarks.soak.postbox import Postbox
from benchmarks.soak.reckoning import reckon
from benchmarks.soak.shopkeeper import Shopkeeper
from benchmarks.soak.traffic import PATIENCE_SECONDS, Hit, Traffic
from benchmarks.soak.world import APPS, World, running_world
from shopapp.accounts.models import User
from shopapp.accounts.passwords import hash_password
from shopapp.catalog import demo
from shopapp.migrations import upgrade

PASSWORD = "a long walk along the shore"
PLENTY, FEW, SCARCE = 1_000_000, 60, 3
"""Units of most products and of those that run out, and how many of these there are."""
LAST_FAULT_SECONDS = 10.0
"""So long before the end no fault is begun any more."""
LEAVING_SECONDS = 3 * PATIENCE_SECONDS


@dataclass(frozen=True)
class Plan:
    """How long, how many, and which dice."""

    minutes: float
    clients: int
    seed: int


@dataclass(frozen=True)
class Result:
    """What came of it."""

    plan: Plan
    start: float
    seconds: float
    hits: list[Hit]
    faults: list[Fault]
    failures: list[Failure]
    acknowledged: Counter[str]
    checked: Counter[str]
    memory: Memory
    violations: list[str]


def soak(plan: Plan) -> Result:
    """Run it. Raises BenchmarkError where it cannot be run."""
    with running_world(plan.seed) as world:
        names, accounts = fill(world.database_url, plan.clients)
        world.proxy.part.start()
        for number in range(APPS):
            world.start_app(number)
        world.proxy.part.wait()
        return _run(plan, world, names, accounts)


def _run(plan: Plan, world: World, names: dict[str, str], accounts: list[Account]) -> Result:
    chance, start = random.Random(plan.seed), time.monotonic()
    traffic, ledger, memory = Traffic(world.port), Ledger(), Memory(world)
    storm = Storm(world, plan.seed, start + plan.minutes * 60 - LAST_FAULT_SECONDS)
    scarce = frozenset(sorted(names)[:SCARCE])
    crowd = Crowd(traffic, ledger, Postbox(world.mail), names, scarce, storm.is_quiet)
    ledger.accounts.extend(accounts)
    keeper = Shopkeeper(world, ledger, traffic.over, plan.seed)
    clients = [Client(crowd, account, plan.seed + number) for number, account in enumerate(accounts)]
    helpers = [storm, memory, keeper]
    try:
        for thread in (*helpers, *clients):
            thread.start()
        _wait(storm, plan.minutes * 60)
        traffic.over.set()
        for thread in (keeper, *clients):
            thread.join(LEAVING_SECONDS)
    finally:
        traffic.over.set()
        storm.stopped.set()
        memory.stopped.set()
        storm.join(LEAVING_SECONDS)
    _complain_of([storm, keeper, *clients])
    ended = time.monotonic()
    found = failures(traffic.hits, storm.faults)
    checked = reckon(crowd, world.database_url, stock_at_start(names), chance)
    violations = [*unexplained(found, start), *memory.complaints(), *ledger.violations]
    return Result(
        plan,
        start,
        ended - start,
        traffic.hits,
        storm.faults,
        found,
        ledger.acknowledged,
        checked,
        memory,
        violations,
    )


def fill(database_url: str, people: int) -> tuple[dict[str, str], list[Account]]:
    """Make the tables, the demo products and the accounts; return what is sold, sku to name, and who there is."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        upgrade(connection)
    accounts = [Account(f"person{number}@example.com", PASSWORD, f"Person {number}") for number in range(people)]
    password_hash = hash_password(PASSWORD)
    with Session(engine) as dbsession, dbsession.begin():
        demo.fill(dbsession)
        dbsession.add_all(User(email=each.email, name=each.name, password_hash=password_hash) for each in accounts)
        names = dict(dbsession.execute(text("SELECT sku, name FROM product")).all())
        for sku, stock in stock_at_start(names).items():
            dbsession.execute(text("UPDATE product SET stock = :stock WHERE sku = :sku"), {"stock": stock, "sku": sku})
    engine.dispose()
    return names, accounts


def stock_at_start(names: dict[str, str]) -> Cart:
    """Return how many there are of each product."""
    return {sku: FEW if number < SCARCE else PLENTY for number, sku in enumerate(sorted(names))}


def _wait(storm: Storm, seconds: float) -> None:
    """Wait for the end of the time and of the last fault. Raises BenchmarkError if a part does not come back."""
    storm.join(seconds)
    while storm.is_alive():
        storm.join(1)
    if storm.failure is not None:
        raise BenchmarkError(f"a fault could not be made, or mended: {storm.failure}")


def _complain_of(threads: list[Storm | Shopkeeper | Client]) -> None:
    for thread in threads:
        if thread.failure is not None:
            raise BenchmarkError(f"{thread.name} has failed: {thread.failure!r}") from thread.failure
        if thread.is_alive():
            raise BenchmarkError(f"{thread.name} does not come to an end")
