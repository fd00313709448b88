"""A stage: a brain in private memory decides as one in a session does."""

import numpy as np

from brain.stage import Stage
from brain.strategies import loader
from shm.records import DECISION, Reason
from tests.brain.market import TICK_E8, WARM, lived, walk

SAYS = ("reason", "inputs_hash", "amount", "stop_ticks", "target_id", "open_ns")


def test_a_brain_on_a_stage_decides_what_one_in_a_session_decides():
    """The history remembered, the candles published one by one: the same decisions, hash for hash."""
    trend, candles = loader.load("trend"), walk(900)
    stage = Stage(1)
    for candle in candles[:WARM]:
        stage.remember(candle)
    brain = stage.brain([trend], [TICK_E8])
    heard, out, said = stage.decisions(), np.zeros(64, DECISION), []
    for candle in candles[WARM:]:
        stage.remember(candle)
        stage.market.publish(candle)
        brain.think()
        said.append(out[: heard.read_into(out)].copy())
    decisions = np.concatenate(said)
    usual = lived([trend], candles)[0].everything("DECISIONS")
    assert len(decisions) == len(candles) - WARM
    for name in SAYS:
        assert (decisions[name] == usual[name]).all(), name
    assert (decisions["reason"] != Reason.COLD).all()
