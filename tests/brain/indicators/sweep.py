"""Every indicator and every oracle, found by walking; and the two detectors that see a leak."""

import importlib
from pathlib import Path

import numpy as np

from brain.indicators.indicator import array_form, catalogue, walked
from tests.brain.market import walk

TOLERANCE = 1e-9
ALL = catalogue()
ORACLES = {
    name: oracle
    for path in sorted((Path(__file__).parent / "oracles").glob("*.py"))
    for name, oracle in importlib.import_module(f"tests.brain.indicators.oracles.{path.stem}").ORACLES.items()
}
PRICES = ("open", "high", "low", "close")
FIELDS = (*PRICES, "volume", "taker_volume", "trades")
# a rare leak shows where it happens: every candle of a stretch, and of another every rewriting
CUTS, CUTS_ALL = range(300, 420), range(420, 460, 5)
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


def looped(one):
    """Return the one loop of ``one``: (states, settings, columns, out, settled), which goes on from ``states``."""
    return array_form(one)


def indicator_of(name, parameters):
    """Return indicator ``name`` as an array function: candles -> (outputs, settled)."""
    return lambda candles: walked(ALL[name], candles, dict(parameters))


def scaled(candles, cut):
    """Everything from ``cut`` on three times as large, every other high higher still."""
    for field in (*PRICES, "volume", "taker_volume"):
        candles[field][cut:] *= 3.0
    candles["high"][cut::2] *= 1.5
    candles["trades"][cut:] += 7


def another(candles, cut):
    """From ``cut`` on another market: no ratio, no direction and no volume stays what it was."""
    other = flowing(walk(len(candles), seed=77, price=900.0), seed=78)
    for field in FIELDS:
        candles[field][cut:] = other[field][cut:]


def mirrored(candles, cut):
    """From ``cut`` on what rose falls, and what was traded last is traded first."""
    old = candles.copy()
    centre = 2.0 * candles["close"][cut - 1]
    for field, source in (("open", "open"), ("high", "low"), ("low", "high"), ("close", "close")):
        candles[field][cut:] = centre - old[source][cut:]
    for field in ("volume", "taker_volume", "trades"):
        candles[field][cut:] = candles[field][cut:][::-1].copy()


def dead(candles, cut):
    """From ``cut`` on nothing moves and nothing is traded."""
    for field in PRICES:
        candles[field][cut:] = candles["close"][cut - 1]
    for field in ("volume", "taker_volume", "trades"):
        candles[field][cut:] = 0


REWRITES = (scaled, another, mirrored, dead)


def sees_the_future(function, candles, cuts, rewrites=REWRITES):
    """Return the first of ``cuts`` from which on other candles, or none at all, change anything before; or -1."""
    whole = function(candles)[0]
    for cut in cuts:
        before = whole[:cut].tobytes()
        if function(candles[:cut])[0].tobytes() != before:
            return cut
        for rewrite in rewrites:
            other = candles.copy()
            rewrite(other, cut)
            if function(other)[0][:cut].tobytes() != before:
                return cut
    return -1


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
