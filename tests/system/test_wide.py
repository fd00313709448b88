"""A whole paper session with many symbols: every candle decided, in time, and the books agree."""

from pathlib import Path

import pytest

from tests.system import stage

pytestmark = pytest.mark.system

SYMBOLS = 60
MINUTES = 15
WIDE = (
    f"market.symbols_count={SYMBOLS}",
    "market.deposit=5000000",
    # Wide enough that every symbol trades, instead of the first few of them.
    "engine.risk.gross_notional_max=5000000",
    "engine.risk.orders_per_minute_max=10000",
    # A machine that is busy otherwise is behind by more than two minutes of this market.
    "brain.valid_candles=30",
)


def test_sixty_symbols_are_traded_and_all_decided(tmp_path: Path):
    """At speed 60, a candle a second of each: nothing is lost, killed or left out, and the exchange says the same."""
    sets = [word for name in WIDE for word in ("--set", name)]
    running = stage.start(tmp_path, "--seed", "3", "--speed", "60", "--max-candles", str(MINUTES * SYMBOLS), *sets)
    try:
        summary = running.finish(within_s=300.0)
    finally:
        running.process.kill()
    stage.check(summary)
    attendance = summary["attendance"]
    assert attendance["decided"] == attendance["expected"] == summary["candles"] >= MINUTES * SYMBOLS
    assert (attendance["undecided"], attendance["strays"]) == ([], [])
    assert set(summary["restarts"].values()) == {0}
    traded = {row[0] for row in stage.journal(tmp_path, "SELECT DISTINCT instrument FROM fills")}
    assert len(traded) > 3, "the strategy trades here, and not the first symbols only"
    assert stage.traces(tmp_path) == []
