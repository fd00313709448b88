"""Every ring, table and word that the processes share: who writes it, who reads it.

      exchange --ws/rest--> feed ==MARKET==> brain ==TARGETS==> engine --rest/ws--> exchange
                              ==TICKS==>       ==DECISIONS==>     ==ORDER_EVENTS==>
                              --HISTORY-->  brain                 --POSITIONS--> brain
                                            reconciler ==CORRECTIONS==> engine

A ring (==) has one writer, which never waits; a reader that is lapped is told how
many records it lost.  A table (--) holds the newest value of each row.  A word is
written by many, by compare-and-swap.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shm import records

ROLES = ("supervisor", "exchange", "feed", "brain", "engine", "reconciler", "recorder", "monitor")

STRATEGIES_MAX = 8  # on one instrument; a POSITIONS row for each
TIMEFRAMES_S = (60, 300, 900, 3600, 14400, 86400)  # 1m 5m 15m 1h 4h 1d
HISTORY_DEPTH = 1024  # closed candles per instrument and timeframe: an EMA 90 settles


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """One writer, many readers; ``capacity`` records, a power of two."""

    name: str
    record: np.dtype[np.void]
    writer: str
    readers: tuple[str, ...]
    capacity: int
    late_reader: str  # what a reader that was lapped does


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The newest value per row; ``rows`` follows from the number of instruments."""

    name: str
    record: np.dtype[np.void]
    writers: tuple[str, ...]  # each row has one of them
    readers: tuple[str, ...]
    rows: Callable[[int], int]
    row_is: str
    copies: int = 2  # 2: a writer killed mid-row leaves the old value; 1: it leaves none


RINGS = (
    Ring(
        name="MARKET",
        record=records.MARKET,
        writer="feed",
        readers=("brain", "engine", "exchange", "recorder", "monitor"),
        capacity=1 << 16,
        late_reader="counts the loss, reads HISTORY, goes on",
    ),
    Ring(
        name="TICKS",
        record=records.TICK,
        writer="feed",
        readers=("exchange", "recorder", "monitor"),
        capacity=1 << 16,
        late_reader="counts the loss",
    ),
    Ring(
        name="TARGETS",
        record=records.TARGET,
        writer="brain",
        readers=("engine", "recorder", "monitor"),
        capacity=1 << 14,
        late_reader="the next target supersedes",
    ),
    Ring(
        name="DECISIONS",
        record=records.DECISION,
        writer="brain",
        readers=("recorder", "monitor"),
        capacity=1 << 16,
        late_reader="counts the loss; the session is marked not provable",
    ),
    Ring(
        name="ORDER_EVENTS",
        record=records.ORDER_EVENT,
        writer="engine",
        readers=("reconciler", "recorder", "monitor"),
        capacity=1 << 14,
        late_reader="counts the loss; the journal is the truth",
    ),
    Ring(
        name="CORRECTIONS",
        record=records.CORRECTION,
        writer="reconciler",
        readers=("engine", "recorder", "monitor"),
        capacity=1 << 10,
        late_reader="nothing: a correction is repeated in the next round",
    ),
)


def history_row(instrument: int, timeframe: int, open_ns: int) -> int:
    """Row of HISTORY for the candle of timeframe number ``timeframe`` opened at ``open_ns``."""
    step_ns = TIMEFRAMES_S[timeframe] * 1_000_000_000
    series = instrument * len(TIMEFRAMES_S) + timeframe
    return series * HISTORY_DEPTH + open_ns // step_ns % HISTORY_DEPTH


def spot_row(instrument: int, instruments: int) -> int:
    """Row of the minutes of the spot of ``instrument``, behind those of all ``instruments``: observed, never traded."""
    return instruments + instrument


def position_row(instrument: int, strategy: int) -> int:
    """Row of POSITIONS for ``strategy`` on ``instrument``."""
    return instrument * STRATEGIES_MAX + strategy


def role_row(role: str) -> int:
    """Row of PULSES and COMMANDS for ``role``."""
    return ROLES.index(role)


TABLES = (
    Table(
        name="HISTORY",
        record=records.MARKET,
        writers=("feed",),
        readers=("brain", "engine", "exchange", "recorder", "monitor"),  # exchange: the past of a mirrored market
        rows=lambda instruments: instruments * len(TIMEFRAMES_S) * HISTORY_DEPTH,
        row_is="history_row(instrument, timeframe, open_ns)",
        copies=1,
    ),
    Table(
        name="INSTRUMENTS",
        record=records.INSTRUMENT,
        writers=("supervisor",),
        readers=ROLES,
        rows=lambda instruments: instruments,
        row_is="instrument",
    ),
    Table(
        name="QUOTES",
        record=records.QUOTE,
        writers=("feed",),
        readers=ROLES,
        rows=lambda instruments: instruments,
        row_is="instrument",
    ),
    Table(
        name="POSITIONS",
        record=records.POSITION,
        writers=("engine",),
        readers=ROLES,
        rows=lambda instruments: instruments * STRATEGIES_MAX,
        row_is="position_row(instrument, strategy)",
    ),
    Table(
        name="CLOCK",
        record=records.CLOCK,
        writers=("feed",),
        readers=ROLES,
        rows=lambda _: 1,
        row_is="0",
    ),
    Table(
        name="PULSES",
        record=records.PULSE,
        writers=ROLES,
        readers=ROLES,
        rows=lambda _: len(ROLES),
        row_is="role_row(role), written by that role",
    ),
    Table(
        name="COMMANDS",
        record=records.COMMAND,
        writers=("supervisor",),
        readers=ROLES,
        rows=lambda _: len(ROLES),
        row_is="role_row(role) of the role that is told",
    ),
)

WORDS = ("KILL", "RATE_BUDGET")  # row numbers in segment WORDS, 128 bytes apart

for _ring in RINGS:
    assert _ring.capacity & (_ring.capacity - 1) == 0, f"{_ring.name}: capacity is not a power of two"
    assert {_ring.writer, *_ring.readers} <= set(ROLES), f"{_ring.name}: an unknown role"
