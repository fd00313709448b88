"""Every indicator and every oracle, found by walking; and the two detectors that see a leak."""

import importlib
from pathlib import Path

import numpy as np

from brain.indicators.indicator import catalogue, walked
from tests.brain.market import walk

TOLERANCE = 1e-9
ALL = catalogue()
ORACLES = {
    name: oracle
    for path in sorted((Path(__file__).parent / "oracles").glob("*.py"))
    for name, oracle in importlib.import_module(f"tests.brain.indicators.oracles.{path.stem}").ORACLES.items()
}
PRICES = ("open", "high", "low", "close")
DAY_S = 86_400


def variants(indicator):
    """Return its usual parameters, short ones and long ones; whole numbers are periods but for sessions."""
    usual = dict(indicator.parameters)

    def scaled(change):
        return {
            name: change(value) if isinstance(value, int) and value < DAY_S else value for name, value in usual.items()
        }

    found = [usual]
    for change in (lambda value: max(2, value // 5), lambda value: 2 * value + 1, lambda value: 1):
        if (more := scaled(change)) not in found:
            found.append(more)
    return found


CASES = [(name, tuple(chosen.items())) for name, one in ALL.items() for chosen in variants(one)]


def flowing(candles, seed=5):
    """Return ``candles`` with taker volumes and trade counts, seeded."""
    generator = np.random.default_rng(seed)
    candles["taker_volume"] = np.round(candles["volume"] * generator.random(len(candles)), 3)
    candles["trades"] = np.ceil(candles["volume"] * 10.0)
    return candles


def expected(name, candles, parameters):
    """Return the oracle's outputs as arrays."""
    found = ORACLES[name](candles, **parameters)
    return [np.array(each, float) for each in (found if isinstance(found, tuple) else (found,))]


def size(values):
    """Return the scale that 1e-9 is meant of: the largest value, at least 1."""
    finite = np.abs(values[np.isfinite(values)])
    return max(1.0, float(finite.max())) if len(finite) else 1.0


def indicator_of(name, parameters):
    """Return indicator ``name`` as an array function: candles -> (outputs, settled)."""
    return lambda candles: walked(ALL[name], candles, dict(parameters))


def sees_the_future(function, candles, cut):
    """True when rewriting the candles from ``cut`` on changes anything before."""
    other = candles.copy()
    for field in (*PRICES, "volume", "taker_volume"):
        other[field][cut:] *= 3.0
    other["high"][cut::2] *= 1.5
    other["trades"][cut:] += 7
    return function(candles)[0][:cut].tobytes() != function(other)[0][:cut].tobytes()


def depends_on_the_start(function, candles, begins, accumulates=False):
    """Return where a value that claims to have settled differs by more than 1e-9 from one with more history; or -1."""
    long, _ = function(candles)
    for begin in begins:
        short, settled = function(candles[begin:])
        for output in long.dtype.names:
            mine, other = short[output], long[output][begin:]
            if accumulates:
                mine, other = np.diff(mine, prepend=np.nan), np.diff(other, prepend=np.nan)
            differs = ~(np.abs(mine - other) <= TOLERANCE * size(long[output])) & ~(np.isnan(mine) & np.isnan(other))
            differs &= settled
            if accumulates:
                differs[0] = False
            if differs.any():
                return begin + int(np.flatnonzero(differs)[0])
    return -1


def closing(name, closes, **parameters):
    """Return indicator ``name`` over candles that are no more than their closes, of volume 1."""
    candles = walk(len(closes))
    for field in PRICES:
        candles[field] = closes
    candles["volume"] = 1.0
    return walked(ALL[name], candles, parameters)[0]
