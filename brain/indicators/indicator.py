"""What an indicator is, and the one loop that makes an array function of any of them.

    kernel    ema(state, close, period) -> value          called by strategies, by name
    step      step(state, settings, candle, out)          the same kernel in the shape that the one loop calls

Every state record ends in three words that the kernels keep themselves:

    warm     0 until as many inputs were seen as the period asks for

    seen      inputs since the start or the last hole
    settles   how many inputs it takes until the value no longer depends on where the
              data began (to 1e-9 of the first error); NEVER while that is not known

so that a strategy's warm-up follows from the states that it nests.  A value is NaN until it is
defined.  An input that is NaN, infinite or beyond LIMIT is a hole: the state starts again.

A window has WINDOW slots in the record and its period at run time, so that no sweep recompiles.
A period that is below 1 or does not fit gives NaN and never settles; ``widen`` makes room.

To add a family: write a file here, an ``Indicator`` beside each kernel, and an oracle for each in
tests/brain/indicators/oracles.  Everything else finds it by walking the package.
"""

import importlib
import math
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numba.core.errors import NumbaError

from brain.diagnosis import KernelError, cause, deepest
from brain.indicators.loops import Fusion, form
from shm.jit import shaped
from shm.records import MARKET
from shm.rows import COLUMNS

WARM, SEEN, SETTLES = "warm", "seen", "settles"
WINDOW = 256  # slots of a window, where nobody asked for more
PERIOD_MAX = (1 << 16) - 2
WHOLE_MAX = 1_000_000_000
NEVER = 1 << 62
# Squares and products of what is below it are finite.
LIMIT = 1e100

CLOSE = ("close",)
RANGE = ("high", "low", "close")
TRADED = ("high", "low", "close", "volume")
FLOW = ("volume", "taker_volume")

Candles = np.ndarray[Any, np.dtype[np.void]]


def state_of(*fields: str | tuple[Any, ...]) -> np.dtype[np.void]:
    """Return the record of a state: f8 where only a name is given, and the three words at the end."""
    chosen = [(field, "<f8") if isinstance(field, str) else field for field in fields]
    return np.dtype([*chosen, (WARM, "<i8"), (SEEN, "<i8"), (SETTLES, "<i8")], align=True)


