"""Sessions whose entries are limit orders and whose trades end in every way; a killed engine changes no trade."""

import os
import signal
from pathlib import Path

import pytest

from tests.system import stage
from tests.system.test_paper import write_market

pytestmark = pytest.mark.system

SYMBOLS = ("BTC/USDT:USDT",)
EXITS = (
    *("--set", "engine.exits.tp_r_multiples=[0.5, 1]", "--set", "engine.exits.tp_splits=[0.4, 0.3]"),
    *("--set", "engine.exits.break_even_after=1", "--set", 'engine.exits.trail="r"'),
    *("--set", "engine.exits.time_exit_bars=40", "--set", "engine.exits.abandon_r=0.8"),
)
LIMIT = (*("--set", 'engine.executor.entry_style="limit"'), *("--set", "engine.executor.patience_s=180"))


CANDLES = 100


def options(folder: Path) -> tuple[str, ...]:
    """A stepped session over made-up candles."""
    folder.mkdir()
    write_market(folder, SYMBOLS, 1_200)
    return ("--market", str(folder), "--symbols", ",".join(SYMBOLS), "--speed", "step", "--max-candles", str(CANDLES))


def trades(state: Path) -> list[tuple[object, ...]]:
    """What was traded, and for which purpose, in order; by targets of the candles that every session has.

    A session ends at the supervisor's first look after its last candle, which may be a candle or two later; a target's
    number is one more than its candle's.
    """
    rows = stage.journal(
        state,
        "SELECT i.purpose, f.side, f.lots, f.price_ticks FROM fills f JOIN intents i USING (intent_id) "
        f"WHERE i.target_id <= {CANDLES} ORDER BY f.market_ns, f.trade_id",
    )
    return [tuple(row) for row in rows]


def test_limit_entries_rest_at_the_exchange_and_nothing_is_bought_twice(tmp_path: Path):
    """Some fill as maker, some cross; no entry exceeds its target; at the end nothing but stops and targets rests."""
    state = tmp_path / "state"
    summary = stage.start(state, *options(tmp_path / "market"), *LIMIT).finish()
    stage.check(summary)
    posted, crossed = (
        stage.journal(state, f"SELECT count(*) FROM intents WHERE purpose = 'ENTRY' AND type = '{kind}'")[0][0]
        for kind in ("POST_ONLY", "MARKET")
    )
    makers = stage.journal(
        state, "SELECT count(*) FROM fills f JOIN intents i USING (intent_id) WHERE i.purpose = 'ENTRY' AND f.is_maker"
    )[0][0]
    assert posted > crossed >= 0
    assert makers > 0
    largest = stage.journal(
        state, "SELECT max(i.lots) FROM intents i WHERE i.purpose = 'ENTRY' GROUP BY i.instrument, i.target_id"
    )
    bought = stage.journal(
        state,
        "SELECT sum(f.lots) FROM fills f JOIN intents i USING (intent_id) WHERE i.purpose = 'ENTRY' "
        "GROUP BY i.instrument, i.target_id",
    )
    assert max(bought) <= max(largest)
    left = stage.journal(
        state, "SELECT DISTINCT i.purpose FROM intents i JOIN orders o USING (intent_id) "
        "WHERE o.state IN ('NEW', 'OPEN', 'PARTIAL', 'CANCELLING', 'IN_DOUBT')"
    )  # fmt: skip
    assert {row[0] for row in left} <= {"STOP", "TAKE_PROFIT"}
    assert stage.traces(state) == []


def test_an_engine_killed_in_the_middle_of_its_trades_trades_the_same(tmp_path: Path):
    """Ladder, break-even, trailing, time, abandoned trades; three SIGKILLs; fill for fill the undisturbed session."""
    chosen = options(tmp_path / "market")
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    stage.check(stage.start(calm, *chosen, *EXITS).finish())
    running = stage.start(killed, *chosen, *EXITS, "--set", "supervisor.restarts_max=1000")
    try:
        running.ready(within_s=120.0)
        done = 0
        for _ in range(3):
            pid = running.pid_of("engine")
            if pid is not None and running.process.poll() is None:
                os.kill(pid, signal.SIGKILL)
                done += 1
            running.wait_for_another("engine", pid)
        summary = running.finish()
    finally:
        running.process.kill()
    stage.check(summary)
    assert done >= 1
    assert summary["restarts"]["engine"] >= done
    assert {row[0] for row in trades(calm)} >= {"ENTRY", "TAKE_PROFIT"}
    assert trades(killed) == trades(calm)
