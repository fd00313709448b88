"""Load a strategy: a module of ours by name or a user's file by path; check, hash, compile, try.

    find -> imports allowed? -> import -> Settings, STATE, decide? -> compile -> trial run -> Strategy

Whatever is wrong with it is one line that names the file and, where there is one, the line.
"""

import ast
import dataclasses
import difflib
import hashlib
import importlib.util
import linecache
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import numba
import numpy as np
from numba.core.errors import NumbaError

from brain.diagnosis import cause, deepest, line_in
from brain.indicators.indicator import SEEN, SETTLES, record_of
from brain.strategies.base import MARKET as SHOWN
from brain.strategies.base import POSITION as HELD
from brain.strategies.base import WORKING
from brain.timeframes import base_of, seconds_named
from shm.atomics import copy_record
from shm.jit import address_of, call5, compiled, kernel, record_at
from shm.records import MARKET, POSITION, MarketKind, Reason
from shm.topology import HISTORY_DEPTH

ALLOWED = ("brain", "numpy", "math", "dataclasses")
REFUSED = ("numpy.random",)  # a replay would draw other numbers
OPEN = ("brain.indicators", "brain.strategies", "brain.timeframes")
HERE = Path(__file__).parent
OURS = ("base", "loader", "__init__")
TRIAL_CANDLES = 4096
VALUES_MAX = 3
SPOT = "SPOT"  # what a module calls the field for its spot's candle
_CONFIG: Any = numba.config  # its fields are made at run time


class StrategyError(ValueError):
    """A strategy that cannot be used, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A strategy that is compiled and was tried."""

    name: str
    digest: str  # sha256 of its file
    settings: np.ndarray[Any, np.dtype[np.void]]
    state: np.dtype[np.void]
    decide: int  # address
    timeframes_s: tuple[int, ...]  # ascending
    values: tuple[str, ...]
    waits: tuple[tuple[int, int], ...]  # offsets in ``state`` of the seen and settles that decisions wait for
    settles: int  # candles until the slowest of them has settled
    other_at: int  # offset in ``state`` of the partner's candle; -1: it looks at one instrument
    spot_at: int  # offset in ``state`` of the spot's candle; -1: it does not look at it
    module: ModuleType  # keeps the compiled code alive


def names() -> list[str]:
    """Return the strategies of ours, by name."""
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem not in OURS)


def load(which: str, chosen: Mapping[str, Any] | None = None) -> Strategy:
    """Return the strategy called ``which``, or in the file of that path, with ``chosen`` settings."""
    path = _find(which)
    source = path.read_bytes()
    digest = hashlib.sha256(source).hexdigest()
    module = _import(path, source, digest)
    settings = record_of(_settings(path, module, chosen or {}))
    state = getattr(module, "STATE", None)
    if not isinstance(state, np.dtype) or state.names is None:
        raise StrategyError(f"{path}: STATE must be a numpy record dtype")
    late = tuple(getattr(module, "LATE", ()))
    if unknown := [name for name in late if name not in state.names]:
        raise StrategyError(f"{path}: LATE names {unknown[0]}, which is not a field of STATE")
    values = tuple(getattr(module, "VALUES", ()))
    if len(values) > VALUES_MAX:
        raise StrategyError(f"{path}: VALUES has room for {VALUES_MAX} names, not {len(values)}")
    timeframes_s = _timeframes(path, module)
    beside = np.array([_candle_in(path, module, state, name) for name in ("PARTNER", SPOT)])
    decide = _compile(path, module, state, settings)
    waits = tuple(_words(state, late))
    settles = _try(path, _Trial(decide, state, settings, timeframes_s, waits, beside))
    return Strategy(
        name=path.stem,
        digest=digest,
        settings=settings,
        state=state,
        decide=decide,
        timeframes_s=timeframes_s,
        values=values,
        waits=tuple((seen, settle) for _, seen, settle in waits),
        settles=settles,
        other_at=int(beside[0]),
        spot_at=int(beside[1]),
        module=module,
    )


