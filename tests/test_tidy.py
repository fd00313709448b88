"""The house rules, each one a test over the syntax trees of our own source."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("shm", "feed", "brain", "engine", "orchestrator")
MAY_IMPORT = {
    "shm": {"shm"},
    "feed": {"feed", "shm"},
    "brain": {"brain", "shm"},
    "engine": {"engine", "shm"},
    "orchestrator": set(PACKAGES),
}
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

# Who may touch the world; everything else is told.
CCXT = {"feed/source.py", "engine/venue/live.py", "engine/venue/client.py"}
NJIT = {"shm/jit.py", "shm/atomics.py"}
EDGES = re.compile(
    r"^(shm/(clock|wait|log|agent|segment|memory)|feed/(source|agent|backfill|registry)|engine/(agent|journal)"
    r"|engine/venue/(live|client)|engine/venue/embedded/[\w/]+|orchestrator/.*|brain/agent)\.py$|^run\.py$"
)
WORLD = {"time", "random", "uuid", "socket", "secrets"}
BANNED = {
    "prange": "kernels are sequential",
    "pickle": "data files are not programs; use msgspec or numpy",
    "time.time": "shm.clock: wall_ns() or monotonic_ns()",
    "datetime.now": "shm.clock: wall_ns()",
    "multiprocessing.shared_memory": "shm.segment: the tracker unlinks live segments",
    "joblib": "loading runs code",
}


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of ``path``."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name_of(path: Path) -> str:
    """Return ``path`` as it is written in a report."""
    return path.relative_to(ROOT).as_posix()


SOURCES = sorted([*(p for package in PACKAGES for p in (ROOT / package).rglob("*.py")), ROOT / "run.py"])
TESTS = sorted(p for p in (ROOT / "tests").rglob("*.py"))
BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))
EVERYTHING = [*SOURCES, *TESTS, *BENCHMARKS]


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything that ``path`` imports."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of ``path``."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def dotted(node: ast.expr) -> str:
    """Return ``a.b.c`` for an attribute chain, else an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (head := dotted(node.value)):
        return f"{head}.{node.attr}"
    return ""


def complain(findings: list[str]) -> None:
    """Fail with one line a finding."""
    if findings:
        pytest.fail("\n" + "\n".join(findings), pytrace=False)


def test_imports_point_downwards():
    """shm <- feed, brain, engine <- orchestrator; never sideways."""
    assert len(SOURCES) > 200, "the rules below would say nothing of no files"
    complain(
        [
            f"{name_of(path)}:{line}: {path.relative_to(ROOT).parts[0]} must not import {name}"
            for path in SOURCES
            if path.name != "run.py"
            for line, name in imported(path)
            if name.split(".")[0] in PACKAGES and name.split(".")[0] not in MAY_IMPORT[path.relative_to(ROOT).parts[0]]
        ]
    )


def test_functions_fit_on_a_screen():
    """No function is longer than sixty lines."""
    complain(
        [
            f"{name_of(path)}:{f.lineno}: {f.name} has {f.end_lineno - f.lineno + 1} lines"
            for path in EVERYTHING
            for f in functions(path)
            if (f.end_lineno or 0) - f.lineno + 1 > FUNCTION_LINES_MAX
        ]
    )


def test_files_stay_small():
    """No file is longer than four hundred lines."""
    sizes = {path: path.read_text(encoding="utf-8").count("\n") for path in EVERYTHING}
    complain([f"{name_of(path)}: {lines} lines" for path, lines in sizes.items() if lines > FILE_LINES_MAX])


def test_every_file_says_what_it_is_for():
    """A file opens with a docstring."""
    complain([f"{name_of(path)}: no docstring" for path in EVERYTHING if not ast.get_docstring(tree(path))])


def test_every_test_states_its_fact():
    """A test's docstring is the sentence that it proves."""
    complain(
        [
            f"{name_of(path)}:{f.lineno}: {f.name} has no docstring"
            for path in TESTS
            for f in functions(path)
            if f.name.startswith("test_") and not ast.get_docstring(f)
        ]
    )


def test_every_exception_is_caught_on_purpose():
    """A bare or broad except raises again."""
    findings = []
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.ExceptHandler):
                continue
            broad = node.type is None or dotted(node.type) in ("Exception", "BaseException")
            if broad and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
                findings.append(f"{name_of(path)}:{node.lineno}: a broad except that does not raise")
    complain(findings)


def test_coroutines_never_block():
    """No time.sleep, no synchronous request inside an async def."""
    complain(
        [
            f"{name_of(path)}:{call.lineno}: {f.name} blocks its event loop with {dotted(call.func)}"
            for path in SOURCES
            for f in functions(path)
            if isinstance(f, ast.AsyncFunctionDef)
            for call in ast.walk(f)
            if isinstance(call, ast.Call)
            and dotted(call.func) in ("time.sleep", "subprocess.run", "requests.get", "input")
        ]
    )


