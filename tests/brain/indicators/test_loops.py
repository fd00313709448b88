"""The one loop: whatever the blocks, the same as the kernel called a candle at a time, to the last bit."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from brain.indicators import momentum, trend, volatility
from brain.indicators.indicator import array_form, columns_of, record_of
from brain.indicators.loops import SOUND, Fusion, Stages
from shm.jit import inlined, kernel, shaped, specialised
from shm.rows import BLOCK
from tests.brain.indicators.sweep import ALL, flowing
from tests.brain.market import walk

COUNT = 5 * BLOCK + 77
BAD = [np.nan, np.inf, -np.inf, 1e295, 1e100, 1e60, SOUND, -SOUND, 1e29, -7.0, 0.0, -0.0, 1e-300]
MARKET_OF_ALL = flowing(walk(COUNT, seed=21))
STEADY = [name for name, one in ALL.items() if one.steady]


def _step(_state, _settings, _candle, _out):
    raise NotImplementedError("stands for the step of a kernel")


def _live(states, chosen, candles, out):
    for n in range(candles.size):
        _step(states[0], chosen[0], candles[n], out[n])


@cache
def live_form(step, name):
    """Return the kernel as the brain's loop calls it: state and candle where they are, in their records."""
    return specialised(_live, f"live_{name}", _step=step)


def both(one, state, chosen, candles, cuts=()):
    """Return the outputs of the live form and of the array form, which is called again at each of ``cuts``."""
    live = np.zeros(len(candles), [(name, "<f8") for name in one.outputs])
    live_form(one.step, one.name)(shaped(np.zeros(1, state)), shaped(chosen), shaped(candles), shaped(live))
    states, found, columns = shaped(np.zeros(1, state)), [], columns_of(candles)
    edges = [0, *sorted(cuts), len(candles)]
    for start, end in pairwise(edges):
        out, settled = np.zeros((len(one.outputs), end - start)), np.zeros(end - start, np.bool_)
        array_form(one)(states, shaped(chosen), tuple(column[start:end] for column in columns), out, settled)
        found.append(out)
    return [live[name] for name in one.outputs], list(np.concatenate(found, axis=1))


def differ(one, expected, found):
    """Return the outputs that are not the same bits, and where; any NaN is a NaN."""
    places = []
    for name, mine, other in zip(one.outputs, expected, found, strict=True):
        same = (mine.view(np.int64) == other.view(np.int64)) | (np.isnan(mine) & np.isnan(other))
        places += [(name, int(np.flatnonzero(~same)[0]))] if not same.all() else []
    return places


def spoiled(spots, repeat):
    """Return the market with bad numbers dropped into it at ``spots``: place, field, number; ``repeat`` of each."""
    candles = MARKET_OF_ALL.copy()
    for at, field, number in spots:
        candles[field][at : at + repeat] = number
    return candles


FIELDS = ("open", "high", "low", "close", "volume", "taker_volume")
SPOT = some.tuples(some.integers(0, COUNT - 1), some.sampled_from(FIELDS), some.sampled_from(BAD))
SPOTS = some.lists(SPOT, max_size=5)


@pytest.mark.parametrize("name", ALL)
def test_live_and_array_are_the_same_bits(name):
    """Over a sound market, with bad numbers of each kind in the middle of blocks, and in pieces."""
    one = ALL[name]
    chosen = record_of(one.parameters)
    spots = [(n, FIELDS[n % 6], BAD[n % len(BAD)]) for n in range(3 * BLOCK + 5, COUNT, 190)]
    for candles, cuts in ((MARKET_OF_ALL, ()), (spoiled(spots, 1), ()), (MARKET_OF_ALL, (1, BLOCK, 2 * BLOCK + 9))):
        assert differ(one, *both(one, one.state, chosen, candles, cuts)) == []


@pytest.mark.parametrize("name", STEADY)
@settings(max_examples=12, deadline=None)
@given(spots=SPOTS, repeat=some.integers(1, 40), cuts=some.lists(some.integers(1, COUNT - 1), max_size=2, unique=True))
def test_bad_candles_anywhere_change_nothing_else(name, spots, repeat, cuts):
    """What has a loop of its own for settled blocks gives what it gives a candle at a time, wherever a hole is."""
    one = ALL[name]
    chosen = record_of(one.parameters)
    assert differ(one, *both(one, one.state, chosen, spoiled(spots, repeat), cuts)) == []


STATE = np.dtype([("mean", trend.EMA), ("heat", momentum.RSI), ("reach", volatility.ATR)], align=True)


@inlined
def _three(state, chosen, candle, out):
    out.mean = trend.ema(state.mean, candle.close, chosen.period)
    out.heat = momentum.rsi(state.heat, candle.close, chosen.period)
    out.reach = volatility.atr(state.reach, candle, chosen.period)


@inlined
def _prepare(state, _chosen, row):
    before = row.before.close
    row.gain, row.loss = momentum.moves(row.close, before, state.heat.share)
    row.wide = volatility.range_of(row.high, row.low, before) * state.reach.share


@inlined
def _carry(state, _chosen, row):
    row.mean = trend.fade(state.mean, row.close * state.mean.rate)
    row.gain, row.loss = momentum.fade_moves(state.heat, row.gain, row.loss)
    row.reach = trend.fade(state.reach, row.wide)


@inlined
def _finish(_state, _chosen, row):
    row.heat = momentum.strength(row.gain, row.loss)


@kernel
def _close(state, _chosen, row, count):
    state.heat.close_last, state.reach.close_last = row.close, row.close
    state.mean.seen += count
    state.heat.seen += count
    state.reach.seen += count


@inlined
def _forgetful(_state, _chosen, _row, _count):
    pass


def fusion(name, closing):
    """Return three kernels in three stages."""
    return Fusion(
        name=name,
        step=_three,
        inputs=("high", "low", "close"),
        outputs=("mean", "heat", "reach"),
        stages=Stages((_prepare, _carry, _finish), closing, ("gain", "loss", "wide")),
    )


@settings(max_examples=25, deadline=None)
@given(spots=SPOTS, repeat=some.integers(1, 40), cuts=some.lists(some.integers(1, COUNT - 1), max_size=2, unique=True))
def test_stages_give_what_the_step_gives(spots, repeat, cuts):
    """To the last bit, wherever holes are."""
    found = both(fusion("three", _close), STATE, record_of({"period": 14}), spoiled(spots, repeat), cuts)
    assert differ(fusion("three", _close), *found) == []


def test_stages_that_lose_the_state_are_seen():
    """A closing that does not bring the state up to date gives other bits as soon as one candle is bad."""
    one = fusion("three_forgetful", _forgetful)
    spots = [(COUNT - 30, "volume", 1.0), (COUNT - 20, "high", 1e40)]
    assert differ(one, *both(one, STATE, record_of({"period": 14}), spoiled(spots, 1))) != []
