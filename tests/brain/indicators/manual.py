"""The table of docs/indicators.md, of what stands beside each kernel: ``python -m tests.brain.indicators.manual``."""

from pathlib import Path

from brain.indicators.indicator import Indicator, catalogue

PAGE = Path(__file__).resolve().parents[3] / "docs" / "indicators.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"


def row(one: Indicator) -> str:
    """Return the line of ``one``."""
    options = " ".join(f"{name}={value:g}" for name, value in one.parameters.items())
    first = ", ".join(str(n) for n in dict.fromkeys(one.firsts(one.parameters)))
    settled = "the market decides" if one.settled is None else str(one.settled(**one.parameters))
    if one.accumulates:
        settled += " (its changes)"
    family = one.step.py_func.__module__.rsplit(".", 1)[1]
    cells = (one.name, family, one.title, ", ".join(one.outputs), options, first, settled, one.origin, one.difference)
    return "| " + " | ".join(cells) + " |"


def table() -> str:
    """Return the whole table."""
    head = "| name | file | what | outputs | usual | first | settled | source | difference |\n|" + "---|" * 9
    return head + "\n" + "\n".join(row(one) for _, one in sorted(catalogue().items())) + "\n"


def written(page: str) -> str:
    """Return ``page`` with the table of today in its place."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
