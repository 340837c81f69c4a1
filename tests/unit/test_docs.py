"""What the documents point at is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    *sorted([*ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/*.md")]),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", document.read_text())
    local = [link.partition("#")[0] for link in links if "://" not in link]

    assert [link for link in local if link and not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_is_named_is_there(document: Path) -> None:
    named = re.findall(r"`((?:src|tests|docs|examples|benchmarks)/[\w/.-]+|\.ci/\w+)`", document.read_text())

    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_test_that_the_security_page_names_is_there() -> None:
    text, path, missing = (ROOT / "docs" / "security.md").read_text(), "", []
    named = re.findall(r"`(tests/[\w/.]+\.py)?(?:::(\w+))?`", text)
    for file, test in named:
        path = file or path
        code = (ROOT / path).read_text() if (ROOT / path).is_file() else ""
        if (test and f"def {test}(" not in code) or not code:
            missing.append(f"{path}::{test}")

    assert len([test for _, test in named if test]) > 80
    assert missing == []


def test_every_requirement_on_the_security_page_is_there_once_with_its_test_or_why_it_has_none() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    rows = re.findall(r"^\| (\d+\.\d+\.\d+[^|]*?) \|.*\| ([^|]+) \|$", text, re.M)
    numbers = [number for asked, _ in rows for number in re.findall(r"\d+\.\d+\.\d+", asked)]

    assert [number for number in numbers if numbers.count(number) > 1] == []
    assert [asked for asked, test in rows if "`tests/" not in test and not re.match("nothing to test|as ", test)] == []
