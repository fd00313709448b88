"""Unbroken runs of closed candles out of table HISTORY: what a brain warms up with.

    HISTORY 1h   . . . x x x x x x x x   run: ends at the last hour closed by then
    HISTORY 1m             . x x x x x|  run: ends at the minute before the one to be decided
                                      ^ instant

A run goes back from its end until a row is missing.  An hour that the table does not have
yet, since REST brings it a little after the close, is put together from the minutes.
"""

from typing import Any, Protocol

import numpy as np

from brain.timeframes import resample
from shm.records import MARKET, MarketKind, Provenance
from shm.topology import HISTORY_DEPTH, TIMEFRAMES_S, history_row

Candles = np.ndarray[Any, np.dtype[np.void]]
SECOND_NS = 1_000_000_000
# a higher candle that REST has not brought within this much market time is not waited for
GRACE_NS = 300 * SECOND_NS


class Rows(Protocol):
    """What is needed of a table's reader."""

    def read(self, row: int, out: Candles) -> bool:
        """Copy the newest value of ``row`` to ``out``; False when there is none."""
        ...


def run_before(history: Rows, instrument: int, frame: int, end_ns: int) -> Candles:
    """Return the unbroken run of candles of timeframe number ``frame`` that ends at ``end_ns``, oldest first."""
    step_ns = TIMEFRAMES_S[frame] * SECOND_NS
    out = np.zeros(HISTORY_DEPTH, MARKET)
    start = HISTORY_DEPTH
    for n in range(HISTORY_DEPTH - 1, -1, -1):
        end_ns -= step_ns
        one = out[n : n + 1]
        if not history.read(history_row(instrument, frame, end_ns), one) or not _is(one[0], instrument, frame, end_ns):
            break
        start = n
    return out[start:]


def _is(candle: np.void, instrument: int, frame: int, open_ns: int) -> bool:
    return bool(
        candle["kind"] == MarketKind.CANDLE
        and candle["open_ns"] == open_ns
        and candle["timeframe_s"] == TIMEFRAMES_S[frame]
        and candle["instrument"] == instrument
        and candle["provenance"] != Provenance.MISSING
    )


def runs_before(history: Rows, instrument: int, frames: int, instant_ns: int) -> tuple[list[Candles], bool]:
    """Return a run for each timeframe of the bits ``frames``, and whether to look again a minute later.

    Minutes always come: the candle in the making is put together from them.
    """
    minutes = run_before(history, instrument, 0, instant_ns)
    runs, again = [minutes], False
    for frame in range(1, len(TIMEFRAMES_S)):
        if not frames & (1 << frame):
            runs.append(minutes[:0])
            continue
        step_ns = TIMEFRAMES_S[frame] * SECOND_NS
        end_ns = instant_ns - instant_ns % step_ns
        made = resample(minutes, TIMEFRAMES_S[frame])
        made = made[made["missing"] == 0]
        run = run_before(history, instrument, frame, end_ns)
        if len(run) == 0:
            # the minutes know the newest ones; the table goes on before them
            tail = made[made["open_ns"] < end_ns]
            oldest_ns = int(tail["open_ns"][0]) if len(tail) else end_ns
            run = np.concatenate([run_before(history, instrument, frame, oldest_ns), tail]) if len(tail) else run
        runs.append(run)
        again |= len(run) == 0 and instant_ns - end_ns < GRACE_NS
    return runs, again