def widen(state: np.dtype[np.void], slots: int) -> np.dtype[np.void]:
    """Return ``state`` with ``slots`` in each of its windows of WINDOW."""
    assert state.fields is not None, "a state is a record"
    fields: list[Any] = []
    for name, (inner, *_) in state.fields.items():
        if inner.subdtype is not None:
            base, shape = inner.subdtype
            fields.append((name, base, (slots,) if shape == (WINDOW,) else shape))
        else:
            fields.append((name, widen(inner, slots) if inner.names else inner))
    return np.dtype(fields, align=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """What stands beside a kernel: for people, the command line and the sweeping tests."""

    name: str
    title: str
    state: np.dtype[np.void]
    step: Any  # a kernel: (state, settings, candle, out)
    inputs: tuple[str, ...] = CLOSE  # fields of a candle
    outputs: tuple[str, ...] = ("value",)
    parameters: Mapping[str, int | float]  # with their usual values
    # index of the first defined value; one for each output where they differ; None where the market decides
    first: Callable[..., int | tuple[int | None, ...]]
    # index of the first value that has forgotten the start; None where the market decides (the state says it)
    settled: Callable[..., int] | None
    # its kernel asks ``unsettled`` before it looks after itself, and makes its inputs of those by + - * alone
    steady: bool = False
    accumulates: bool = False  # its level counts from where the data began: only its changes mean something
    origin: str = "own definition"  # whose definition: TA-Lib's function, or a name
    difference: str = ""  # to that definition, in words

    def __post_init__(self) -> None:
        names = self.state.names or ()
        assert SEEN in names, f"{self.name}: a state counts its inputs in {SEEN}"
        assert SETTLES in names, f"{self.name}: a state says when it settles in {SETTLES}"

    def firsts(self, parameters: Mapping[str, int | float]) -> tuple[int | None, ...]:
        """Return the index of the first defined value of each output."""
        found = self.first(**parameters)
        return found if isinstance(found, tuple) else (found,) * len(self.outputs)

    def slots(self, parameters: Mapping[str, int | float]) -> int:
        """Return how many slots its windows need for ``parameters``."""
        periods = [value for name, value in parameters.items() if isinstance(value, int) and not is_seconds(name)]
        longest = max(periods, default=1)
        return WINDOW if longest < WINDOW else 1 << (longest + 1).bit_length()


class ParameterError(ValueError):
    """A parameter that an indicator does not have, or that makes no sense."""


def is_seconds(name: str) -> bool:
    """Return whether the parameter called ``name`` is a duration; other whole numbers count candles."""
    return name.endswith("_s")


@cache
def catalogue() -> dict[str, Indicator]:
    """Return every indicator, found by walking the package; by name."""
    found: dict[str, Indicator] = {}
    for module in sorted(each.name for each in pkgutil.iter_modules([str(Path(__file__).parent)])):
        for each in vars(importlib.import_module(f"brain.indicators.{module}")).values():
            if isinstance(each, Indicator):
                assert found.setdefault(each.name, each) is each, f"two indicators are called {each.name}"
    return found


def record_of(parameters: Mapping[str, int | float]) -> Candles:
    """Return ``parameters`` as a record of one row: whole numbers i8, others f8."""
    fields = [(name, "<i8" if isinstance(value, int) else "<f8") for name, value in parameters.items()]
    record = np.zeros(1, np.dtype(fields or [("none", "<i8")], align=True))
    if fields:
        record[0] = tuple(parameters.values())
    return record


def chosen(indicator: Indicator, parameters: Mapping[str, int | float]) -> dict[str, int | float]:
    """Return all parameters of ``indicator``, with ``parameters`` over the usual ones; refuses what makes no sense."""
    made = dict(indicator.parameters)
    for name, value in parameters.items():
        if name not in made:
            raise ParameterError(
                f"{indicator.name} has no parameter {name}; it has {', '.join(made) if made else 'none'}"
            )
        whole = isinstance(made[name], int)
        if whole and not isinstance(value, int):
            raise ParameterError(f"{indicator.name}: {name} must be a whole number, not {value}")
        most = WHOLE_MAX if is_seconds(name) else PERIOD_MAX
        if whole and not 1 <= value <= most:
            raise ParameterError(f"{indicator.name}: {name} must be from 1 to {most}, not {value}")
        if not whole and not 0.0 <= value < LIMIT:
            raise ParameterError(f"{indicator.name}: {name} must be a finite number of 0 or more, not {value}")
        made[name] = value if whole else float(value)
    return made


def array_form(one: Indicator | Fusion) -> Any:
    """Return the one loop with ``one`` in it: (states, settings, columns, out, settled), out with a line an output."""
    if isinstance(one, Fusion):
        # what is compiled is kept under this name, and it may live where no fingerprint looks
        source = Path(one.step.__code__.co_filename).read_bytes()
        return form(one.step, f"{one.name}_{crc32(source):08x}", one.outputs, one.inputs, one.stages)
    return form(one.step, one.name, one.outputs, one.inputs if one.steady else (), None)


def walked(
    indicator: Indicator, candles: Candles, parameters: Mapping[str, int | float], *, bridged: bool = False
) -> tuple[Candles, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return the outputs of ``indicator`` for each of ``candles`` (MARKET records), and which of them have settled.

    It starts again after a hole in time, unless holes are ``bridged``.
    """
    assert candles.dtype == MARKET, "candles are MARKET records"
    options = chosen(indicator, parameters)
    settings = record_of(options)
    out = np.empty(len(candles), np.dtype([(name, "<f8") for name in indicator.outputs]))
    settled = np.zeros(len(candles), np.bool_)
    loop, columns = array_form(indicator), columns_of(candles)
    state = widen(indicator.state, indicator.slots(options))
    edges = [0, *([] if bridged else holes(candles)), len(candles)]
    for start, end in pairwise(edges):
        part = tuple(column[start:end] for column in columns)
        # a step may leave some of its answers as they are
        lines = np.full((len(indicator.outputs), end - start), math.nan)
        try:
            loop(shaped(np.zeros(1, state)), shaped(settings), part, lines, settled[start:end])
        except NumbaError as error:
            why = f"{deepest(str(error))}: {cause(str(error))}"
            raise KernelError(f"{indicator.name} does not compile: {why}") from error
        for name, line in zip(indicator.outputs, lines, strict=True):
            out[name][start:end] = line
    return out, settled


def columns_of(candles: Candles) -> tuple[np.ndarray[Any, Any], ...]:
    """Return what the one loop is given of MARKET records: a contiguous array for each of COLUMNS."""
    return tuple(np.ascontiguousarray(candles[name]) for name in COLUMNS)


def over(indicator: Indicator, candles: Candles, parameters: Mapping[str, int | float]) -> Candles:
    """Return the outputs of ``indicator`` for each of ``candles``, as a structured array."""
    return walked(indicator, candles, parameters)[0]


def holes(candles: Candles) -> list[int]:
    """Return where a candle does not follow on the one before it."""
    steps_ns = candles["timeframe_s"][1:].astype(np.int64) * 1_000_000_000
    return [int(at) + 1 for at in np.flatnonzero(np.diff(candles["open_ns"]) != steps_ns)]
