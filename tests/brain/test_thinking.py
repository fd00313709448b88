"""Decisions equal the grid, the same after a restart as without, and never over a hole."""

import numpy as np
import pytest

from brain.strategies import loader
from shm.records import MARKET, POSITION, MarketKind, Provenance, Reason
from shm.topology import position_row
from tests.brain.market import START_NS, Market, missing, walk

WARM = 700
SAYS = ("open_ns", "reason", "amount", "stop_ticks", "target_id", "inputs_hash", "market_seq")
OPINIONS = [int(r) for r in Reason if r not in (Reason.COLD, Reason.HOLE, Reason.MALFORMED)]


@pytest.fixture(scope="module")
def trend():
    """The default strategy, compiled once."""
    return loader.load("trend")


def lived(strategies, candles, stops=(), positions=()):
    """Return the market after ``candles``: the first WARM are history, the brain dies and starts again at ``stops``."""
    market = Market()
    market.remember(candles[:WARM])
    brain, epoch = market.think(strategies), 1
    for n, one in enumerate(candles[WARM:]):
        if n in stops:
            epoch += 1
            brain = market.think(strategies, epoch)
        for row, position in positions:
            if row == n:
                market.positions.write(position_row(0, 0), position)
        market.publish(one.reshape(1))
        brain.think()
    return market, brain


def test_every_candle_yields_one_decision_per_route(trend):
    """Two instruments, two routes each, interleaved: decisions are candles times routes."""
    market = Market(instruments=2)
    candles = np.repeat(walk(1000), 2)
    candles["instrument"][1::2] = 1
    market.remember(candles[: 2 * WARM])
    brain = market.think([trend, trend])
    market.publish(candles[2 * WARM :])
    brain.think()
    decisions = market.everything("DECISIONS")
    assert len(decisions) == 600 * 2
    keys = {(int(d["instrument"]), int(d["strategy"]), int(d["open_ns"])) for d in decisions}
    assert len(keys) == len(decisions)
    assert brain.market_seq == 600
    assert set(decisions["reason"]) <= set(OPINIONS)


def test_it_decides_with_the_first_candle_after_history_and_trades_soon(trend):
    """No decision is cold when history was there, and the side is taken within twenty minutes."""
    market, _ = lived([trend], walk(1200))
    decisions = market.everything("DECISIONS")
    assert Reason.COLD not in decisions["reason"]
    assert (decisions["amount"][:20] != 0).any()
    assert len(np.unique(decisions["target_id"])) > 10


def test_nothing_is_wanted_while_cold(trend):
    """Without history the first 294 decisions are COLD, and no target leaves."""
    market = Market()
    candles = walk(400)
    brain = market.think([trend])
    market.publish(candles)
    brain.think()
    decisions, targets = market.everything("DECISIONS"), market.everything("TARGETS")
    cold = decisions["reason"] == Reason.COLD
    assert cold[: trend.settles - 1].all()
    assert not cold[trend.settles - 1 :].any()
    assert targets["open_ns"].min() > candles["open_ns"][trend.settles - 2]


def test_a_target_repeats_its_id_until_the_mind_changes(trend):
    """The id is the changing candle's sequence plus one; amount and stop stand as long as it does."""
    market, _ = lived([trend], walk(1500))
    targets = market.everything("TARGETS")
    for target_id in np.unique(targets["target_id"]):
        same = targets[targets["target_id"] == target_id]
        assert same["market_seq"][0] + 1 == target_id
        assert len(np.unique(same["amount"])) == 1
        assert len(np.unique(same["stop_ticks"])) == 1
        away = (same["reference_ticks"][0] - same["stop_ticks"][0]) * np.sign(same["amount"][0])
        assert same["amount"][0] == 0 or away > 0
    assert (targets["valid_until_ns"] == targets["open_ns"] + 180_000_000_000).all()
    assert set(targets["amount"]) <= {-1_000_000, 0, 1_000_000}


