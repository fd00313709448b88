"""Builders of sessions for the orchestrator's tests."""

from pathlib import Path

from orchestrator.session import Session
from orchestrator.settings import build
from shm.instruments import Instrument


def session_in(state: Path) -> Session:
    """Return a paper session of two instruments under ``state``; its folder exists."""
    folder = state / "sessions" / "20260102-120000"
    folder.mkdir(parents=True, exist_ok=True)
    names = {"venue": "paper", "account": "main"}
    return Session(
        name=folder.name,
        mode="paper",
        folder=str(folder),
        state=str(state),
        run_id="test",
        seed=1,
        venue="paper",
        account="main",
        port=1,
        market_start_ns=0,
        instruments=(
            Instrument(row=0, symbol="BTC/USDT:USDT", tick_e8=10_000_000, lot_e8=100_000, **names),
            Instrument(row=1, symbol="ETH/USDT:USDT", tick_e8=1_000_000, lot_e8=100_000, **names),
        ),
        strategies=("trend",),
        values=(("fast", "slow", "band"),),
        settings=build({}),
        versions={},
        code_hash="",
        started="2026-01-02T12:00:00+00:00",
    )
