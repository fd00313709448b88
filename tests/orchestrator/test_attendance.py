"""Attendance: every candle of the exchange has its decision, or its name on the list."""

from pathlib import Path

import numpy as np
import pytest

from orchestrator.attendance import MINUTE_NS, attendance, words
from shm.records import DECISION, Reason
from tests.orchestrator.sessions import session_in

GAP = 3


def grid(symbol: str, minutes: int, *gaps: int) -> dict[str, object]:
    """Return the exchange's list for ``minutes`` minutes, of which ``gaps`` had no candle."""
    gaps_ns = [MINUTE_NS * at for at in gaps]
    count = minutes - len(gaps)
    return {
        "symbol": symbol,
        "start_ns": 0,
        "until_ns": MINUTE_NS * minutes,
        "candles_count": count,
        "gaps_ns": gaps_ns,
    }


def decided(*rows: tuple[int, int, Reason]) -> np.ndarray:
    """Return decisions: instrument, minute, reason."""
    records = np.zeros(len(rows), DECISION)
    for record, (instrument, minute, reason) in zip(records, rows, strict=True):
        record["kind"], record["instrument"], record["open_ns"] = 1, instrument, MINUTE_NS * minute
        record["reason"] = int(reason)
    return records


GRIDS = [grid("BTCUSDT", 5, GAP), grid("ETHUSDT", 2)]
WHOLE = [(0, minute, Reason.HOLE if minute == GAP else Reason.FLAT) for minute in range(5)]
WHOLE += [(1, minute, Reason.FLAT) for minute in range(2)]


def test_a_whole_session_has_nobody_missing(tmp_path: Path):
    """Six candles, six decisions; the gap is named and its hole is no stray."""
    found = attendance(session_in(tmp_path), GRIDS, decided(*WHOLE))
    assert found == {
        "expected": 6,
        "decided": 6,
        "gaps": ["BTC/USDT:USDT 1970-01-01T00:03"],
        "undecided": [],
        "strays": [],
    }
    assert words(found) == ""


@pytest.mark.parametrize("minute", [0, 2, 4])
def test_a_candle_that_was_never_delivered_is_named(tmp_path: Path, minute: int):
    """The session's own tapes agree with one another; the exchange's list does not."""
    found = attendance(session_in(tmp_path), GRIDS, decided(*[row for row in WHOLE if row[:2] != (0, minute)]))
    assert (found["expected"], found["decided"]) == (6, 5)
    assert found["undecided"] == [f"BTC/USDT:USDT trend 1970-01-01T00:0{minute}"]
    assert words(found) == f"1 candles of the exchange undecided, the first {found['undecided'][0]}"


@pytest.mark.parametrize(
    "stray",
    [(0, 2, Reason.FLAT), (1, 2, Reason.FLAT), (0, GAP, Reason.LONG)],
    ids=["twice", "after the end", "an opinion on a gap"],
)
def test_a_decision_without_a_candle_is_a_stray(tmp_path: Path, stray: tuple[int, int, Reason]):
    """Said twice, on a minute that the exchange does not have, or as an opinion on a minute without a candle."""
    rows = [row for row in WHOLE if row[:2] != (0, GAP)] if stray[1] == GAP else WHOLE
    found = attendance(session_in(tmp_path), GRIDS, decided(*rows, stray))
    assert found["undecided"] == []
    assert len(found["strays"]) == 1
    assert words(found).startswith("1 decisions on no candle, the first ")


def test_every_strategy_has_to_decide(tmp_path: Path):
    """A gap's minute needs no decision; every other one needs one of each strategy."""
    found = attendance(session_in(tmp_path), GRIDS, decided(*[row for row in WHOLE if row[0] == 0 and row[1] != GAP]))
    assert found["undecided"] == [f"ETH/USDT:USDT trend 1970-01-01T00:0{minute}" for minute in range(2)]
