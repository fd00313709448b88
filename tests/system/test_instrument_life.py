"""What exchanges do to contracts and positions, in a paper session with processes of its own."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.system import stage
from tests.system.test_by_hand import STEADFAST, held, terminal_of, typed, wait_for

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

BTC, ETH, SOL = "BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"
LIFE = {
    "seed": 1,
    "fault": [
        {"kind": "deleveraging", "minute": 4, "symbol": "BTCUSDT", "value": "0.5"},
        {"kind": "delisting", "minute": 6, "symbol": "ETHUSDT"},
        {"kind": "tick_change", "minute": 8, "symbol": "SOLUSDT"},
        {"kind": "liquidation", "minute": 30, "symbol": "BTCUSDT"},
    ],
}


def lots_of(state: Path, symbol: str) -> int:
    """Of the strategy there, as its journal's table has them."""
    rows = stage.journal(state, f"SELECT lots FROM positions WHERE strategy = 'steadfast' AND instrument = '{symbol}'")
    return int(rows[0][0]) if rows else 0


def test_a_position_is_deleveraged_delisted_rescaled_and_liquidated(tmp_path: Path):
    """Each is booked at its price, told and paused; what stays keeps its stop, and nothing is bought back."""
    state, faults = tmp_path / "state", tmp_path / "faults.json"
    faults.write_text(json.dumps(LIFE))
    words = ("--symbols", f"{BTC},{ETH},{SOL}", "--strategy", str(STEADFAST), "--seed", "5", "--speed", "60")
    sets = ("--set", "engine.reconcile.rules_s=2", "--seconds", "400", "--faults", str(faults))
    running = stage.start(state, *words, *sets)
    try:
        running.ready(within_s=200.0)
        there = terminal_of(state)
        wait_for("half of bitcoin is gone", lambda: held_by(state, BTC, "auto-deleveraged"), 60.0)
        left = lots_of(state, BTC)
        assert there.held(BTC) * 1000 == pytest.approx(left)
        assert left > 0
        wait_for("its stop is for what is left", lambda: stops(state, BTC) == [left])
        wait_for("ether is settled", lambda: held_by(state, ETH, "delisted"), 60.0)
        wait_for("solana's tick is noticed", lambda: held_by(state, SOL, "has another tick"), 60.0)
        assert (lots_of(state, ETH), there.held(ETH), there.stops(ETH)) == (0, 0.0, [])
        assert lots_of(state, SOL) > 0
        assert len(there.stops(SOL)) == 1
        wait_for("bitcoin is liquidated", lambda: held_by(state, BTC, "liquidated"), 90.0)
        wait_for("its stop is gone", lambda: not there.stops(BTC))
        assert (lots_of(state, BTC), there.held(BTC), held(state, "external")) == (0, 0.0, 0)
        entries = "SELECT count(*) FROM intents WHERE purpose = 'ENTRY'"
        before = stage.journal(state, entries)
        assert typed(state, "resume", "BTC", "--why", "seen")[0] == 0
        running.process.terminate()
        summary = running.finish()
    finally:
        running.process.kill()
    assert stage.journal(state, entries) == before == [(3,)]
    assert summary["fills"] == summary["exchange"]["fills"]
    exchange = summary["exchange"]
    wallet = Decimal(summary["equity_end"]) - Decimal(summary["unrealised"])
    assert (wallet, Decimal(summary["realised"])) == (Decimal(exchange["wallet"]), Decimal(exchange["realised"]))
    assert [line for line in summary["remains"] if SOL in line]
    told = "".join(running.told)
    for symbol, words in ((BTC, "auto-deleveraged"), (ETH, "settled"), (SOL, "has another tick"), (BTC, "liquidated")):
        assert [line for line in told.splitlines() if line.startswith(f"!! {symbol} ") and words in line], words
    assert stage.traces(state) == []


def held_by(state: Path, symbol: str, words: str) -> bool:
    """The exchange's own pause of ``symbol`` is in the journal, in these words."""
    told = stage.journal(state, "SELECT payload FROM events WHERE kind = 'Intervened'")
    deeds = [json.loads(row[0]) for row in told]
    return any((it["who"], it["instrument"]) == ("exchange", symbol) and words in it["why"] for it in deeds)


def stops(state: Path, symbol: str) -> list[int]:
    """Lots of the stops that rest, by the journal."""
    asked = "SELECT lots FROM orders JOIN intents USING (intent_id) WHERE purpose = 'STOP' AND state = 'OPEN'"
    return [int(row[0]) for row in stage.journal(state, f"{asked} AND instrument = '{symbol}'")]
