"""Was every candle decided?  Counted against the exchange's own list of minutes, not against what was delivered.

    exchange   09:00 candle   09:01 candle   09:02 none    09:03 candle
    decisions  09:00          09:01          09:02 HOLE    -
                                             a gap         undecided

What a feed never delivered is missing from the tapes of the session too; only the other side can tell.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from orchestrator.session import Session
from orchestrator.why import stamp
from shm.records import Reason

MINUTE_NS = 60_000_000_000


def attendance(session: Session, grids: Sequence[Mapping[str, Any]], decisions: np.ndarray) -> dict[str, Any]:
    """Return what was expected and decided; gaps, undecided candles and strays (decisions on no candle) by name.

    ``grids`` are the exchange's, one for each instrument in the order of its rows.
    """
    found: dict[str, Any] = {"expected": 0, "decided": 0, "gaps": [], "undecided": [], "strays": []}
    ours = decisions[decisions["kind"] == 1]
    for instrument, grid in zip(session.instruments, grids, strict=True):
        gaps_ns = np.asarray(grid["gaps_ns"], np.int64)
        minutes_ns = np.setdiff1d(np.arange(grid["start_ns"], grid["until_ns"], MINUTE_NS), gaps_ns)
        found["gaps"] += [f"{instrument.symbol} {stamp(int(at_ns))}" for at_ns in gaps_ns]
        for strategy, name in enumerate(session.strategies):
            here = ours[(ours["instrument"] == instrument.row) & (ours["strategy"] == strategy)]
            opens_ns, counts = np.unique(here["open_ns"], return_counts=True)
            holes_ns = here["open_ns"][here["reason"] == int(Reason.HOLE)]
            known = np.isin(opens_ns, minutes_ns) | np.isin(opens_ns, np.intersect1d(gaps_ns, holes_ns))
            found["expected"] += len(minutes_ns)
            found["decided"] += int(np.isin(minutes_ns, opens_ns).sum())
            label = f"{instrument.symbol} {name}"
            found["undecided"] += [f"{label} {stamp(int(at_ns))}" for at_ns in np.setdiff1d(minutes_ns, opens_ns)]
            found["strays"] += [f"{label} {stamp(int(at_ns))}" for at_ns in opens_ns[~known | (counts > 1)]]
    return found


def words(found: Mapping[str, Any]) -> str:
    """Return what is wrong in one line, or an empty string."""
    wrong = [
        f"{len(found[kind])} {meaning}, the first {found[kind][0]}"
        for kind, meaning in (("undecided", "candles of the exchange undecided"), ("strays", "decisions on no candle"))
        if found.get(kind)
    ]
    return "; ".join(wrong)
