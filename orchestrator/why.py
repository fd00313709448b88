"""Why the brain decided so: decision records of a session's recording, in words."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from brain.words import explain as words_of
from orchestrator import result
from orchestrator import session as sessions
from orchestrator.settings import BadInputError
from orchestrator.tape import TapeError, read_folder
from shm.records import DECISION


def explain(state: Path, folder: Path | None, about: tuple[str, str], place: str | None = None) -> int:
    """Print, or write to ``place``, the decisions on a symbol whose candle covers a time."""
    symbol, time = about
    session = sessions.load(folder or sessions.newest(state))
    rows = {instrument.symbol: row for row, instrument in enumerate(session.instruments)}
    if symbol not in rows:
        raise BadInputError(f"{symbol} was not traded in {session.folder}; it has {', '.join(rows)}")
    try:
        decisions = read_folder(session.path / "decisions", DECISION)["record"]
    except TapeError as error:
        raise BadInputError(str(error)) from None
    ours = decisions[(decisions["instrument"] == rows[symbol]) & (decisions["kind"] != 0)]
    found = ours[covering(ours, instant_ns(time))]
    if not len(found):
        raise BadInputError(f"no decision on {symbol} at {time} in {session.folder}; {span(ours)}")
    told = [_told(decision, session, symbol) for decision in found]
    if result.write({"session": session.folder, "decisions": told}, place):
        for one in told:
            print(f"{one['time']} UTC  {one['words']}")
            print(
                f"    candle of {one['timeframe_s']} s, sequence {one['market_seq']}, "
                f"target {one['target_id']}, amount {one['amount']}, position {one['position_lots']} lots, "
                f"values {', '.join(f'{value:g}' for value in one['values'])}, "
                f"inputs {one['inputs_hash']}, epoch {one['epoch']}"
            )
    return 0


def _told(decision: np.void, session: sessions.Session, symbol: str) -> dict[str, Any]:
    row = int(decision["strategy"])
    instrument = next(one for one in session.instruments if one.symbol == symbol)
    numbers = ("timeframe_s", "market_seq", "target_id", "amount", "position_lots", "epoch")
    return {
        "time": stamp(int(decision["open_ns"])),
        "symbol": symbol,
        "strategy": session.strategies[row],
        "words": words_of(decision, symbol, session.values[row], instrument.tick),
        **{name: int(decision[name]) for name in numbers},
        "values": [float(value) for value in decision["values"]],
        "inputs_hash": f"{int(decision['inputs_hash']):016x}",
    }


def covering(decisions: np.ndarray, at_ns: int) -> np.ndarray:
    """Return which decisions are about a candle that contains ``at_ns``."""
    lengths = decisions["timeframe_s"].astype(np.int64) * 1_000_000_000
    mask: np.ndarray = (decisions["open_ns"] <= at_ns) & (at_ns < decisions["open_ns"] + lengths)
    return mask


def instant_ns(text: str) -> int:
    """Return market time from ISO text; without a zone it is UTC."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise BadInputError(f"{text} is no time; write it like 2025-11-20T12:31") from None
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def span(decisions: np.ndarray) -> str:
    """Return what is there, for whoever asked beside it."""
    if not len(decisions):
        return "nothing was recorded"
    first, last = int(decisions["open_ns"].min()), int(decisions["open_ns"].max())
    return f"recorded are {stamp(first)} to {stamp(last)}"


def stamp(market_ns: int) -> str:
    """Return market time as ISO text."""
    return datetime.fromtimestamp(market_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M")
