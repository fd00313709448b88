"""A decision in words."""

from decimal import Decimal

import numpy as np
import pytest

from brain.words import explain
from shm.records import DECISION, Reason


@pytest.mark.parametrize(
    ("reason", "amount", "stop_ticks", "words"),
    [
        (Reason.FLAT, 0, 0, "BTC: no trade, trend flat (fast 64012.10, slow 64011.80, band 12.30)"),
        (Reason.LONG, 1, 640001, "BTC: go long, stop 64000.1 (fast 64012.10, slow 64011.80, band 12.30)"),
        (Reason.HELD, -1, 5, "BTC: stay short (fast 64012.10, slow 64011.80, band 12.30)"),
        (Reason.COLD, 0, 0, "BTC: no opinion, the indicators have not settled"),
    ],
)
def test_a_decision_reads_as_a_sentence(reason, amount, stop_ticks, words):
    """Symbol, verdict, and the values that mattered, a digit finer than prices."""
    decision = np.zeros(1, DECISION)
    decision["reason"], decision["amount"], decision["stop_ticks"] = int(reason), amount, stop_ticks
    decision["values"] = [64012.1, 64011.8, 12.3]
    assert explain(decision[0], "BTC/USDT:USDT", ("fast", "slow", "band"), Decimal("0.1")) == words
