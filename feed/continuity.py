"""Is this candle the next one?  Pure: it is told everything and remembers only its series.

    candle --> well formed? on the grid? closed? --no--> MALFORMED OFF_GRID UNCLOSED FUTURE   refused
                       | yes
       open time  known, same values                --> DUPLICATE                             refused
                  known, other values    in band    --> CORRECTED    published as a revision, decides nothing anew
                                         off band   --> ABSURD
                  before what we remember           --> LATE                                  refused
                  right after the last   in band    --> NEXT                                  published
                                         off band   --> ABSURD       refused until REST says the same
                  further ahead                     --> GAP          kept until REST has filled the hole

Refused is never silent: each verdict is counted under its name.
"""

import math
from collections import deque
from enum import IntEnum

from feed.candle import Candle

MEMORY = 1440  # candles of which we can still tell a duplicate from a correction


class Verdict(IntEnum):
    """What a candle is, seen from its series."""

    NEXT = 1
    DUPLICATE = 2
    LATE = 3
    CORRECTED = 4
    GAP = 5
    MALFORMED = 6
    ABSURD = 7
    OFF_GRID = 8
    UNCLOSED = 9
    FUTURE = 10


ROUTINE = frozenset(  # what every stream brings now and then, and what is dealt with here
    verdict.name for verdict in (Verdict.DUPLICATE, Verdict.LATE, Verdict.CORRECTED, Verdict.GAP, Verdict.UNCLOSED)
)


def is_well_formed(candle: Candle) -> bool:
    """Finite, positive prices, the open and close within high and low, nothing negative."""
    _, opened, high, low, close, volume, quote_volume, taker_volume, taker_quote_volume, trades = candle
    # A comparison with NaN is false, so NaN fails here without being named.
    return (
        0.0 < low <= opened <= high < math.inf
        and low <= close <= high
        and 0.0 <= volume < math.inf
        and 0.0 <= quote_volume < math.inf
        and 0.0 <= taker_volume < math.inf
        and 0.0 <= taker_quote_volume < math.inf
        and trades >= 0
    )


def is_within_band(candle: Candle, reference: float, band_share: float) -> bool:
    """No price of ``candle`` is further than ``band_share`` below ``reference``, or as far above in proportion."""
    return candle.low >= reference * (1.0 - band_share) and candle.high <= reference / (1.0 - band_share)


class Series:
    """The candles of one instrument and timeframe as far as they were published."""

    __slots__ = ("_known", "_order", "band_share", "close_last", "counts", "open_ns_last", "step_ns")

    def __init__(self, step_ns: int, band_share: float) -> None:
        self.step_ns = step_ns
        self.band_share = band_share
        self.open_ns_last: int | None = None  # published, MISSING included
        self.close_last = 0.0  # the last good close; 0 before the first
        self.counts = dict.fromkeys(Verdict, 0)
        self._known: dict[int, tuple[tuple[float, ...] | None, int]] = {}
        self._order: deque[int] = deque()

    @property
    def open_ns_next(self) -> int | None:
        """Open time of the candle that is due; None before the first."""
        return None if self.open_ns_last is None else self.open_ns_last + self.step_ns

    def judge(self, candle: Candle, now_ns: int, *, closed: bool = True, confirmed: bool = False) -> Verdict:
        """The verdict on ``candle``, counted; ``confirmed`` when REST gave it: then its band is not asked.

        ``now_ns`` is the market's time as the candle's own message tells it.
        """
        verdict = self._verdict(candle, now_ns, closed=closed, confirmed=confirmed)
        self.counts[verdict] += 1
        return verdict

    def _verdict(self, candle: Candle, now_ns: int, *, closed: bool, confirmed: bool) -> Verdict:
        if not is_well_formed(candle):
            return Verdict.MALFORMED
        if candle.open_ns % self.step_ns:
            return Verdict.OFF_GRID
        if candle.open_ns > now_ns:
            return Verdict.FUTURE
        # A closed candle's message may carry the last millisecond of its own interval.
        if not closed or candle.open_ns + self.step_ns > now_ns + 1_000_000:
            return Verdict.UNCLOSED
        if self.open_ns_last is not None and candle.open_ns <= self.open_ns_last:
            if candle.open_ns not in self._known:
                return Verdict.LATE
            if self._known[candle.open_ns][0] == candle.values:
                return Verdict.DUPLICATE
            return Verdict.CORRECTED if confirmed or self._is_likely(candle) else Verdict.ABSURD
        if self.open_ns_last is not None and candle.open_ns > self.open_ns_last + self.step_ns:
            return Verdict.GAP
        return Verdict.NEXT if confirmed or self._is_likely(candle) else Verdict.ABSURD

    def _is_likely(self, candle: Candle) -> bool:
        return not self.close_last or is_within_band(candle, self.close_last, self.band_share)

    def admit(self, candle: Candle, sequence: int = -1) -> None:
        """``candle`` was published as record ``sequence`` (-1: only hydrated), as the newest or as a revision."""
        newest = self.open_ns_last is None or candle.open_ns > self.open_ns_last
        if newest:
            self.close_last = candle.close
        self._remember(candle.open_ns, candle.values, sequence)

    def admit_missing(self, open_ns: int, sequence: int) -> None:
        """A MISSING record for ``open_ns`` was published; a candle that turns up later corrects it."""
        self._remember(open_ns, None, sequence)

    def sequence_of(self, open_ns: int) -> int:
        """Sequence of the newest record about ``open_ns``, or -1."""
        return self._known[open_ns][1] if open_ns in self._known else -1

    def _remember(self, open_ns: int, values: tuple[float, ...] | None, sequence: int) -> None:
        if open_ns not in self._known:
            self._order.append(open_ns)
            if len(self._order) > MEMORY:
                del self._known[self._order.popleft()]
        self._known[open_ns] = (values, sequence)
        if self.open_ns_last is None or open_ns > self.open_ns_last:
            self.open_ns_last = open_ns
