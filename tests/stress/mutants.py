"""Bugs planted on purpose, and whether the tests notice: ``python -m tests.stress.mutants [--machine 100 --seed 1]``.

Thirty-one were planted by hand from the incidents of others (planted.py); ``--machine`` changes operators, constants
and conditions by chance.  Nothing is written to the tree: a forked child imports the changed source of one module and
runs the named tests in it.  A bug is caught when a test fails or does not come to an end.
"""

import argparse
import ast
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from random import Random
from types import ModuleType
from typing import NamedTuple

import ccxt
import msgspec
import numba
import numpy
import pytest
from hypothesis import settings

from tests.stress import planted

ROOT = Path(__file__).parents[2]
CAUGHT, SURVIVED = "caught", "survived"
PATIENCE_S = 90
OURS = ("engine", "orchestrator", "shm", "tests")
COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}  # fmt: skip
TESTS = {
    "engine/order.py": ("test_order", "test_incidents"),
    "engine/journal.py": ("test_journal", "test_versions", "test_crash_images"),
    "engine/ledger.py": ("test_ledger", "test_books", "test_opening", "test_instrument_life", "test_incidents"),
    "engine/risk.py": ("test_risk", "test_incidents"),
    "engine/exits.py": (
        "test_exits",
        "test_endings",
        "test_core",
        "test_protection",
        "test_remainders",
        "test_incidents",
    ),
    "engine/trip.py": ("test_trip", "test_endings"),
}  # fmt: skip


class Mutant(NamedTuple):
    """One change of one file, and the tests that ought to see it."""

    name: str
    path: str
    source: str
    tests: tuple[str, ...]


class Changed(MetaPathFinder, Loader):
    """Imports one module from another source than its file's."""

    def __init__(self, mutant: Mutant) -> None:
        """Know its name."""
        self._name = mutant.path.removesuffix(".py").replace("/", ".")
        self._mutant = mutant

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Claim that module alone."""
        if name != self._name:
            return None
        return spec_from_loader(name, self, origin=str(ROOT / self._mutant.path))

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed source."""
        code = compile(self._mutant.source, str(ROOT / self._mutant.path), "exec")
        exec(code, module.__dict__)


def verdict(mutant: Mutant) -> str:
    """Whether the named tests notice it."""
    child = os.fork()
    if child == 0:
        _examine(mutant)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return SURVIVED if os.waitstatus_to_exitcode(status) == 0 else CAUGHT
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return CAUGHT


def _examine(mutant: Mutant) -> None:
    settings.register_profile("mutants", max_examples=40, deadline=None)
    settings.load_profile("mutants")
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]  # whoever forked us may know the module as it is
    sys.meta_path.insert(0, Changed(mutant))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    files = [str(ROOT / "tests" / "engine" / f"{name}.py") for name in mutant.tests]
    code = 1
    try:
        code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--timeout=0", "--assert=plain", *files]))
    finally:
        os._exit(code)


def unchanged(path: str) -> Mutant:
    """No bug at all: what the tests make of it has to be nothing."""
    return Mutant("no bug", path, (ROOT / path).read_text(encoding="utf-8"), TESTS[path])


def by_machine(path: str, count: int, random: Random) -> list[Mutant]:
    """``count`` changes of a file, by chance; all of them when it has fewer."""
    source = (ROOT / path).read_text(encoding="utf-8")
    places = list(changes(ast.parse(source)))
    chosen = sorted(random.sample(range(len(places)), min(count, len(places))))
    mutants = []
    for number in chosen:
        tree = ast.parse(source)
        name, change = list(changes(tree))[number]
        change()
        mutants.append(Mutant(name, path, ast.unparse(tree), TESTS[path]))
    return mutants


def changes(tree: ast.Module) -> Iterator[tuple[str, Callable[[], None]]]:
    """Every change that can be made, in words and as a deed; how a class is declared (frozen, slots) is no deed."""
    declared = _declarations(tree)
    for node in ast.walk(tree):
        if id(node) in declared:
            continue
        match node:
            case ast.Compare(ops=[operator]) if type(operator) in COMPARED:
                yield _words(node), lambda it=node: setattr(it, "ops", [COMPARED[type(it.ops[0])]()])
            case ast.BinOp(op=operator) if type(operator) in COMPUTED and not _is_text(node):
                yield _words(node), lambda it=node: setattr(it, "op", COMPUTED[type(it.op)]())
            case ast.BoolOp():
                other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
                yield _words(node), lambda it=node, op=other: setattr(it, "op", op)
            case ast.UnaryOp(op=ast.Not() | ast.USub()):
                yield _words(node), lambda it=node: setattr(it, "op", ast.UAdd() if _minus(it) else _twice(it))
            case ast.Constant(value=bool() as value):
                yield _words(node), lambda it=node, to=not value: setattr(it, "value", to)
            case ast.Constant(value=int() as value) if value < 1000:
                yield _words(node), lambda it=node, to=value + 1: setattr(it, "value", to)
            case ast.If():
                yield (
                    f"line {node.lineno}: never {ast.unparse(node.test)}",
                    lambda it=node: setattr(it, "test", ast.Constant(False)),
                )


def _declarations(tree: ast.Module) -> dict[int, ast.AST]:
    """Nodes of decorators and of class keywords, by identity."""
    outside: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            outside += [*node.decorator_list, *node.keywords]
    return {id(part): part for node in outside for part in ast.walk(node)}


def _minus(node: ast.UnaryOp) -> bool:
    return isinstance(node.op, ast.USub)


def _twice(node: ast.UnaryOp) -> ast.unaryop:
    node.operand = ast.UnaryOp(ast.Not(), node.operand)
    return ast.Not()


def _is_text(node: ast.BinOp) -> bool:
    return any(isinstance(side, ast.Constant | ast.JoinedStr) and not _number(side) for side in (node.left, node.right))


def _number(side: ast.expr) -> bool:
    return isinstance(side, ast.Constant) and isinstance(side.value, int)


def _words(node: ast.expr) -> str:
    return f"line {node.lineno}: {ast.unparse(node)}"


def main() -> int:
    """Plant them all, print what became of each, and the score."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--machine", type=int, default=0, help="instead: so many changes by chance in each file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="files whose path contains this")
    typed = parser.parse_args()
    assert all((ccxt, msgspec, numba, numpy)), "imported once, before the forks"
    for path in [path for path in TESTS if typed.only in path]:
        assert verdict(unchanged(path)) == SURVIVED, f"the tests of {path} fail without any bug"
    random = Random(typed.seed)
    work = [] if typed.machine else [Mutant(*one) for one in planted.sources(ROOT)]
    for path in TESTS:
        work += by_machine(path, typed.machine, random)
    results = {}
    for mutant in work:
        if typed.only in mutant.path:
            results[mutant] = verdict(mutant)
            print(f"{results[mutant]:9} {mutant.path}: {mutant.name}", flush=True)
    caught = sum(result == CAUGHT for result in results.values())
    print(f"{caught} of {len(results)} caught, {caught / len(results):.1%}")
    return 0 if caught == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
