"""What a session that was disturbed must still show: seeded schedules, the invariants, and a campaign of its own.

python -m tests.system.faults --seed 1 --count 20        one line for each session, exit 1 when one breaks a rule
"""

import argparse
import itertools
import json
import sys
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from engine.venue.embedded.faults.kinds import MARKET_DATA, ORDER_KINDS, PEOPLE
from engine.venue.embedded.faults.ledger import Injected, read_back
from engine.venue.embedded.faults.schedule import Schedule, drawn
from tests.system import stage

FAMILIES = {"market": MARKET_DATA, "orders": ORDER_KINDS, "people": PEOPLE}
IDS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
CANDLE, CORRECTED, MISSING = 1, 3, 4
# How the reconciler names what an act of a human or of the exchange itself leaves behind.
EXPLAINED = ("STOP_MISSING", "POSITION_DIFFERS")
# A stop, or the exit instead of it, that the exchange refused: the position is bare until the next attempt.
BARING = ("would_trigger", "reduce_only", "too_many", "banned", "clock", "filter", "request_lost", "landed_late")
BARING += ("response_lost", "server_error", "status_unknown", "executions_lost", "not_found", "user_stream_lost")


def disturb(state: Path, schedule: Schedule, seed: int, seconds: float) -> tuple[dict[str, Any], list[Injected]]:
    """Run a session with ``schedule``; its summary and what was injected."""
    state.mkdir(parents=True, exist_ok=True)
    file = state.parent / f"{state.name}.json"
    file.write_bytes(schedule.to_json())
    options = ("--seed", str(seed), "--speed", "300", "--seconds", str(seconds), "--faults", str(file))
    summary = stage.start(state, *options).finish()
    (path,) = state.glob("sessions/*/faults.jsonl")
    return summary, read_back(path)


def objections(state: Path, summary: dict[str, Any], injected: Sequence[Injected]) -> list[str]:
    """Every rule that the session broke, one line each."""
    found = [f"fault {row.id} {row.kind}: nobody knows what became of it" for row in injected if not row.became]
    found += [
        f"fault {row.id} {row.kind}: sent twice" for row in injected if any("SENT" in text for text in row.became)
    ]
    exchange = summary["exchange"]
    if summary["decisions"] != exchange["candles"] + exchange["gaps"]:
        found.append(f"{summary['decisions']} decisions for {exchange['candles']} candles, {exchange['gaps']} gaps")
    for name in ("records_lost", "unknown_orders"):
        if summary[name]:
            found.append(f"{name}: {summary[name]}")
    if any(count for role, count in summary["restarts"].items()):
        found.append(f"a process died: {summary['restarts']}")
    return [*found, *_money(summary), *_orders(state), *_mismatches(state, injected), *_tape(state)]


def _money(summary: dict[str, Any]) -> list[str]:
    exchange = summary["exchange"]
    ours = {name: Decimal(summary[name]) for name in ("realised", "fees", "funding")}
    ours |= {"fills": summary["fills"], "wallet": Decimal(summary["equity_end"]) - Decimal(summary["unrealised"])}
    theirs = {name: Decimal(exchange[name]) for name in ours}
    return [f"{name}: ours {ours[name]}, theirs {theirs[name]}" for name in ours if ours[name] != theirs[name]]


def _orders(state: Path) -> list[str]:
    doubled = stage.journal(
        state, "SELECT venue_order_id FROM orders WHERE venue_order_id != '' GROUP BY 1 HAVING count(*) > 1"
    )
    unbooked = stage.journal(
        state, "SELECT intent_id FROM orders WHERE state IN ('FILLED', 'CANCELLED') AND lots_filled < lots_reported"
    )
    return [f"order {row[0]} twice" for row in doubled] + [f"intent {row[0]}: a fill is missing" for row in unbooked]


def _mismatches(state: Path, injected: Sequence[Injected]) -> list[str]:
    acts = {row.where.split()[-1].removesuffix("USDT") for row in injected if row.kind in PEOPLE}
    (path,) = state.glob("sessions/*/log.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    told = [line["difference"] for line in lines if line["event"] == "mismatch"]
    bared = {row.where.split()[-1].removesuffix("USDT") for row in injected if row.kind in BARING}
    return [
        f"mismatch: {text}"
        for text in told
        if not (_is_of(text, EXPLAINED, acts) or _is_of(text, EXPLAINED[:1], bared))
    ]


def _is_of(text: str, names: Sequence[str], bases: set[str]) -> bool:
    return any(name in text for name in names) and any(f"'{base}/" in text for base in bases)


def _tape(state: Path) -> list[str]:
    """Each minute of each instrument on MARKET once, in order, without a hole that is not named."""
    rows = [
        row
        for path in sorted(state.glob("sessions/*/market/*.parquet"))
        for row in parquet.read_table(path).to_pylist()
        if row["kind"] == CANDLE and row["timeframe_s"] == 60
    ]
    found = []
    for instrument in sorted({row["instrument"] for row in rows}):
        firsts = [row["open_ns"] for row in rows if row["instrument"] == instrument and row["revises"] < 0]
        steps = {later - earlier for earlier, later in itertools.pairwise(firsts)}
        if steps - {60 * 10**9}:
            found.append(f"instrument {instrument}: minutes do not follow one another")
        closes = [row["close"] for row in rows if row["instrument"] == instrument and row["close"] == row["close"]]
        if closes and max(closes) > 2 * min(closes):
            found.append(f"instrument {instrument}: an absurd price reached the ring: {min(closes)} to {max(closes)}")
    return found


def campaign(seed: int, count: int, seconds: float) -> int:
    """Run ``count`` sessions from ``seed`` on; how many broke a rule."""
    broken = 0
    for number in range(seed, seed + count):
        family = list(FAMILIES)[number % len(FAMILIES)]
        with tempfile.TemporaryDirectory() as folder:
            state = Path(folder) / "state"
            schedule = drawn(number, FAMILIES[family], round(seconds * 3.5), IDS)
            summary, injected = disturb(state, schedule, number, seconds)
            against = objections(state, summary, injected)
        broken += bool(against)
        print(
            f"seed {number} {family}: {len(injected)} of {len(schedule.faults)} faults, {summary['candles']} candles, "
            f"{summary['fills']} fills, {summary['mismatches']} mismatches: {'; '.join(against) or 'every rule held'}",
            flush=True,
        )
    return broken


def main() -> int:
    """The campaign's command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each session, at 300 times the market's speed")
    typed = parser.parse_args()
    return 1 if campaign(typed.seed, typed.count, typed.seconds) else 0


if __name__ == "__main__":
    sys.exit(main())
