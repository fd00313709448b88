"""The summary: every field that scripts rely on, also of a session in which nothing happened."""

from pathlib import Path

import numpy as np
import pytest

from engine.journal import JournalError
from orchestrator.summary import Measured, conclude, text
from orchestrator.tape import Tape
from shm.records import DECISION, MARKET, MarketKind
from tests.orchestrator.sessions import session_in

PROMISED = {
    *("session", "seconds", "candles", "decisions", "targets", "intents", "orders", "fills", "rejects"),
    *("unknown_orders", "gaps_found", "gaps_filled", "records_lost", "restarts", "reconciliations", "mismatches"),
    *("equity_start", "equity_end", "realised", "unrealised", "fees", "funding", "latency"),
}


def measured() -> Measured:
    """Return what memory would say of a quiet session."""
    return Measured(seconds=1.5, restarts={"brain": 1}, counters={"candle_gaps_found": 2}, latency={}, difference="")


def test_an_empty_session_has_every_field(tmp_path: Path):
    """No tape, no journal: zeros, and the deposit as equity."""
    summary = conclude(session_in(tmp_path), measured())
    assert summary.keys() >= PROMISED
    assert summary["equity_start"] == summary["equity_end"] == "100000.00000000"
    assert summary["gaps_found"] == 2
    assert summary["restarts"] == {"brain": 1}


def test_a_candle_published_twice_is_one_candle(tmp_path: Path):
    """Candles are counted by instrument and time, decisions by record, gaps of the ring not at all."""
    session = session_in(tmp_path)
    candles, decisions = np.zeros(4, MARKET), np.zeros(3, DECISION)
    candles["kind"], candles["timeframe_s"] = MarketKind.CANDLE, 60
    candles["open_ns"] = [1, 2, 2, 3]
    candles["kind"][3] = MarketKind.MARK
    decisions["kind"] = [1, 0, 1]
    for name, batch in (("market", candles), ("decisions", decisions)):
        tape = Tape(session.path / name, batch.dtype)
        tape.append(0, batch)
        tape.rotate()
    summary = conclude(session, measured())
    assert (summary["candles"], summary["decisions"]) == (2, 2)


def test_money_is_exact_decimal_text():
    """Eight digits, no exponent."""
    assert [text(1), text(-123_456_789)] == ["0.00000001", "-1.23456789"]


def test_a_journal_that_cannot_be_read_is_not_an_empty_one(tmp_path: Path):
    """No made-up equity: the summary is refused."""
    session = session_in(tmp_path)
    session.account_path.mkdir(parents=True)
    (session.account_path / "journal.db").write_bytes(b"torn")
    with pytest.raises(JournalError):
        conclude(session, measured())
