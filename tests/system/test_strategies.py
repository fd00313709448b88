"""Strategies together, one of them over two instruments: streamed through processes, replayed, looped in a backtest."""

from pathlib import Path

import pytest

from tests.system import stage
from tests.system.test_paper import SYMBOLS, write_market

pytestmark = pytest.mark.system

STRATEGIES = ("--set", 'brain.strategies=["smc", "pairs"]')
MINUTES = 100


def test_two_strategies_decide_the_same_live_replayed_and_looped(tmp_path: Path):
    """Hash for hash and unit for unit; every candle of the exchange has a decision of each."""
    market, state = tmp_path / "market", tmp_path / "state"
    market.mkdir()
    write_market(market, SYMBOLS, 1_500)
    options = ("--symbols", ",".join(SYMBOLS), *STRATEGIES)
    live = ("--market", str(market), "--speed", "step", "--max-candles", str(2 * MINUTES))
    summary = stage.start(state, *live, *options).finish()
    attendance = summary["attendance"]
    assert (attendance["undecided"], attendance["strays"]) == ([], [])
    assert attendance["expected"] == attendance["decided"] == summary["decisions"] == 2 * summary["candles"]
    assert summary["candles"] >= 2 * MINUTES
    again = stage.replayed(state)
    assert again["differences"] == 0, again["first_difference"]
    looped = stage.answer("backtest", "--data", str(market), "--max-candles", str(summary["candles"]), *options)
    assert looped["decision_hash"] == again["decision_hash"]
    assert looped["difference"] == "0.00000000"
    assert summary["fills"] > 0
    for name in ("candles", "decisions", "fills", "equity_end", "unrealised", "funding"):
        assert looped[name] == summary[name], name
    assert stage.traces(state) == []
