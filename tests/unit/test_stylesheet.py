"""The one stylesheet holds what some page uses and no more."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

PACKAGE = Path(str(files("shopapp")))
STATIC = PACKAGE / "web" / "static"
RULES = re.sub(r"/\*.*?\*/", "", (STATIC / "shop.css").read_text(encoding="utf-8"), flags=re.DOTALL)
SELECTORS = " ".join(re.findall(r"([^{}]+)\{", RULES))
TEMPLATES = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.jinja2"))

MADE = {"flash-error": "flash-{{ kind }}", "flash-info": "flash-{{ kind }}"}
"""Classes that a template puts together."""


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\.([a-z][\w-]*)", SELECTORS))))
def test_every_class_is_used_by_a_template(name: str) -> None:
    assert re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", TEMPLATES) or MADE.get(name, name) in TEMPLATES


@pytest.mark.parametrize("name", sorted(set(re.findall(r"(--[\w-]+):", RULES))))
def test_every_variable_is_used(name: str) -> None:
    assert f"var({name})" in RULES


def test_the_licence_of_what_was_taken_from_others_comes_along() -> None:
    assert "LICENSE-pico.txt" in (STATIC / "shop.css").read_text(encoding="utf-8")
    assert "Permission is hereby granted" in (STATIC / "LICENSE-pico.txt").read_text(encoding="utf-8")
