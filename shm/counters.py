"""Every counter, gauge and latency histogram, named once, with owner, help and alert threshold.

    segment COUNTERS, an area for each role (its one writer)
    +---------------------+------------------+----------------------------------------+
    | counters, 256 words | gauges, 64 words | hops, 32 x (count, sum, max, buckets)  |
    +---------------------+------------------+----------------------------------------+

A histogram is log-linear: sixteen buckets for each power of two, so a percentile is at
most 6.25 % above the truth.  Summary and alarms are drawn from the tables below; a new
line appears in both by itself.
"""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Any

import numpy as np

from shm.topology import ROLES

COUNTERS_MAX, GAUGES_MAX, HOPS_MAX = 256, 64, 32
SUB_BUCKETS = 16
BUCKETS = 640  # up to 2^43 ns, two hours
_COUNT, _SUM, _MAX, _FIRST = 0, 1, 2, 3
_HOP_WORDS = _FIRST + BUCKETS + 5
AREA_WORDS = COUNTERS_MAX + GAUGES_MAX + HOPS_MAX * _HOP_WORDS
COUNTERS_BYTES = 8 * AREA_WORDS * len(ROLES)


@dataclass(frozen=True, slots=True)
class Meta:
    """Who counts it, what it means to people, and above which value it is an alarm (None or a hop: never)."""

    owner: str
    help: str
    alert_above: float | None = None


class Counter(IntEnum):
    """What only grows."""

    CANDLES_PUBLISHED = auto()
    SPOT_CANDLES_PUBLISHED = auto()
    CANDLE_GAPS_FOUND = auto()
    CANDLE_GAPS_FILLED = auto()
    CANDLES_DUPLICATE = auto()
    CANDLES_LATE = auto()
    CANDLES_MALFORMED = auto()
    CANDLES_ABSURD = auto()
    CANDLES_OFF_GRID = auto()
    CANDLES_UNCLOSED = auto()
    CANDLES_FUTURE = auto()
    CANDLES_CORRECTED = auto()
    CANDLES_MISSING = auto()
    CANDLES_QUIET = auto()
    CANDLES_BACKFILLED = auto()
    FRAMES_RECEIVED = auto()
    FRAMES_DEFECTIVE = auto()
    RECONNECTS = auto()
    WATCHDOG_TRIPS = auto()
    REQUESTS_FAILED = auto()
    RECORDS_LOST = auto()
    RECORDS_GAP = auto()
    DECISIONS = auto()
    DECISIONS_COLD = auto()
    TARGETS = auto()
    TARGETS_STALE = auto()
    INTENTS = auto()
    ORDERS_SENT = auto()
    ORDERS_REJECTED = auto()
    ORDERS_IN_DOUBT = auto()
    ORDERS_UNKNOWN = auto()
    ORDERS_REFUSED = auto()
    STOPS_PLACED = auto()
    FILLS = auto()
    FILLS_DUPLICATE = auto()
    FEES_DIFFERENT = auto()
    RECONCILIATIONS = auto()
    MISMATCHES = auto()
    CORRECTIONS = auto()
    RECORDS_WRITTEN = auto()
    KILLS_RAISED = auto()
    CRASHES = auto()


class Gauge(IntEnum):
    """What has a value now; kept as a float for show, never for money's arithmetic."""

    EQUITY = 0
    WALLET = auto()
    UNREALISED = auto()
    POSITIONS_OPEN = auto()
    ORDERS_OPEN = auto()
    COMPILED = auto()
    COMPILED_OF = auto()
    WEIGHT_USED = auto()
    STREAM_AGE_S = auto()


class Hop(IntEnum):
    """A way whose time is taken, in nanoseconds."""

    FRAME_TO_RING = 0
    RING_TO_DECISION = auto()
    DECISION_TO_INTENT = auto()
    INTENT_TO_DURABLE = auto()
    DURABLE_TO_SENT = auto()
    FRAME_TO_SENT = auto()
    SENT_TO_ACK = auto()
    LOOP_LAG = auto()
    COMPARISON = auto()


