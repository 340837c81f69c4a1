"""The dashboard and the alerts ask for numbers that there are, and each number of an alert has its reason."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from webtest import TestApp

from shopapp.testing.shop import JSON

ROOT = Path(__file__).parents[2]
RULES = json.loads((ROOT / "deploy" / "alerts.yml").read_text())["groups"][0]["rules"]
PANELS = json.loads((ROOT / "deploy" / "grafana.json").read_text())["panels"]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [target["expr"] for panel in PANELS for target in panel["targets"]]

SELECTOR = re.compile(r"\b((?:shopapp_|up\b)\w*)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|=|!=)"([^"]*)"')
LABELS_BY = re.compile(r"by \(([\w, ]+)\)")

FROM_THE_FIRST_ON = {"shopapp_requests_run_again_total": "reason", "shopapp_redis_breaker_open": "node"}
"""Told when there is something to tell: what reasons and nodes there are is not known before. Name: its label."""

Series = dict[str, list[dict[str, str]]]


def told_by(browser: TestApp) -> Series:
    """Return the names of all numbers, each with the labels that it is told with."""
    browser.get("/")
    browser.get("/products/brass-pen")
    browser.get("/cart")
    browser.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)
    found: Series = {"up": [{"job": "shopapp"}]}
    for family in text_string_to_metric_families(browser.get("/metrics").text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    for name, label in FROM_THE_FIRST_ON.items():
        found.setdefault(name, [{label: ""}])
    return found


def missing(expression: str, series: Series) -> list[str]:
    """Return what an expression asks for and nobody tells."""
    lacking = []
    for name, matchers in SELECTOR.findall(expression):
        known = {
            label: {each.get(label, "") for each in series.get(name, [])}
            for each in series.get(name, [])
            for label in each
        }
        for label, how, value in MATCHER.findall(matchers):
            for wanted in value.split("|") if "~" in how else [value]:
                is_told = any(re.fullmatch(wanted, there) for there in known.get(label, ()))
                if not is_told and (label != "status" or label not in known):  # nothing has failed yet
                    lacking.append(f"{name} {label}={wanted}")
        asked_by = {label for group in LABELS_BY.findall(expression) for label in group.split(", ")}
        lacking += [f"{name} by {label}" for label in asked_by - known.keys()]
        lacking += [name] if name not in series else []
    return lacking


def test_what_is_asked_for_is_told(visitor: TestApp) -> None:
    series = told_by(visitor)

    assert len(EXPRESSIONS) > 40
    assert {each: lacking for each in EXPRESSIONS if (lacking := missing(each, series))} == {}
    assert all(SELECTOR.search(each) for each in EXPRESSIONS)


@pytest.mark.parametrize(
    ("expression", "lacking"),
    [
        ("rate(shopapp_event_total[5m])", "shopapp_event_total"),
        ('shopapp_events_total{event="OrderPlaces"}', "shopapp_events_total event=OrderPlaces"),
        ('shopapp_events_total{event="SessionEnded",reason=~"idle|late-r"}', "shopapp_events_total reason=late-r"),
        ("sum by (states) (shopapp_letters_waiting)", "shopapp_letters_waiting by states"),
    ],
)
def test_a_slip_would_be_found(visitor: TestApp, expression: str, lacking: str) -> None:
    assert missing(expression, told_by(visitor)) == [lacking]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_why_its_numbers_are_what_they_are_and_what_to_do(rule: dict[str, Any]) -> None:
    notes, page = rule["annotations"], (ROOT / "docs" / "operations.md").read_text()
    numbers = re.findall(r"(?:>|<|==) ([\d.]+)", rule["expr"])

    assert notes["summary"].endswith(".")
    assert notes["why"].endswith(".")
    assert not numbers or re.match(r"\d", notes["why"])
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert notes["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
    assert f"\n### {rule['alert']}\n" in page
