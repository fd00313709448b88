"""Market structure: equal to its slow oracle, blind to tomorrow, free of its start, bounded; and the drawn cases."""

import numpy as np
import pytest

from brain.indicators.indicator import catalogue, walked
from brain.indicators.structure import BLOCKS, GAPS, SMC, STRUCTURE, SWEEPS, blocks, gaps, smc, structure, sweeps
from tests.brain.indicators.drawing import flat_top, made
from tests.brain.indicators.oracles.structure import ORACLES
from tests.brain.market import recorded, walk

ALL = {name: catalogue()[name] for name in ORACLES}
SMALL = {"before": 3, "after": 2, "age": 60, "least": 0.0}


def small(name):
    """The parameters of ``name`` out of SMALL."""
    return {key: SMALL[key] for key in ALL[name].parameters}


@pytest.mark.parametrize("parameters", [{"before": 3, "after": 2, "age": 60}, {"before": 4, "after": 5, "age": 200}])
@pytest.mark.parametrize("name", ALL)
def test_it_equals_its_oracle(name, parameters):
    """Every output, on recorded minutes and on a walk, bit for bit where a price is passed on."""
    chosen = {key: value for key, value in {**SMALL, **parameters}.items() if key in ALL[name].parameters}
    for candles in (recorded("binance_spot/BTCUSDT-1m.parquet", count=900), walk(900)):
        found = walked(ALL[name], candles, chosen)[0]
        expected = ORACLES[name](candles, **chosen)
        for column, theirs in zip(ALL[name].outputs, expected, strict=True):
            assert np.allclose(found[column], theirs, rtol=1e-12, atol=1e-12, equal_nan=True), column


@pytest.mark.parametrize("name", ALL)
def test_the_future_changes_nothing(name):
    """Rewriting the candles from 500 on leaves the first 500 rows bit for bit, and changes later ones."""
    candles = walk(900)
    other = candles.copy()
    for field in ("open", "high", "low", "close"):
        other[field][500:] *= np.linspace(1.5, 0.7, 400)
    one, two = walked(ALL[name], candles, small(name))[0], walked(ALL[name], other, small(name))[0]
    assert one[:500].tobytes() == two[:500].tobytes()
    assert one[500:].tobytes() != two[500:].tobytes()


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("start", [1, 37, 400])
@pytest.mark.parametrize("name", ALL)
def test_the_start_is_forgotten_when_it_has_settled(name, start, seed):
    """Data that began later gives the same rows from the candle on that the state calls settled."""
    candles = walk(1500, seed)
    long, _ = walked(ALL[name], candles, small(name))
    short, settled = walked(ALL[name], candles[start:], small(name))
    assert settled[-1]
    first = int(np.argmax(settled))
    assert settled[first:].all()
    assert first < 300
    assert long[start + first :].tobytes() == short[first:].tobytes()


@pytest.mark.parametrize("name", ALL)
def test_a_hole_makes_it_start_again(name):
    """A NaN gives NaN, and what follows is what a fresh start gives."""
    candles = walk(600)
    holed = candles.copy()
    for field in ("open", "high", "low", "close"):
        holed[field][300] = np.nan
    found = walked(ALL[name], holed, small(name))[0]
    assert all(np.isnan(found[column][300]) for column in ALL[name].outputs)
    fresh = walked(ALL[name], candles[301:], small(name))[0]
    assert found[301:].tobytes() == fresh.tobytes()


@pytest.mark.parametrize("name", ALL)
def test_odd_input_has_a_defined_answer(name):
    """Nothing, one candle; a market that stands still has no swing, no break, no gap, no sweep; huge prices."""
    assert len(walked(ALL[name], walk(0), {})[0]) == 0
    assert np.isnan(walked(ALL[name], walk(1), {})[0]["event"]).all()
    still, huge = walk(200), walk(200)
    for field in ("open", "high", "low", "close"):
        still[field] = 7.0
        huge[field] *= 1e90
    assert set(walked(ALL[name], still, small(name))[0]["event"][10:].tolist()) == {0.0}
    assert (walked(ALL[name], huge, small(name))[0]["event"][10:] != 0.0).any()


