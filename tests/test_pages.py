"""What README and docs name is there: files, commands, options, modules, tests."""

import argparse
import ast
import re
from pathlib import Path

import pytest

from brain.strategies.loader import names as strategies
from engine.venue.embedded.faults.kinds import KINDS
from orchestrator import cli, indicate
from shm.records import Kill, Reason

ROOT = Path(__file__).resolve().parent.parent
PAGES = {path.name: path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
FILES = [
    path.relative_to(ROOT).as_posix()
    for folder in ("shm", "feed", "brain", "engine", "orchestrator", "tests", "benchmarks", "docs")
    for path in (ROOT / folder).rglob("*")
]
A_FILE = re.compile(r"(?:[\w-]+/)+[\w-]+\.(?:py|md|toml)\b|\b(?:test_\w+|\w+)\.(?:py|md|toml)\b")
WRITTEN_BY_THE_READER = {"my_cross.py", "my_structure.py", "my.py", "mine.py", "faults.toml", "NAME.py"}
COMMAND = re.compile(r"python3? run\.py +([^\n`#|]*)")
MODULE = re.compile(r"python3? -m (tests[\w.]+)")


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """Every option that ``parser`` knows."""
    return set(re.findall(r"--[a-z][\w-]*", parser.format_help()))


def known() -> dict[str, set[str]]:
    """The options of each command, and of none."""
    top = cli.parser()
    commands = {name: options_of(sub) for name, sub in top.commands.items()}
    each = indicate.parser(cli.Parser, str)
    commands["indicator"] |= {"--data", "--out", "--timeframe", "--bridge-gaps", "--json"} | options_of(each)
    return commands | {"": options_of(top)}


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_file_that_a_page_names_is_there(page: str):
    """By its path, or by the end of it."""
    named = set(A_FILE.findall(PAGES[page].read_text(encoding="utf-8"))) - WRITTEN_BY_THE_READER
    there = set(FILES) | {path.name for path in ROOT.iterdir()}
    lost = [
        name
        for name in sorted(named)
        if name.rpartition("/")[2] not in WRITTEN_BY_THE_READER
        and not any(file == name or file.endswith(f"/{name}") for file in there)
    ]
    assert lost == []


def test_every_command_that_a_page_names_is_there():
    """With each of its options; a word behind run.py is a command or an option."""
    commands, found, wrong = known(), 0, []
    for page, path in PAGES.items():
        for line in COMMAND.findall(path.read_text(encoding="utf-8")):
            words = line.split()
            name = words[0] if words and not words[0].startswith("-") else ""
            if name == "agent":  # how the supervisor starts a process
                continue
            found += 1
            if name.rstrip(",") not in commands:
                wrong.append(f"{page}: {line}")
                continue
            options = {word for word in words if re.fullmatch(r"--[a-z][\w-]*", word)}
            if name == "indicator":
                options = {option for option in options if not option.endswith("-period")}  # each indicator's own
            wrong += [f"{page}: {option} in {line}" for option in options - commands[name.rstrip(",")] - {"--help"}]
    assert wrong == []
    assert found > 25


def test_every_module_that_a_page_runs_is_there():
    """``python -m tests.stress.protocol`` and its like, which have a ``__main__`` to run."""
    named = {name for path in PAGES.values() for name in MODULE.findall(path.read_text(encoding="utf-8"))}
    lost = [name for name in sorted(named) if f"{name.replace('.', '/')}.py" not in FILES]
    assert lost == []
    idle = [name for name in named if "__main__" not in (ROOT / f"{name.replace('.', '/')}.py").read_text("utf-8")]
    assert idle == []
    assert len(named) >= 7


def test_every_test_that_a_page_names_is_there():
    """A test that is renamed is renamed on the pages too."""
    tests = {
        node.name
        for file in FILES
        if file.startswith("tests/") and file.endswith(".py")
        for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    files = {Path(file).stem for file in FILES}
    named = {name for path in PAGES.values() for name in re.findall(r"\btest_\w+", path.read_text(encoding="utf-8"))}
    assert sorted(named - tests - files) == []
    assert len(named) > 80


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("faults.md", [f"| `{kind}` |" for kind in KINDS]),
        ("strategy.md", [reason.name for reason in Reason]),
        ("strategy.md", [f"| `{name}` |" for name in strategies()]),
        ("operation.md", [f"| {level.name} |" for level in Kill]),
    ],
)
def test_a_page_with_a_list_has_all_of_it(page: str, names: list[str]):
    """Faults, reasons, strategies and levels of the kill switch."""
    text = PAGES[page].read_text(encoding="utf-8")
    assert [name for name in names if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)] == []
    assert len(names) >= 5


def test_every_command_is_on_a_page():
    """What ``--help`` lists, README or docs tell of."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in PAGES.values())
    commands = cli.parser().commands
    assert [name for name in commands if not re.search(rf"`(?:python run\.py )?{name}\b", text)] == []
    assert len(commands) > 15
