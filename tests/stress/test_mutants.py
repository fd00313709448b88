"""Planted bugs stand where they are planted, and the tool tells a bug from none; ``python -m tests.stress.mutants``."""

import ast
from random import Random

from tests.stress import mutants, planted


def test_thirty_bugs_are_planted_and_each_changes_one_place():
    """Every quoted line is in its file exactly once, and what it becomes still parses."""
    sources = planted.sources(mutants.ROOT)
    assert len(sources) >= 30
    for name, path, source, _ in sources:
        assert source != (mutants.ROOT / path).read_text(encoding="utf-8"), name
        ast.parse(source)


def test_a_bug_is_caught_and_no_bug_is_not():
    """The tests of risk notice a worst case that forgets what is open, and let the real one pass."""
    name = "the worst case forgets what is open"
    (bug,) = [mutants.Mutant(*one) for one in planted.sources(mutants.ROOT) if one[0] == name]
    assert mutants.verdict(bug) == mutants.CAUGHT
    assert mutants.verdict(mutants.unchanged("engine/risk.py")) == mutants.SURVIVED


def test_changes_by_chance_are_changes():
    """Each differs from the file, all differ from one another, and the same seed makes the same ones."""
    made = mutants.by_machine("engine/ledger.py", 40, Random(3))
    plain = ast.unparse(ast.parse((mutants.ROOT / "engine/ledger.py").read_text(encoding="utf-8")))
    assert len({one.source for one in made} | {plain}) == 41
    assert made == mutants.by_machine("engine/ledger.py", 40, Random(3))
