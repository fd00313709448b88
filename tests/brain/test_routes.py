"""The loop's tables: where routes stand, and what a restart puts back."""

import numpy as np

from brain.strategies.loader import load
from shm.records import DECISION
from tests.brain.market import Market


def test_routes_of_an_instrument_stand_together():
    """Two strategies on three instruments: rows 0 1, 2 3, 4 5; 1m and 1h are bits 0 and 1."""
    routes = Market(instruments=3).think([load("trend"), load("trend")]).routes
    assert list(zip(routes.lanes["first"], routes.lanes["end"], strict=True)) == [(0, 2), (2, 4), (4, 6)]
    assert routes.routes["instrument"].tolist() == [0, 0, 1, 1, 2, 2]
    assert routes.routes["strategy"].tolist() == [0, 1, 0, 1, 0, 1]
    assert set(routes.lanes["frames"].tolist()) == {0b11}
    assert len(set(routes.routes["state_at"].tolist())) == 6


def test_a_decision_puts_back_what_stood():
    """Amount in millionths and stop in ticks become the numbers that the strategy left."""
    routes = Market(instruments=2).think([load("trend")]).routes
    decision = np.zeros(1, DECISION)
    decision["instrument"], decision["amount"], decision["stop_ticks"] = 1, -1_000_000, 5_012_345
    decision["target_id"], decision["open_ns"], decision["inputs_hash"] = 77, 60, 99
    routes.restore(decision[0])
    assert routes.working["amount"].tolist() == [0.0, -1.0]
    assert routes.working["stop"].tolist() == [0.0, 50123.45]
    assert routes.routes["target_id"].tolist() == [0, 77]
    assert routes.routes["hash"].tolist() == [0, 99]


def test_a_decision_of_a_route_that_is_no_more_is_left_alone():
    """Fewer instruments or strategies than before: nothing is put back, nothing breaks."""
    routes = Market().think([load("trend")]).routes
    decision = np.zeros(1, DECISION)
    decision["instrument"], decision["amount"] = 5, 1_000_000
    routes.restore(decision[0])
    assert routes.working["amount"].tolist() == [0.0]