def test_a_break_with_the_trend_goes_on_and_one_against_it_changes_character():
    """Up through a top, up through the next, then down through a bottom: 1, 1, -2."""
    state = np.zeros(1, STRUCTURE)
    path = flat_top(5, 4, 3, 5, 7, 6, 5, 8, 10, 9, 8, 11, 9, 8, 7, 5, 3, wide=0.25)
    events = [structure(state[0], candle, 2, 2) for candle in path]
    assert [event for event in events if event == event and event != 0.0] == [1.0, 1.0, -2.0]
    assert state["trend"][0] == -1


def test_a_gap_is_filled_from_its_near_side():
    """Opened on the third candle; half of it taken, then all."""
    state = np.zeros(1, GAPS)
    rows = made((10, 11, 9, 10), (10, 14, 10, 14), (14, 15, 13, 14), (14, 15, 12, 14), (14, 14, 11, 12))
    events = [gaps(state[0], candle, 0.0, 50) for candle in rows[:3]]
    assert events[2] == 1.0
    bullish = state["bullish"][0]
    assert (bullish["edge"], bullish["near"][0], bullish["alive"]) == (11.0, 13.0, 1)
    gaps(state[0], rows[3], 0.0, 50)
    assert (state["bullish"][0]["deepest"], state["bullish"][0]["alive"]) == (12.0, 1)
    gaps(state[0], rows[4], 0.0, 50)
    assert state["bullish"][0]["alive"] == 0


def test_the_block_is_the_lowest_candle_before_the_break():
    """Between the top at 7 and its break the candle around 5 is the lowest; reaching its low ends it."""
    state = np.zeros(1, BLOCKS)
    for candle in flat_top(5, 4, 3, 5, 7, 6, 5, 8, wide=0.25):
        blocks(state[0], candle, 2, 2, 50)
    bullish = state["bullish"][0]
    assert (bullish["alive"], bullish["near"][0], bullish["edge"]) == (1, 5.25, 4.75)
    blocks(state[0], flat_top(5.0)[0], 2, 2, 50)
    assert state["bullish"]["alive"][0] == 0


def test_a_sweep_takes_the_level_and_closes_back():
    """The high passes the top at 7.25, the close does not: one top swept."""
    state = np.zeros(1, SWEEPS)
    for candle in flat_top(5, 4, 3, 5, 7, 6, 5, wide=0.25):
        assert not sweeps(state[0], candle, 2, 2, 50) > 0.0
    assert sweeps(state[0], made((6, 7.5, 5.9, 6.5))[0], 2, 2, 50) == -1.0
    assert state["above"]["alive"][0] == 0


def test_there_is_room_for_sixteen_and_the_oldest_goes():
    """Twenty gaps in a row that never come back: sixteen live, four are counted as dropped."""
    state = np.zeros(1, GAPS)
    for candle in made(*((n, n + 0.5, n - 0.4, n + 0.4) for n in range(22))):
        gaps(state[0], candle, 0.0, 1000)
    assert (state["bullish"]["alive"][0], state["bullish"]["dropped"][0]) == (16, 4)


def test_all_of_it_has_one_record():
    """What ``smc`` says is what each piece says alone."""
    state, alone = np.zeros(1, SMC), [np.zeros(1, kind) for kind in (STRUCTURE, GAPS, SWEEPS)]
    for candle in walk(300):
        event, opened, swept, _ = smc(state[0], candle, 3, 3, 100)
        pieces = (
            structure(alone[0][0], candle, 3, 3),
            gaps(alone[1][0], candle, 0.0, 100),
            sweeps(alone[2][0], candle, 3, 3, 100),
        )
        assert np.array_equal((event, opened, swept), pieces, equal_nan=True)
