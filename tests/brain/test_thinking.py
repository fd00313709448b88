"""Decisions equal the grid, the same after a restart as without, and never over a hole."""

import numpy as np
import pytest

from brain.strategies import loader
from shm.records import POSITION, Reason
from tests.brain.market import WARM, Market, lived, walk

SAYS = ("open_ns", "reason", "amount", "stop_ticks", "target_id", "inputs_hash", "market_seq")
OPINIONS = [int(r) for r in Reason if r not in (Reason.COLD, Reason.HOLE, Reason.MALFORMED)]


@pytest.fixture(scope="module")
def trend():
    """The default strategy, compiled once."""
    return loader.load("trend")


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