@pytest.mark.parametrize("stops", [(1,), (150,), (50, 51, 52, 300), tuple(range(1, 400, 7))])
def test_a_brain_that_dies_decides_as_one_that_did_not(trend, stops):
    """Killed between any two candles and started again: the same decisions, hash for hash."""
    candles = walk(1200)
    whole = lived([trend], candles)[0].everything("DECISIONS")
    again = lived([trend], candles, stops)[0].everything("DECISIONS")
    for field in SAYS:
        assert (whole[field] == again[field]).all(), field
    assert np.allclose(whole["values"], again["values"], rtol=1e-9, atol=0.0)
    assert again["epoch"].max() == 1 + len(stops)


def test_a_restart_between_two_routes_of_a_candle_says_nothing_twice(trend):
    """The route that had its turn keeps silent, the other one speaks."""
    candles = walk(1000)
    whole, _ = lived([trend, trend], candles)
    market = Market()
    market.remember(candles[:WARM])
    brain = market.think([trend, trend])
    market.publish(candles[WARM:900])
    brain.think()
    # as if it had died after the first route's decision of the next candle
    market.publish(candles[900:901])
    market.writer("DECISIONS").publish(whole.everything("DECISIONS")[2 * 200])
    brain = market.think([trend, trend], 2)
    market.publish(candles[901:])
    brain.think()
    for field in SAYS:
        assert (whole.everything("DECISIONS")[field] == market.everything("DECISIONS")[field]).all(), field


def test_the_hash_depends_on_every_input_and_on_nothing_else(trend):
    """Another epoch or arrival time leaves it; a price, volume, time or position changes it and all that follow."""
    candles = walk(800)
    whole = lived([trend], candles)[0].everything("DECISIONS")["inputs_hash"]
    late = candles.copy()
    late["received_ns"], late["published_ns"], late["epoch"] = 5, 6, 7
    assert (lived([trend], late)[0].everything("DECISIONS")["inputs_hash"] == whole).all()
    for field in ("open", "high", "low", "close", "volume"):
        other = candles.copy()
        other[field][750] += 0.01
        hashes = lived([trend], other)[0].everything("DECISIONS")["inputs_hash"]
        assert (hashes[:50] == whole[:50]).all(), field
        assert (hashes[50:] != whole[50:]).all(), field
    position = np.zeros(1, POSITION)
    position["lots"] = 3
    hashes = lived([trend], candles, positions=[(50, position)])[0].everything("DECISIONS")["inputs_hash"]
    assert (hashes[:50] == whole[:50]).all()
    assert (hashes[50:] != whole[50:]).all()


def test_a_missing_candle_is_one_hole_and_then_cold_until_settled(trend):
    """The decisions still equal the grid, and none is taken over the hole."""
    candles = walk(1200)
    candles[800:801] = missing(candles[800])
    market, brain = lived([trend], candles)
    decisions = market.everything("DECISIONS")
    assert (np.diff(decisions["open_ns"]) == 60_000_000_000).all()
    assert decisions["reason"][100] == Reason.HOLE
    after = decisions["reason"][101:]
    assert (after[: trend.settles - 1] == Reason.COLD).all()
    assert after[trend.settles - 1] in OPINIONS
    # what stood still stands in the record, so that a restart knows it
    assert decisions["target_id"][100] == decisions["target_id"][99] == decisions["target_id"][150]
    silent = market.everything("TARGETS")["open_ns"]
    hole_ns = int(candles["open_ns"][800])
    assert not ((silent >= hole_ns) & (silent < hole_ns + 60_000_000_000 * trend.settles)).any()
    assert brain.counts.holes == 1


def test_a_hole_that_history_has_filled_costs_nothing(trend):
    """Records that never came over MARKET are read from HISTORY, and the next decision is warm."""
    candles = walk(1000)
    market = Market()
    market.remember(candles[:WARM])
    brain = market.think([trend])
    market.publish(candles[WARM:800])
    market.remember(candles[800:805])
    market.publish(candles[805:])
    brain.think()
    whole = lived([trend], candles)[0].everything("DECISIONS")
    decisions = market.everything("DECISIONS")
    assert len(decisions) == 295
    assert Reason.COLD not in decisions["reason"]
    assert (decisions["amount"][-100:] == whole["amount"][-100:]).all()


