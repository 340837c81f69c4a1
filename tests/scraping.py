"""What tests do with ``/metrics``."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client.parser import text_string_to_metric_families
from webtest import TestApp

Numbers = dict[str, float]


def read(text: str) -> Numbers:
    """Return each number by its name and labels, the labels in the order of the alphabet."""
    return {
        sample.name + "".join(f" {name}={value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(browser: TestApp) -> Numbers:
    """Ask the shop for its numbers. They are of the process, so they count other tests too."""
    return read(browser.get("/metrics").text)


@contextmanager
def counting(browser: TestApp) -> Iterator[Numbers]:
    """Have a dict filled, at the end, with what has risen meanwhile and by how much, without ``/metrics`` itself."""
    risen: Numbers = {}
    before = scrape(browser)
    yield risen
    for name, value in scrape(browser).items():
        by = value - before.get(name, 0.0)
        if by and re.match(r"shopapp_\w+_(total|count)\b", name) and "route=metrics" not in name:
            risen[name] = by
