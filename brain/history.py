"""Unbroken runs of closed candles out of table HISTORY: what a brain warms up with.

    HISTORY 1h   . . . x x x x x x x x   run: ends at the last hour closed by then
    HISTORY 1m             . x x x x x|  run: ends at the minute before the one to be decided
                                      ^ instant

A run goes back from its end until a row is missing.  An hour that the table does not have
yet, since REST brings it a little after the close, is put together from the minutes.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from brain.timeframes import base_of, resample
from shm.jit import address_of, kernel, record_at
from shm.records import MARKET, MarketKind, Provenance
from shm.table import SLOT, read_row
from shm.topology import HISTORY_DEPTH, TIMEFRAMES_S, history_row

Candles = np.ndarray[Any, np.dtype[np.void]]
SECOND_NS = 1_000_000_000
MARKET_BYTES = MARKET.itemsize
# a higher candle that REST has not brought within this much market time is not waited for
GRACE_NS = 300 * SECOND_NS

_CANDLE, _MISSING = int(MarketKind.CANDLE), int(Provenance.MISSING)


class Rows(Protocol):
    """What is needed of a table's reader."""

    copies: int

    def address(self, row: int) -> int:
        """Address of ``row``, for kernels that read it themselves."""


def run_before(history: Rows, instrument: int, frame: int, end_ns: int) -> Candles:
    """Return the unbroken run of candles of timeframe number ``frame`` that ends at ``end_ns``, oldest first."""
    out = np.zeros(HISTORY_DEPTH, MARKET)
    series_at = history.address(history_row(instrument, frame, 0))
    return out[_walk_back(series_at, history.copies, (instrument, TIMEFRAMES_S[frame], end_ns), address_of(out)) :]


@kernel
def _walk_back(series_at, copies, wanted, out_at):
    """Read rows into the records at ``out_at``, from the last one back; the index of the first that is there."""
    instrument, timeframe_s, end_ns = wanted
    step_ns = timeframe_s * SECOND_NS
    for n in range(HISTORY_DEPTH - 1, -1, -1):
        end_ns -= step_ns
        row_at = series_at + SLOT * copies * (end_ns // step_ns % HISTORY_DEPTH)
        one = record_at(out_at + MARKET_BYTES * n, MARKET)
        is_there = read_row(row_at, copies, out_at + MARKET_BYTES * n) >= 0 and one.kind == _CANDLE
        is_ours = one.timeframe_s == timeframe_s and one.instrument == instrument and one.open_ns == end_ns
        if not (is_there and is_ours and one.provenance != _MISSING):
            return n + 1
    return 0


def runs_before(history: Rows, instrument: int, frames_s: Sequence[int], instant_ns: int) -> tuple[list[Candles], bool]:
    """Return a run for each timeframe, 0 for one that nobody wants, and whether to look again a minute later.

    Minutes always come: the candle in the making is put together from them.
    """
    minutes = run_before(history, instrument, 0, instant_ns)
    runs, again = [minutes], False
    for seconds in frames_s[1:]:
        if not seconds:
            runs.append(minutes[:0])
            continue
        base_s = base_of(seconds)
        run = _run_of(history, instrument, (base_s, instant_ns), minutes)
        if base_s != seconds:
            run = resample(run, seconds)
            run = run[run["missing"] == 0]
        runs.append(run)
        again |= len(run) == 0 and instant_ns % (seconds * SECOND_NS) < GRACE_NS
    return runs, again


def _run_of(history: Rows, instrument: int, wanted: tuple[int, int], minutes: Candles) -> Candles:
    # of a timeframe of HISTORY, up to an instant
    seconds, instant_ns = wanted
    if seconds == TIMEFRAMES_S[0]:
        return minutes
    frame, end_ns = TIMEFRAMES_S.index(seconds), instant_ns - instant_ns % (seconds * SECOND_NS)
    run = run_before(history, instrument, frame, end_ns)
    if len(run) == 0:
        # the minutes know the newest ones; the table goes on before them
        made = resample(minutes, seconds)
        tail = made[(made["missing"] == 0) & (made["open_ns"] < end_ns)]
        if len(tail):
            run = np.concatenate([run_before(history, instrument, frame, int(tail["open_ns"][0])), tail])
    return run