def check(which: str) -> None:
    """Refuse a strategy that is not there, is no Python or leans on what it may not; runs nothing of it."""
    path = _find(which)
    if path.parent != HERE:
        _refuse_foreign_imports(path)


def looks_at_spot(which: str) -> bool:
    """Return whether a strategy names a SPOT; runs nothing of it, and what cannot be read names none."""
    try:
        tree = ast.parse(_find(which).read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return False
    named = (
        node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        for node in tree.body
    )
    return any(isinstance(target, ast.Name) and target.id == SPOT for targets in named for target in targets)


def _find(which: str) -> Path:
    if which.endswith(".py") or "/" in which:
        path = Path(which).expanduser().resolve()
        if not path.is_file():
            raise StrategyError(f"{which}: there is no such strategy file")
        return path
    if which in names():
        return HERE / f"{which}.py"
    hint = difflib.get_close_matches(which, names(), 1)
    raise StrategyError(
        f"{which} is not a strategy" + (f"; did you mean {hint[0]}?" if hint else f"; there are {', '.join(names())}")
    )


def _refuse_foreign_imports(path: Path) -> None:
    # one hash has to cover what it does, so it may only lean on what is hashed elsewhere
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise StrategyError(f"{path}:{error.lineno}: {error.msg}") from None
    except UnicodeDecodeError:
        raise StrategyError(f"{path}: is not a text file in UTF-8") from None
    for line, name in _leans_on(tree):
        if name.split(".")[0] not in ALLOWED or name.startswith(REFUSED):
            raise StrategyError(f"{path}:{line}: a strategy imports {', '.join(ALLOWED)}, not {name}")
        if name.startswith("brain.") and not name.startswith(OPEN):
            raise StrategyError(f"{path}:{line}: of brain a strategy imports {', '.join(OPEN)}, not {name}")


def _leans_on(tree: ast.Module) -> Iterator[tuple[int, str]]:
    # line and dotted name of what is imported; and of chance, however it is spelled
    numpys = {"numpy"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
            numpys |= {alias.asname for alias in node.names if alias.name == "numpy" and alias.asname}
        elif isinstance(node, ast.ImportFrom):
            module = "." if node.level else node.module or "."
            yield node.lineno, module
            if module == "numpy":
                yield from ((node.lineno, f"numpy.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.lineno, f"numpy.{node.attr}" if node.value.id in numpys else "numpy"


class _Hashed(SourceFileLoader):
    """Runs the very bytes that were hashed: bytecode kept beside a file is stale after an edit of the same length."""

    def __init__(self, name: str, path: Path, source: bytes) -> None:
        """Take the file's name and what was read of it."""
        super().__init__(name, str(path))
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        """Return the compiled source; it holds the one module."""
        del fullname
        code: CodeType = self.source_to_code(self._source, self.path)
        return code


def _import(path: Path, source: bytes, digest: str) -> ModuleType:
    if path.parent == HERE:
        return importlib.import_module(f"brain.strategies.{path.stem}")
    _refuse_foreign_imports(path)
    name = f"strategy_{path.stem}_{digest[:16]}"  # the same file has the same name: numba's cache looks for it
    spec = importlib.util.spec_from_file_location(name, path, loader=_Hashed(name, path, source))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before decorating: numba rebuilds cached code through it
    linecache.checkcache(str(path))  # the compiler's messages quote the file
    ours = _CONFIG.CACHE_DIR
    _CONFIG.CACHE_DIR = f"{ours}/{digest[:16]}"  # an edit recompiles this file only
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise StrategyError(f"{path}:{_line_of(error, path)}: {type(error).__name__}: {_first_line(error)}") from error
    finally:
        _CONFIG.CACHE_DIR = ours
    return module


def _line_of(error: BaseException, path: Path) -> int:
    # the deepest frame in the user's file
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")


def _settings(path: Path, module: ModuleType, chosen: Mapping[str, Any]) -> dict[str, int | float]:
    kind = getattr(module, "Settings", None)
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        raise StrategyError(f"{path}: Settings must be a frozen dataclass")
    fields = {field.name: field.type for field in dataclasses.fields(kind)}
    if bad := [name for name, type_ in fields.items() if type_ not in (int, float, bool, "int", "float", "bool")]:
        raise StrategyError(f"{path}: Settings.{bad[0]} must be an int, a float or a bool")
    whole = {name for name, type_ in fields.items() if type_ not in (float, "float")}
    for name, value in chosen.items():
        if name not in fields:
            hint = difflib.get_close_matches(name, fields, 1)
            raise StrategyError(f"{path.stem}.{name} is not a setting" + (f"; did you mean {hint[0]}?" if hint else ""))
        if not isinstance(value, int if name in whole else (int, float)):
            raise StrategyError(f"{path.stem}.{name} must be {'an int' if name in whole else 'a float'}, not {value!r}")
    try:
        made = dataclasses.asdict(kind(**chosen))
    except (TypeError, ValueError) as error:
        raise StrategyError(f"{path.stem}: {_first_line(error)}") from error
    return {name: int(value) if name in whole else float(value) for name, value in made.items()}


def _timeframes(path: Path, module: ModuleType) -> tuple[int, ...]:
    chosen = tuple(getattr(module, "TIMEFRAMES", ("1m",)))
    for name in chosen:
        if not (isinstance(name, str) and seconds_named(name)):
            raise StrategyError(
                f"{path}: TIMEFRAMES has {name!r}; write 1m, 15m, 2h: minutes, and a whole part of a day"
            )
    if not chosen:
        raise StrategyError(f"{path}: TIMEFRAMES is empty")
    return tuple(sorted({seconds_named(name) for name in chosen}))


def _candle_in(path: Path, module: ModuleType, state: np.dtype[np.void], which: str) -> int:
    name = getattr(module, which, None)
    if name is None:
        return -1
    assert state.fields is not None
    if name not in state.fields or state.fields[name][0] != SHOWN:
        raise StrategyError(f"{path}: {which} names {name!r}, which is not a MARKET record in STATE")
    return int(state.fields[name][1])


def _compile(
    path: Path, module: ModuleType, state: np.dtype[np.void], settings: np.ndarray[Any, np.dtype[np.void]]
) -> int:
    decide: Any = getattr(module, "decide", None)
    if not hasattr(decide, "py_func"):
        raise StrategyError(f"{path}: decide must be a @kernel function")
    try:
        return compiled(decide, state, settings.dtype, SHOWN, HELD, WORKING)
    except TypeError as error:
        line = decide.py_func.__code__.co_firstlineno
        raise StrategyError(f"{path}:{line}: decide must answer a reason on every way out: {error}") from error
    except KeyError as error:
        raise _field_missing(path, decide, error) from error
    except NumbaError as error:
        text = str(error)
        line = line_in(text, path.name) or decide.py_func.__code__.co_firstlineno
        where = deepest(text)
        inside = f" (in {where})" if where and Path(where.split(":")[0]).name != path.name else ""
        raise StrategyError(f"{path}:{line}: decide does not compile: {cause(text)}{inside}") from error


def _field_missing(path: Path, decide: Any, error: KeyError) -> StrategyError:
    # numba leaks a KeyError for a field that a record does not have; find the line that names it
    name = str(error.args[0])
    why = f"decide does not compile: no record here has a field {name}"
    if name in {*(MARKET.names or ()), *(POSITION.names or ())}:
        why = f"decide may not look at {name}: a replay could not show it"
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if number >= decide.py_func.__code__.co_firstlineno and f".{name}" in line:
            return StrategyError(f"{path}:{number}: {why}")
    return StrategyError(f"{path}: {why}")


def _words(
    state: np.dtype[np.void], late: tuple[str, ...], at: int = 0, under: str = ""
) -> Iterator[tuple[str, int, int]]:
    # each nested indicator state: its name, and where its two words are
    assert state.fields is not None
    if under and SEEN in state.fields and SETTLES in state.fields:
        yield under, at + state.fields[SEEN][1], at + state.fields[SETTLES][1]
    for name, (dtype, offset, *_) in state.fields.items():
        if dtype.names is not None and name not in late:
            yield from _words(dtype, (), at + offset, f"{under}.{name}".lstrip("."))


@dataclass(frozen=True, slots=True)
class _Trial:
    """What a trial run needs."""

    decide: int
    state: np.dtype[np.void]
    settings: np.ndarray[Any, np.dtype[np.void]]
    timeframes_s: tuple[int, ...]
    waits: tuple[tuple[str, int, int], ...]
    beside: np.ndarray[Any, np.dtype[np.int64]]  # offsets of the partner's candle and of the spot's


@kernel
def _rehearse(decide, places, count, beside, out):
    # places: state, settings, first candle, position, target; out: one row per candle
    target = record_at(places[4], WORKING)
    for n in range(count):
        if beside[0] >= 0 and n > 0:
            copy_record(places[0] + beside[0], places[2] + (n - 1) * 120)
        if beside[1] >= 0:
            copy_record(places[0] + beside[1], places[2] + n * 120)
        reason = call5(decide, places[0], places[1], places[2] + n * 120, places[3], places[4])
        out[n, 0] = reason
        out[n, 1] = target.amount
        out[n, 2] = target.stop


def _candles(timeframe_s: int) -> np.ndarray[Any, np.dtype[np.void]]:
    # two sines: it turns, runs and rests, and needs no chance
    candles = np.zeros(TRIAL_CANDLES, MARKET)
    n = np.arange(TRIAL_CANDLES)
    price = 1000.0 + 40.0 * np.sin(n / 37.0) + 7.0 * np.sin(n / 5.0)
    candles["kind"], candles["provenance"], candles["timeframe_s"] = int(MarketKind.CANDLE), 1, timeframe_s
    candles["open_ns"] = n * timeframe_s * 1_000_000_000
    candles["open"], candles["close"] = np.roll(price, 1), price
    candles["high"] = np.maximum(candles["open"], price) + 1.0
    candles["low"] = np.minimum(candles["open"], price) - 1.0
    candles["volume"] = 10.0
    return candles


def _try(path: Path, trial: _Trial) -> int:
    """Run it over a made-up market; the candles that its slowest indicator takes to settle."""
    state, position, target = np.zeros(1, trial.state), np.zeros(1, POSITION), np.zeros(1, WORKING)
    memory, seen_before, kept = state.view(np.uint8), dict.fromkeys(trial.waits, 0), dict.fromkeys(trial.waits, 0)
    reasons = {int(reason) for reason in Reason}
    for timeframe_s in reversed(trial.timeframes_s):
        candles, out = _candles(timeframe_s), np.zeros((TRIAL_CANDLES, 3))
        places = np.array([*map(address_of, (state, trial.settings, candles, position, target))], np.int64)
        _rehearse(trial.decide, places, TRIAL_CANDLES, trial.beside, out)
        if bad := sorted({int(reason) for reason in out[:, 0]} - reasons):
            raise StrategyError(f"{path}: decide answered {bad[0]}, which is not a reason; see brain.strategies.base")
        opinions = out[out[:, 0] != int(Reason.COLD)]
        if not np.isfinite(opinions[:, 1:]).all():
            raise StrategyError(f"{path}: decide wrote NaN or infinity into the target in the trial run")
        for each in trial.waits:
            if (seen := _word(memory, each[1])) != seen_before[each]:
                kept[each], seen_before[each] = HISTORY_DEPTH * base_of(timeframe_s) // timeframe_s, seen
    settles = 0
    for each in trial.waits:
        name, takes = each[0], _word(memory, each[2])
        if not seen_before[each]:
            raise StrategyError(f"{path}: STATE.{name} is never stepped, so no decision would ever be taken")
        if takes > kept[each]:
            raise StrategyError(
                f"{path}: STATE.{name} settles after {takes} candles, but {kept[each]} are kept; shorten its period"
            )
        settles = max(settles, takes)
    return settles


def _word(memory: np.ndarray[Any, np.dtype[np.uint8]], at: int) -> int:
    return int(memory[at : at + 8].view(np.int64)[0])