def test_banned_names_stay_out():
    """Each banned name has its replacement."""
    findings = []
    for path in SOURCES:
        for line, name in imported(path):
            findings += [
                f"{name_of(path)}:{line}: {name}: {why}" for bad, why in BANNED.items() if name.startswith(bad)
            ]
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute) and (why := BANNED.get(dotted(node))):
                findings.append(f"{name_of(path)}:{node.lineno}: {dotted(node)}: {why}")
    complain(findings)


def test_the_world_is_touched_at_the_edges_only():
    """Clocks, randomness and sockets are handed in everywhere else."""
    complain(
        [
            f"{name_of(path)}:{line}: {name} belongs to an edge module; take it as an argument"
            for path in SOURCES
            if not EDGES.match(name_of(path))
            for line, name in imported(path)
            if name.split(".")[0] in WORLD
        ]
    )


def test_ccxt_stays_in_its_files():
    """Only the two edges of the outside world know ccxt."""
    complain(
        [
            f"{name_of(path)}:{line}: ccxt is imported in {', '.join(sorted(CCXT))} only"
            for path in SOURCES
            if name_of(path) not in CCXT
            for line, name in imported(path)
            if name.split(".")[0] == "ccxt"
        ]
    )


def test_njit_stays_in_its_file():
    """One file sets nopython mode, the error model and the cache."""
    complain(
        [
            f"{name_of(path)}:{node.lineno}: use shm.jit.kernel"
            for path in SOURCES
            if name_of(path) not in NJIT
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Attribute | ast.Name) and dotted(node) in ("njit", "numba.njit", "numba.jit", "jit")
        ]
    )


def test_every_module_is_used():
    """A module that nothing imports is dead."""
    names = {name for path in EVERYTHING for _, name in imported(path)}
    prefixes = {".".join(name.split(".")[:n]) for name in names for n in range(1, 6)}
    loaded_by_name = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    complain(
        [
            f"{name_of(path)}: nothing imports it"
            for path in SOURCES
            if path.name not in ("__init__.py", "run.py")
            and name_of(path.parent) != "brain/strategies"  # found by walking
            and (module := name_of(path)[:-3].replace("/", ".")) not in prefixes
            and f'"{module.rsplit(".", 1)[1]}"' not in loaded_by_name
        ]
    )


def test_every_public_function_is_used():
    """A public function or class that nobody mentions is dead."""
    words: dict[str, int] = {}
    for path in EVERYTHING:
        for word in re.findall(r"[A-Za-z_]\w+", path.read_text(encoding="utf-8")):
            words[word] = words.get(word, 0) + 1
    complain(
        [
            f"{name_of(path)}:{node.lineno}: {node.name} is never used"
            for path in SOURCES
            for node in tree(path).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and words[node.name] < 2
        ]
    )


def test_every_setting_is_read():
    """A settings field that no code reads does nothing."""
    attributes = {node.attr for path in SOURCES for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    complain(
        [
            f"{name_of(path)}:{field.lineno}: {node.name}.{field.target.id} is read nowhere"
            for path in SOURCES
            if path.name == "settings.py"
            for node in tree(path).body
            if isinstance(node, ast.ClassDef)
            for field in node.body
            if isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and field.target.id not in attributes
        ]
    )


def test_every_figure_is_taken():
    """A counter, gauge or hop that nobody writes stays 0, and its alarm never rings."""
    home = ROOT / "shm" / "counters.py"
    mentioned = {dotted(n) for path in SOURCES if path != home for n in ast.walk(tree(path)) if isinstance(n, ast.expr)}
    declared = [
        f"{node.name}.{line.targets[0].id}"
        for node in tree(home).body
        if isinstance(node, ast.ClassDef) and node.name in ("Counter", "Gauge", "Hop")
        for line in node.body
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
    ]
    assert len(declared) > 40
    complain([f"shm/counters.py: {name} is written nowhere" for name in declared if name not in mentioned])


def test_every_source_file_has_its_mirrored_test():
    """shm/ring.py is tested in tests/shm/test_ring.py."""
    complain(
        [
            f"{name_of(path)}: no tests/{path.relative_to(ROOT).parent.as_posix()}/test_{path.name}"
            for path in SOURCES
            if path.name not in ("__init__.py", "run.py")
            and not (ROOT / "tests" / path.relative_to(ROOT).parent / f"test_{path.name}").exists()
        ]
    )


def test_nothing_is_left_for_later():
    """No note to self lands on main."""
    marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
    complain([name_of(path) for path in EVERYTHING if marks.search(path.read_text(encoding="utf-8"))])


def test_only_risk_approves():
    """Approved is built in engine/risk.py; everyone else receives it."""
    complain(
        [
            f"{name_of(path)}:{node.lineno}: Approved is built in engine/risk.py"
            for path in SOURCES
            if name_of(path) != "engine/risk.py"
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] == "Approved"
        ]
    )


def test_no_mutable_default():
    """A default argument is never a list, a dict or a set."""
    complain(
        [
            f"{name_of(path)}:{f.lineno}: {f.name} has a mutable default"
            for path in SOURCES
            for f in functions(path)
            for default in [*f.args.defaults, *f.args.kw_defaults]
            if isinstance(default, ast.List | ast.Dict | ast.Set)
        ]
    )
