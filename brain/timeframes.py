"""Higher timeframes: one minute in, 5m 15m 1h 4h 1d out, or what else a day holds whole; UTC aligned, closed only.

    minutes  00 01 02 03 04 | 05 06 07 -- 09 | 10 11
    5m       .............^   ............^    .....
                          |               |        nothing: never a partial one
                    closed, whole   closed at its last minute, but one is absent:
                                    provenance MISSING, ``missing`` 1, not to be used

An interval whose last minute never comes is not reported: the jump in the minutes is.

HISTORY has those of SECONDS.  The past of another one (3m, 30m, 2h) is put together from the longest of them that fits.
"""

import re
from typing import Any

import numpy as np

from shm.jit import kernel
from shm.records import MARKET, Provenance
from shm.topology import TIMEFRAMES_S

SECONDS = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14400, "1d": 86400}
MINUTE_NS = 60_000_000_000
SECOND_NS = 1_000_000_000

assert tuple(SECONDS.values()) == TIMEFRAMES_S

DAY_S = 86_400
_NAME = re.compile(r"([1-9]\d{0,3})([mhd])")
_UNITS_S = {"m": 60, "h": 3600, "d": DAY_S}


def seconds_named(name: str) -> int:
    """Return the seconds of a timeframe like 30m; 0 where it is none, or a day does not hold it whole."""
    found = _NAME.fullmatch(name)
    seconds = int(found[1]) * _UNITS_S[found[2]] if found else 0
    return seconds if seconds and DAY_S % seconds == 0 else 0


def base_of(timeframe_s: int) -> int:
    """Return the timeframe of HISTORY that the past of ``timeframe_s`` is put together from: itself, or the longest."""
    return max(seconds for seconds in TIMEFRAMES_S if timeframe_s % seconds == 0)


# a candle in the making; one for each instrument and higher timeframe
FOLD = np.dtype([("candle", MARKET), ("minutes", "<i8")], align=True)

_OBSERVED, _MISSING = int(Provenance.OBSERVED), int(Provenance.MISSING)


@kernel
def fold(making, minute, timeframe_s):
    """Add ``minute``; True when it is the last of its interval, and ``making.candle`` is closed.

    In place of minutes any shorter candles will do, all of one length.
    """
    span_ns = timeframe_s * SECOND_NS
    open_ns = minute.open_ns - minute.open_ns % span_ns
    candle = making.candle
    if making.minutes == 0 or candle.open_ns != open_ns:
        _begin(making, minute, open_ns, timeframe_s)
    if minute.provenance != _MISSING:
        _add(making, minute)
    if minute.open_ns + minute.timeframe_s * SECOND_NS != open_ns + span_ns:
        return False
    candle.missing = timeframe_s // minute.timeframe_s - (making.minutes - 1)
    candle.provenance = _OBSERVED if candle.missing == 0 else _MISSING
    candle.received_ns = minute.received_ns
    candle.published_ns = minute.published_ns
    making.minutes = 0
    return True


@kernel
def _begin(making, minute, open_ns, timeframe_s):
    # ``minutes`` counts from 1, so that an interval that has begun differs from none
    making.minutes = 1
    candle = making.candle
    candle.kind = minute.kind
    candle.instrument = minute.instrument
    candle.timeframe_s = timeframe_s
    candle.epoch = minute.epoch
    candle.open_ns = open_ns
    candle.open, candle.high, candle.low, candle.close = np.nan, -np.inf, np.inf, np.nan
    candle.volume, candle.quote_volume, candle.taker_volume, candle.taker_quote_volume = 0.0, 0.0, 0.0, 0.0
    candle.trades = 0
    candle.revises = -1


@kernel
def _add(making, minute):
    candle = making.candle
    if making.minutes == 1:
        candle.open = minute.open
    making.minutes += 1
    candle.high = max(candle.high, minute.high)
    candle.low = min(candle.low, minute.low)
    candle.close = minute.close
    candle.volume += minute.volume
    candle.quote_volume += minute.quote_volume
    candle.taker_volume += minute.taker_volume
    candle.taker_quote_volume += minute.taker_quote_volume
    candle.trades += minute.trades


@kernel
def _resample(minutes, timeframe_s, making, out):
    count = 0
    for n in range(minutes.size):
        if fold(making[0], minutes[n], timeframe_s):
            out[count] = making[0].candle
            count += 1
    return count


def resample(minutes: np.ndarray[Any, np.dtype[np.void]], timeframe_s: int) -> np.ndarray[Any, np.dtype[np.void]]:
    """Return the closed candles of ``timeframe_s`` in ``minutes`` (MARKET records of one length, in order)."""
    length_s = int(minutes["timeframe_s"][0]) if len(minutes) else 60
    assert timeframe_s > length_s, "a shorter candle is what comes in"
    assert timeframe_s % length_s == 0, "a candle holds whole shorter ones"
    assert DAY_S % timeframe_s == 0, "a day holds whole candles"
    out = np.zeros(len(minutes), MARKET)
    count = _resample(np.ascontiguousarray(minutes), timeframe_s, np.zeros(1, FOLD), out)
    return out[:count]
