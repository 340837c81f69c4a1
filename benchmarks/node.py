"""Express: the contender that is not in Python. What it needs is fetched by npm the first time."""

import shutil
import subprocess

from benchmarks.contenders import ROOT, SECRET, Contender
from benchmarks.turns import say

DIRECTORY = ROOT / "benchmarks" / "express"
EXPRESS = "Express on node"


def express(script: str, **environment: str) -> Contender:
    """Return the contender that runs one of the scripts."""
    own = {"NODE_ENV": "production", "BENCH_SECRET": SECRET, **environment}
    return Contender(EXPRESS, f"node {script}", own, DIRECTORY)


def express_is_missing() -> str | None:
    """Install what Express needs; return why it cannot be measured, or None if it can."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        return f"{missing[0]} is not installed"
    wanted, stamp = DIRECTORY / "package.json", DIRECTORY / "node_modules" / ".installed"
    if stamp.exists() and stamp.stat().st_mtime > wanted.stat().st_mtime:
        return None
    command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        subprocess.run(command, cwd=DIRECTORY, check=True, capture_output=True, timeout=180)
    except (OSError, subprocess.SubprocessError) as error:
        return f"npm install failed ({type(error).__name__})"
    stamp.touch()
    return None


def measurable(contenders: list[Contender], notes: list[str]) -> list[Contender]:
    """Return those that can be measured here: all but Express, where that cannot, which is said and noted then."""
    why_not = express_is_missing()
    if not why_not:
        return contenders
    notes.append(f"{EXPRESS} is left out: {why_not}.")
    say(notes[-1])
    return [contender for contender in contenders if contender.name != EXPRESS]


def version() -> str:
    """Return the version of node; nothing if there is none."""
    if shutil.which("node") is None:
        return ""
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=30, check=False)
    return said.stdout.strip().removeprefix("v")
