"""docs/capabilities.md names files and tests that exist, for every row."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "capabilities.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and "test_" in line]
IDS = [*(f"B{n}" for n in range(5, 14)), *(f"C{n}" for n in range(1, 17)), *(f"D{n}" for n in range(1, 7))]


def functions() -> set[str]:
    """Every test there is, by name."""
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def test_every_row_is_there():
    """In order, none twice; and below them what has no row of its own."""
    assert [row[0] for row in ROWS if re.fullmatch(r"[BCD]\d+", row[0])] == IDS
    assert len(ROWS) > len(IDS)


def test_every_test_that_the_page_names_exists():
    """A test that is renamed or removed is missed here, and so is a row without one."""
    known = functions()
    for row in ROWS:
        named = re.findall(r"test_\w+", row[-1])
        assert named, row[0]
        assert set(named) <= known, (row[0], sorted(set(named) - known))


def test_every_file_that_the_page_names_exists():
    """Files and folders of the sources."""
    for name in re.findall(r"`([\w/]+(?:\.py|/))`", PAGE):
        assert (ROOT / name).exists(), name