META: Mapping[Counter, Meta] = {
    Counter.CANDLES_PUBLISHED: Meta("feed", "closed candles put on the ring"),
    Counter.SPOT_CANDLES_PUBLISHED: Meta("feed", "closed candles of spots put on the ring, for strategies that look"),
    Counter.CANDLE_GAPS_FOUND: Meta("feed", "holes found between candles"),
    Counter.CANDLE_GAPS_FILLED: Meta("feed", "holes filled by REST"),
    Counter.CANDLES_DUPLICATE: Meta("feed", "candles dropped: published already"),
    Counter.CANDLES_LATE: Meta("feed", "candles dropped: older than what was published"),
    Counter.CANDLES_MALFORMED: Meta("feed", "candles dropped: not finite, or high and low do not hold the rest"),
    Counter.CANDLES_ABSURD: Meta("feed", "candles dropped: finite, but outside the band of what can be"),
    Counter.CANDLES_OFF_GRID: Meta("feed", "candles dropped: not opened on the grid of their timeframe"),
    Counter.CANDLES_UNCLOSED: Meta("feed", "candles dropped: called closed before their end"),
    Counter.CANDLES_FUTURE: Meta("feed", "candles dropped: opened after the time of their own message"),
    Counter.CANDLES_CORRECTED: Meta("feed", "candles that replace one published before"),
    Counter.CANDLES_MISSING: Meta("feed", "candles given up: past their deadline, and REST has none", 0),
    Counter.CANDLES_QUIET: Meta("feed", "candles in which nobody traded"),
    Counter.CANDLES_BACKFILLED: Meta("feed", "candles fetched by REST"),
    Counter.FRAMES_RECEIVED: Meta("feed", "websocket frames received"),
    Counter.FRAMES_DEFECTIVE: Meta("feed", "frames that could not be read"),
    Counter.RECONNECTS: Meta("any", "connections made again"),
    Counter.WATCHDOG_TRIPS: Meta("any", "streams dropped because no data came"),
    Counter.REQUESTS_FAILED: Meta("any", "requests that failed and were tried again"),
    Counter.RECORDS_LOST: Meta("any", "records overwritten before this process read them", 0),
    Counter.RECORDS_GAP: Meta("any", "half-written records that a successor turned into gaps"),
    Counter.DECISIONS: Meta("brain", "decisions"),
    Counter.DECISIONS_COLD: Meta("brain", "decisions without an opinion: indicators not settled"),
    Counter.TARGETS: Meta("brain", "targets published"),
    Counter.TARGETS_STALE: Meta("engine", "targets that had expired when they were read"),
    Counter.INTENTS: Meta("engine", "intents made durable"),
    Counter.ORDERS_SENT: Meta("engine", "requests for an order sent"),
    Counter.ORDERS_REJECTED: Meta("engine", "orders rejected by the exchange"),
    Counter.ORDERS_IN_DOUBT: Meta("engine", "orders whose fate had to be asked for"),
    Counter.ORDERS_UNKNOWN: Meta("engine", "orders at the exchange that our books lack", 0),
    Counter.ORDERS_REFUSED: Meta("engine", "orders refused by our own risk review"),
    Counter.STOPS_PLACED: Meta("engine", "protective stops acknowledged"),
    Counter.FILLS: Meta("engine", "fills booked"),
    Counter.FILLS_DUPLICATE: Meta("engine", "fills told again and not booked again"),
    Counter.FEES_DIFFERENT: Meta("engine", "fees that differ from our own computation", 0),
    Counter.RECONCILIATIONS: Meta("reconciler", "comparisons of journal, books and exchange"),
    Counter.MISMATCHES: Meta("reconciler", "differences that outlived their correction", 0),
    Counter.CORRECTIONS: Meta("reconciler", "corrections proposed"),
    Counter.RECORDS_WRITTEN: Meta("recorder", "records written to files"),
    Counter.KILLS_RAISED: Meta("any", "times the kill word was raised", 0),
    Counter.CRASHES: Meta("any", "processes that ended with an exception", 0),
}

GAUGE_META: Mapping[Gauge, Meta] = {
    Gauge.EQUITY: Meta("engine", "equity in the quote asset"),
    Gauge.WALLET: Meta("engine", "wallet balance in the quote asset"),
    Gauge.UNREALISED: Meta("engine", "unrealised profit in the quote asset"),
    Gauge.POSITIONS_OPEN: Meta("engine", "open positions"),
    Gauge.ORDERS_OPEN: Meta("engine", "open orders"),
    Gauge.COMPILED: Meta("brain", "kernels compiled"),
    Gauge.COMPILED_OF: Meta("brain", "kernels to compile"),
    Gauge.WEIGHT_USED: Meta("engine", "request weight used in this minute"),
    Gauge.STREAM_AGE_S: Meta("engine", "machine seconds since the private stream showed life", 45),
}

HOP_META: Mapping[Hop, Meta] = {
    Hop.FRAME_TO_RING: Meta("feed", "websocket frame received to candle on the ring"),
    Hop.RING_TO_DECISION: Meta("brain", "candle on the ring to decision"),
    Hop.DECISION_TO_INTENT: Meta("engine", "decision to intent"),
    Hop.INTENT_TO_DURABLE: Meta("engine", "intent to its commit on disk"),
    Hop.DURABLE_TO_SENT: Meta("engine", "commit to order bytes out"),
    Hop.FRAME_TO_SENT: Meta("engine", "websocket frame received to order bytes out"),
    Hop.SENT_TO_ACK: Meta("engine", "order bytes out to the exchange's answer"),
    Hop.LOOP_LAG: Meta("any", "how late the event loop runs its timers"),
    Hop.COMPARISON: Meta("reconciler", "one comparison, requests included"),
}

