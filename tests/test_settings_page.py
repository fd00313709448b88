"""The page of settings: every one stands there or where it points to, with the default that is in force."""

import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from orchestrator.settings import Settings, assemble
from orchestrator.universe import UniverseSettings

DOCS = Path(__file__).parents[1] / "docs"
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \|")
ELSEWHERE = {  # sections whose settings are explained with what they do
    "engine.sizing": "trading.md",
    "engine.risk": "trading.md",
    "engine.breaker": "trading.md",
    "engine.exits": "trading.md",
    "engine.executor": "trading.md",
    "market": "exchange.md",
}
# A section that is not there unless somebody asks for it.
OPTIONAL = {"market": {"universe": UniverseSettings()}}


def leaves(record: object, path: str = "") -> dict[tuple[str, str], object]:
    """Section, name and default of every setting of ``record``."""
    found: dict[tuple[str, str], object] = {}
    for field in fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        optional = OPTIONAL.get(path, {}).get(field.name)
        if optional is not None:
            found |= leaves(optional, f"{path}.{field.name}") if value is None else {}
        if is_dataclass(value):
            found |= leaves(value, f"{path}.{field.name}".lstrip("."))
        else:
            found[path, field.name] = value
    return found


def rows() -> dict[tuple[str, str], str]:
    """Section, name and default of every row of the page."""
    found: dict[tuple[str, str], str] = {}
    section = ""
    for line in (DOCS / "settings.md").read_text().splitlines():
        if line.startswith("## "):
            section = line.partition("[")[2].partition("]")[0]
        elif match := ROW.match(line):
            found[section, match[1]] = match[2].strip()
    return found


def worded(value: object) -> str:
    """A default as the page has it."""
    if value is None:
        return "none"
    if isinstance(value, tuple | dict):
        return ", ".join(value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


LEAVES, ROWS = leaves(Settings()), rows()


@pytest.mark.parametrize(("section", "name"), sorted(LEAVES))
def test_every_setting_is_explained_once(section: str, name: str):
    """In a row of the page with its default, or in code font on the page that its section points to."""
    if (section, name) in ROWS:
        assert ROWS[section, name] == worded(LEAVES[section, name])
        return
    page = (DOCS / ELSEWHERE[section]).read_text()
    assert re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", page), f"{section}.{name} stands on no page"


def test_the_paper_profile_differs_from_the_defaults_where_the_page_says_so():
    """Nothing else: what the profile repeats for its readers is the default."""
    paper = leaves(assemble("paper", None, [], {}))
    differs = {".".join(name): value for name, value in paper.items() if value != LEAVES[name]}
    assert differs == {"engine.executor.unknown_horizon_ms": 2000}
    assert "`engine.executor.unknown_horizon_ms` 2000" in (DOCS / "settings.md").read_text()


def test_the_page_explains_nothing_that_does_not_exist():
    """A setting that was renamed or taken out is missed here."""
    assert set(ROWS) <= set(LEAVES)
    assert len(ROWS) > 40, "the page can be read"
