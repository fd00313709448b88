"""docs/strategy.md, block by block, as a newcomer would: in an empty folder, in the order of the page."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from brain.strategies import loader
from shm.records import Reason
from tests.brain.market import walk
from tests.brain.strategies.trading import decided, same_from

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "strategy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PYTHON = [text for kind, text in BLOCKS if kind == "python"]
SHELL = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
CROSS, CANDLES, STRUCTURE = PYTHON


@pytest.fixture
def folder(tmp_path):
    """A newcomer's folder with what the page had saved there."""
    (tmp_path / "my_cross.py").write_text(CROSS, encoding="utf-8")
    (tmp_path / "my_structure.py").write_text(STRUCTURE, encoding="utf-8")
    subprocess.run([sys.executable, "-c", CANDLES], cwd=tmp_path, check=True)
    return tmp_path


def typed(line, folder):
    """Run a command of the page in ``folder``; what it printed."""
    line = line.replace("python run.py", f"{sys.executable} {ROOT / 'run.py'}").replace(
        "python -c", f"{sys.executable} -c"
    )
    line = line.replace("(python", f"({sys.executable}")
    done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_block_is_known():
    """Three files to save and five commands to type; a new block has to be run here too."""
    assert {kind for kind, _ in BLOCKS} == {"python", "sh"}
    assert len(PYTHON) == 3
    assert [line.split()[2] for line in SHELL] == ["backtest", "--paper", "why", "backtest", "backtest"]


def test_a_cross_takes_less_than_thirty_lines():
    """Counted whole, empty lines too."""
    assert len(CROSS.splitlines()) < 30


@pytest.mark.parametrize("name", ["my_cross", "my_structure"])
def test_the_files_are_strategies(folder, name):
    """They load, trade both sides, and forget where the data began."""
    path = str(folder / f"{name}.py")
    assert len(loader.load(path).values) == (3 if name == "my_structure" else 0)
    candles = walk(3000)
    early, late = decided(path, candles), decided(path, candles[200:])
    assert {Reason.LONG, Reason.SHORT, Reason.HELD} <= set(late["reason"].tolist())
    assert same_from(early, late) < 600


def test_every_reason_is_on_the_page():
    """Those of the closed list, and no others."""
    rows = re.findall(r"^\| ([A-Z, ]+) \|", PAGE, re.MULTILINE)
    assert sorted(name for row in rows for name in row.split(", ")) == sorted(reason.name for reason in Reason)


def test_every_strategy_is_on_the_page():
    """Those of the package, and no others."""
    assert sorted(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == loader.names()


def test_the_backtests_run(folder):
    """As typed: the report has trades, and a setting that is turned gives others."""
    first, _, _, turned, structured = SHELL
    printed = typed(first, folder)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert len(report["trades"]) > 10
    assert typed(turned, folder) != printed
    assert "my_structure" in typed(structured, folder)


@pytest.mark.stress
@pytest.mark.timeout(240)
def test_the_session_runs_and_says_why(folder):
    """As typed: twenty seconds of paper trading, then the last decision in words."""
    _, paper, why, _, _ = SHELL
    assert "first decision" in typed(paper, folder)
    assert re.search(r"BTC: (stay|go) (long|short)", typed(why, folder))