def test_repeats_corrections_and_other_records_leave_no_decision(trend):
    """Only the first closed minute of each kind counts; the rest is counted by name."""
    candles = walk(720)
    market = Market()
    market.remember(candles[:WARM])
    brain = market.think([trend])
    market.publish(candles[WARM:])
    corrected = candles[710:711].copy()
    corrected["provenance"], corrected["revises"] = int(Provenance.CORRECTED), 10
    corrected["close"] += 5.0
    market.publish(corrected)
    market.publish(candles[711:712])
    other = np.zeros(3, MARKET)
    other["kind"] = [int(MarketKind.STATUS), int(MarketKind.MARK), 0]
    market.publish(other, remember=False)
    assert brain.think() == 25
    assert (brain.counts.corrections, brain.counts.repeats, brain.counts.gaps) == (1, 1, 1)
    assert brain.counts.decisions == 20


def test_a_brain_that_is_lapped_counts_the_loss_and_goes_on_warm(trend):
    """The loss is exact, the state comes from HISTORY, and the next decision is an opinion."""
    market = Market(capacity=256)
    candles = walk(2000)
    market.remember(candles[:WARM])
    brain = market.think([trend])
    market.publish(candles[WARM:750])
    brain.think()
    market.publish(candles[750:])
    passed = brain.think()
    counts = brain.counts
    assert counts.lost > 900
    assert passed == 1250
    assert counts.candles + counts.lost == 1300
    assert counts.decisions == counts.candles
    assert Reason.COLD not in market.everything("DECISIONS")["reason"]


def test_it_stands_aside_after_its_stop_until_the_opposite_turn(trend):
    """STOPPED while the engine says so for the held side; the next turn is a new target."""
    candles = walk(1400)
    whole = lived([trend], candles)[0].everything("DECISIONS")
    row = int(np.flatnonzero(whole["reason"] == Reason.LONG)[2])
    turn = int(np.flatnonzero(whole["amount"][row:] != whole["amount"][row])[0])
    stopped = np.zeros(1, POSITION)
    stopped["stopped_side"] = 1
    decisions = lived([trend], candles, positions=[(row + 1, stopped)])[0].everything("DECISIONS")
    assert (decisions["reason"][row + 1 : row + turn] == Reason.STOPPED).all()
    assert (decisions["amount"] == whole["amount"]).all()
    assert (decisions["target_id"] == whole["target_id"]).all()


def test_the_hours_reach_the_strategy_before_the_minute_that_closes_them(tmp_path):
    """At a full hour the hour's call comes first, and its answer is not published."""
    (tmp_path / "order.py").write_text(ORDER)
    market = Market()
    brain = market.think([loader.load(str(tmp_path / "order.py"))])
    market.publish(walk(130))
    brain.think()
    values = market.everything("DECISIONS")["values"]
    assert values[58].tolist() == [0.0, 0.0, 0.0]
    assert values[59].tolist() == [1.0, float(START_NS), 3600.0]
    assert values[119][0] == 2.0
    assert len(market.everything("TARGETS")) == 0


ORDER = '''"""Counts the hours that it has seen by the time of a minute."""
from dataclasses import dataclass
import numpy as np
from brain.strategies.base import FLAT, hold, kernel, note

TIMEFRAMES = ("1m", "1h")

@dataclass(frozen=True)
class Settings:
    nothing: int = 0

STATE = np.dtype([("hours", "<i8"), ("open_ns", "<i8"), ("span", "<i8")])

@kernel
def decide(state, settings, candle, position, target):
    if candle.timeframe_s == 3600:
        state.hours += 1
        state.open_ns = candle.open_ns
        state.span = candle.timeframe_s
        return hold(target, 1.0, candle.close * 0.5)
    note(target, float(state.hours), float(state.open_ns), float(state.span))
    return FLAT
'''
