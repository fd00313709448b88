"""Windows over whole blocks: the same bits as one by one, whatever the period and wherever a block begins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from brain.indicators import windows
from brain.indicators.indicator import record_of, widen
from brain.indicators.loops import Fusion, Stages, Whole
from brain.indicators.runs import extremes_over, moments_over, runs_end, totals_over
from shm.jit import inlined
from shm.rows import BLOCK, COLUMNS
from tests.brain.indicators.test_loops import COUNT, MARKET_OF_ALL, SPOTS, both, differ, spoiled

_WINDOWS = [("moments", windows.MOMENTS), ("totals", windows.TOTALS), ("extremes", windows.EXTREMES)]
STATE = widen(np.dtype(_WINDOWS, align=True), 1024)
OUTPUTS = ("mean", "variance", "one", "two", "top", "bottom")
FIELDS = ("spare", "spare_two", "spare_three", "spare_four")
HIGH, LOW, CLOSE, VOLUME = (COLUMNS.index(name) for name in ("high", "low", "close", "volume"))


@inlined
def _step(state, chosen, candle, out):
    out.mean, out.variance = windows.moments(state.moments, candle.close, chosen.period)
    out.one, out.two = windows.totals(state.totals, candle.close, candle.volume, chosen.period)
    out.top, out.bottom = windows.extremes(state.extremes, candle.high, candle.low, chosen.period)


@inlined
def _over(state, chosen, where, count):
    columns, spare, out, start = where
    high, low, close, volume = columns[HIGH], columns[LOW], columns[CLOSE], columns[VOLUME]
    end = start + count
    lines = out[:, start:end]
    xs = close[start:end]
    moments_over(state.moments, xs, chosen.period, (lines[0], lines[1]), spare)
    totals_over(state.totals, (xs, volume[start:end]), chosen.period, (lines[2], lines[3]), spare)
    extremes_over(state.extremes, (high, low), (start, count, chosen.period), (lines[4], lines[5]), spare)


@inlined
def _count(state, _chosen, _row, count):
    state.moments.seen += count
    state.totals.seen += count
    state.extremes.seen += count


THREE = Fusion(
    name="three_windows",
    step=_step,
    inputs=("high", "low", "close", "volume"),
    outputs=OUTPUTS,
    stages=Stages((Whole(_over),), _count, FIELDS),
)


@pytest.mark.parametrize("period", [1, 2, 3, 14, 20, BLOCK - 1, BLOCK, BLOCK + 1])
def test_runs_give_what_the_windows_give(period):
    """From runs of one to those that no block holds, called in pieces too."""
    chosen = record_of({"period": period})
    for cuts in ((), (BLOCK + 7, 2 * BLOCK + 9)):
        assert differ(THREE, *both(THREE, STATE, chosen, MARKET_OF_ALL, cuts)) == []


@settings(max_examples=25, deadline=None)
@given(
    spots=SPOTS,
    repeat=some.integers(1, 40),
    cuts=some.lists(some.integers(1, COUNT - 1), max_size=2, unique=True),
    period=some.integers(1, 70),
)
def test_windows_begin_anywhere(spots, repeat, cuts, period):
    """After holes each window has its own place in its run, and no other bits than one by one."""
    assert differ(THREE, *both(THREE, STATE, record_of({"period": period}), spoiled(spots, repeat), cuts)) == []


@pytest.mark.parametrize(
    ("slot", "period", "start", "size", "end"),
    [(0, 20, 0, 512, 500), (0, 20, 15, 512, 495), (5, 20, 15, 512, 15), (0, 20, 495, 512, 495), (0, 513, 0, 512, 0)],
)
def test_whole_runs_begin_where_one_has_ended(slot, period, start, size, end):
    """Up to there, and after the last whole one, the inputs are taken one by one."""
    assert runs_end(slot, period, start, size) == end
