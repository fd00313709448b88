"""What an indicator is, and the one loop that makes an array function of any of them.

    kernel    ema(state, close, period) -> value          called by strategies, by name
    step      step(state, settings, candle, position, out)  the same shape as a strategy's decide,
              so that one compiled loop calls any indicator by its address

Every state record ends in two words that the kernels keep themselves:

    seen      inputs since the start or the last hole
    settles   how many inputs it takes until the value no longer depends on where the
              data began (to 1e-9 of the first error); written with the first input

so that a strategy's warm-up follows from the states that it nests.  A value is NaN until
it is defined.  An input that is not finite is a hole: the state starts again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from shm.jit import address_of, call5, compiled, kernel
from shm.records import MARKET, POSITION

SEEN, SETTLES = "seen", "settles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """What stands beside a kernel: for people, the command line and the sweeping tests."""

    name: str
    state: np.dtype[np.void]
    step: Any  # the compiled kernel in the shape of a decide
    inputs: tuple[str, ...]  # fields of a candle
    outputs: tuple[str, ...]
    parameters: Mapping[str, int | float]  # with their usual values
    first: Callable[..., int]  # index of the first defined value
    settled: Callable[..., int]  # index of the first value that has forgotten the start

    def __post_init__(self) -> None:
        names = self.state.names or ()
        assert SEEN in names, f"{self.name}: a state counts its inputs in {SEEN}"
        assert SETTLES in names, f"{self.name}: a state says when it settles in {SETTLES}"


def record_of(parameters: Mapping[str, int | float]) -> np.ndarray[Any, np.dtype[np.void]]:
    """Return ``parameters`` as a record of one row: whole numbers i8, others f8."""
    fields = [(name, "<i8" if isinstance(value, int) else "<f8") for name, value in parameters.items()]
    record = np.zeros(1, np.dtype(fields, align=True))
    record[0] = tuple(parameters.values())
    return record


@kernel
def _over(step, places, outputs, count):
    # places: state, settings, first candle, position, first output, bytes a candle
    for n in range(count):
        call5(
            step,
            places[0],
            places[1],
            places[2] + n * places[5],
            places[3],
            places[4] + n * 8 * outputs,
        )


def over(
    indicator: Indicator, candles: np.ndarray[Any, np.dtype[np.void]], parameters: Mapping[str, int | float]
) -> np.ndarray[Any, np.dtype[np.void]]:
    """Return the outputs of ``indicator`` for each of ``candles`` (MARKET records), as a structured array."""
    assert candles.dtype == MARKET, "candles are MARKET records"
    unknown = parameters.keys() - indicator.parameters.keys()
    if unknown:
        raise ValueError(f"{indicator.name} has no parameter {min(unknown)}; it has {', '.join(indicator.parameters)}")
    candles = np.ascontiguousarray(candles)
    settings = record_of({**indicator.parameters, **parameters})
    state, position = np.zeros(1, indicator.state), np.zeros(1, POSITION)
    out = np.full(max(len(candles), 1), np.nan, np.dtype([(name, "<f8") for name in indicator.outputs]))
    step = compiled(indicator.step, *(each.dtype for each in (state, settings, candles, position, out)))
    places = np.array([*map(address_of, (state, settings, candles, position, out)), MARKET.itemsize], np.int64)
    _over(step, places, len(indicator.outputs), len(candles))
    return out[: len(candles)]
