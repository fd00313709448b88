"""docs/invariants.md names tests that exist, for every invariant and every incident of orders."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = (ROOT / "docs" / "invariants.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (I\d+|INC-\d+(?:, INC-\d+)*) \|(.*)\|$", re.MULTILINE)


def named() -> dict[str, list[str]]:
    """The tests that the page names, by id."""
    found: dict[str, list[str]] = {}
    for ids, rest in ROW.findall(TABLE):
        for one in ids.split(", "):
            found[one] = re.findall(r"test_\w+", rest)
    return found


def sentences() -> dict[str, str]:
    """Every test's own sentence."""
    return {
        node.name: ast.get_docstring(node) or ""
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_test_that_the_page_names_exists():
    """A test that is renamed or removed is missed here."""
    tests = set(sentences())
    missing = {one: sorted(set(names) - tests) for one, names in named().items() if set(names) - tests}
    assert missing == {}


def test_every_row_has_a_test_that_says_its_id():
    """In its name or in its sentence, so that whoever reads the test finds the row."""
    tests = sentences()
    unsaid = [
        one
        for one, names in named().items()
        if one.startswith("I")
        and "-" not in one
        and not any(re.search(rf"\b{one}\b", tests[name]) or f"_{one.lower()}_" in name for name in names)
    ]
    assert unsaid == []


def test_every_online_check_that_the_page_names_exists():
    """What is written as code in the column of checks is a name of the sources, or a command."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "engine").rglob("*.py"))
    for one, rest in ROW.findall(TABLE):
        if "-" not in one:
            for name in re.findall(r"`([\w.]+)`", rest.split("|")[1]):
                assert re.search(rf"\b{name.rpartition('.')[2]}\b", sources), (one, name)


def test_every_invariant_and_thirty_incidents_have_a_test():
    """I1 to I22 are all there, each with a test; so are at least thirty incidents."""
    page = named()
    assert [one for one in page if one.startswith("I") and "-" not in one] == [f"I{n}" for n in range(1, 23)]
    assert all(page.values())
    assert len([one for one in page if one.startswith("INC")]) >= 30