assert META.keys() == set(Counter), "every counter needs an owner and a line of help"
assert GAUGE_META.keys() == set(Gauge), "every gauge needs an owner and a line of help"
assert HOP_META.keys() == set(Hop), "every hop needs an owner and a line of help"
assert all(max(names) < limit for names, limit in ((Counter, COUNTERS_MAX), (Gauge, GAUGES_MAX), (Hop, HOPS_MAX)))


def bucket(value: int) -> int:
    """Number of the bucket that ``value`` falls into; the last takes all that is larger."""
    if value < SUB_BUCKETS:
        return max(value, 0)
    shift = value.bit_length() - 5
    return min(SUB_BUCKETS * shift + (value >> shift), BUCKETS - 1)


def bucket_top(number: int) -> int:
    """The largest value of bucket ``number``."""
    if number < 2 * SUB_BUCKETS:
        return number
    shift = number // SUB_BUCKETS - 1
    return ((number - SUB_BUCKETS * shift + 1) << shift) - 1


def _area(counters: int, role: str) -> int:
    return counters + 8 * AREA_WORDS * ROLES.index(role)


def _words(address: int, words: int) -> memoryview:
    return memoryview((ctypes.c_char * (8 * words)).from_address(address)).cast("B")


class Counters:
    """The area of one role, whose process alone writes it; a word at a time, none ever torn."""

    def __init__(self, counters: int, role: str, *, retain: object = None) -> None:
        """Count for ``role`` in the segment COUNTERS at address ``counters``."""
        self.retain = retain
        self._base = _area(counters, role)
        memory = _words(self._base, AREA_WORDS)
        self._words = memory.cast("q")
        self._floats = memory.cast("d")

    def add(self, counter: Counter, count: int = 1) -> None:
        """Count ``count`` more."""
        self._words[counter] += count

    def value(self, counter: Counter) -> int:
        """What this role has counted."""
        return int(self._words[counter])

    def set(self, gauge: Gauge, value: float) -> None:
        """Show ``value`` from now on."""
        self._floats[COUNTERS_MAX + gauge] = value

    def record(self, hop: Hop, elapsed_ns: int) -> None:
        """Note that one way along ``hop`` took ``elapsed_ns``."""
        words, first = self._words, COUNTERS_MAX + GAUGES_MAX + _HOP_WORDS * hop
        elapsed_ns = max(0, int(elapsed_ns))
        words[first + _FIRST + bucket(elapsed_ns)] += 1
        words[first + _SUM] += elapsed_ns
        if elapsed_ns > words[first + _MAX]:
            words[first + _MAX] = elapsed_ns
        words[first + _COUNT] += 1

    def address(self, counter: Counter) -> int:
        """Address of the word of ``counter``, for kernels that count themselves."""
        return self._base + 8 * counter


class CountersView:
    """Reads the areas of all roles."""

    def __init__(self, counters: int, *, retain: object = None) -> None:
        self.retain = retain
        self._areas = {role: _words(_area(counters, role), AREA_WORDS).cast("q") for role in ROLES}

    def read(self, role: str) -> dict[str, dict[str, Any]]:
        """Counters, gauges and hops of ``role`` that are not zero, by name."""
        words = np.array(self._areas[role], dtype=np.int64)
        gauges = words[COUNTERS_MAX : COUNTERS_MAX + GAUGES_MAX].view(np.float64)
        hops = words[COUNTERS_MAX + GAUGES_MAX :].reshape(HOPS_MAX, _HOP_WORDS)
        return {
            "counters": {counter.name: int(words[counter]) for counter in Counter if words[counter]},
            "gauges": {gauge.name: float(gauges[gauge]) for gauge in Gauge if gauges[gauge]},
            "hops": {hop.name: _summary(hops[hop]) for hop in Hop if hops[hop][_COUNT]},
        }

    def read_all(self) -> dict[str, dict[str, dict[str, Any]]]:
        """``read`` for every role."""
        return {role: self.read(role) for role in ROLES}

    def total(self, counter: Counter) -> int:
        """The sum of ``counter`` over all roles."""
        return sum(int(area[counter]) for area in self._areas.values())

    def highest(self, gauge: Gauge) -> float:
        """The highest value that any role shows of ``gauge``; 0 where none does."""
        bits = np.array([area[COUNTERS_MAX + gauge] for area in self._areas.values()], dtype=np.int64)
        return float(bits.view(np.float64).max())


def _summary(hop: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, Any]:
    buckets, largest = hop[_FIRST : _FIRST + BUCKETS], int(hop[_MAX])
    reached = np.cumsum(buckets)
    count = max(1, int(reached[-1]))

    def percentile(share: float) -> int:
        number = int(np.searchsorted(reached, max(1, int(np.ceil(share * count)))))
        return min(bucket_top(number), largest)

    return {
        "count": count,
        "mean_ns": int(hop[_SUM]) // count,
        "p50_ns": percentile(0.5),
        "p99_ns": percentile(0.99),
        "p999_ns": percentile(0.999),
        "max_ns": largest,
    }
