"""The session in words: the first decision, order, stop and fill; then one live line.

DECISIONS ----+
ORDER_EVENTS -+--> Commentary --> lines for the screen
POSITIONS, QUOTES, CLOCK --> the live line
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from brain.words import explain
from orchestrator.rollcall import RollCall
from shm.instruments import Instrument
from shm.memory import Memory
from shm.records import CLOCK, DECISION, ORDER_EVENT, POSITION, QUOTE, OrderEventKind, OrderState, Purpose, Reason
from shm.topology import STRATEGIES_MAX, position_row

BATCH = 256
MINOR = Decimal(10) ** -8


def money(minor: int) -> str:
    """Return minor units as a person reads money."""
    return f"{Decimal(minor) * MINOR:,.2f}"


def clock_text(market_ns: int) -> str:
    """Return market time as hours and minutes."""
    return datetime.fromtimestamp(market_ns / 1e9, UTC).strftime("%H:%M")


def duration(span_ns: int) -> str:
    """Return a time taken as a person reads it; a dash before the first."""
    if not span_ns:
        return "-"
    return f"{span_ns / 1e3:.0f} us" if span_ns < 1_000_000 else f"{span_ns / 1e6:.0f} ms"


def order_words(event: np.void, instrument: Instrument) -> str:
    """Return what an order is, in words."""
    side = "buy" if event["side"] > 0 else "sell"
    base = instrument.symbol.partition("/")[0]
    price = int(event["price_ticks"])
    at = f" at {instrument.price(price)}" if price else ""
    return f"{side} {instrument.quantity(int(event['lots']))} {base}{at}"


class Commentary:
    """Follows the session's rings and says each first thing once."""

    def __init__(self, memory: Memory, instruments: Sequence[Instrument], values: Sequence[Sequence[str]]) -> None:
        """``values``: for each strategy, by row, the names of what its decisions show."""
        self._instruments = instruments
        self._values = values
        self._decisions = memory.ring_reader("DECISIONS")
        self._events = memory.ring_reader("ORDER_EVENTS")
        self._positions = memory.table_reader("POSITIONS")
        self._quotes = memory.table_reader("QUOTES")
        self._clock = memory.table_reader("CLOCK")
        self._decision_batch = np.zeros(BATCH, DECISION)
        self._event_batch = np.zeros(BATCH, ORDER_EVENT)
        self._told: set[str] = set()
        self._roll = RollCall([each.symbol for each in instruments], len(values))
        self.last_reason = ""
        self.fills = 0

    @property
    def has_told(self) -> frozenset[str]:
        """Which first things were said: decision, order, stop, fill."""
        return frozenset(self._told)

    def lines(self) -> list[str]:
        """Return what is worth saying about what happened since the last call."""
        return [*self._read_decisions(), *self._read_events()]

    def _read_decisions(self) -> list[str]:
        lines = []
        while count := self._decisions.read_into(self._decision_batch):
            for decision in self._decision_batch[:count]:
                if not decision["kind"]:
                    continue
                instrument = self._instruments[int(decision["instrument"])]
                values = self._values[int(decision["strategy"])]
                self.last_reason = explain(decision, instrument.symbol, values, instrument.tick)
                if self._is_first("decision"):
                    lines.append(f"first decision  {self.last_reason}")
                elif decision["reason"] in (Reason.LONG, Reason.SHORT) and self._is_first("opinion"):
                    lines.append(f"first opinion   {self.last_reason}")
                row, strategy = int(decision["instrument"]), int(decision["strategy"])
                if said := self._roll.hear(row, strategy, int(decision["open_ns"])):
                    lines.append(said)
        return lines

    def _read_events(self) -> list[str]:
        lines = []
        while count := self._events.read_into(self._event_batch):
            for event in self._event_batch[:count]:
                what = self._first_of(event)
                self.fills += int(event["kind"] == OrderEventKind.FILL)
                if what and self._is_first(what):
                    words = order_words(event, self._instruments[int(event["instrument"])])
                    lines.append(f"first {what:<10}{words}")
        return lines

    @staticmethod
    def _first_of(event: np.void) -> str:
        if event["kind"] == OrderEventKind.FILL:
            return "fill"
        if event["kind"] == OrderEventKind.STATE and event["purpose"] == Purpose.STOP:
            return "stop" if event["state"] == OrderState.OPEN else ""
        return "order" if event["kind"] == OrderEventKind.INTENT and event["purpose"] != Purpose.STOP else ""

    def _is_first(self, what: str) -> bool:
        if what in self._told:
            return False
        self._told.add(what)
        return True

    def market_ns(self) -> int:
        """Return market time as last heard; 0 before the first event."""
        row = np.zeros(1, CLOCK)
        return int(row["market_ns"][0]) if self._clock.read(0, row) else 0

    def books(self) -> tuple[int, int, int, list[str]]:
        """Return realised profit less fees, unrealised, fees (minor units), and the positions in words."""
        realised = unrealised = fees = 0
        held: list[str] = []
        position, quote = np.zeros(1, POSITION), np.zeros(1, QUOTE)
        for row, instrument in enumerate(self._instruments):
            for strategy in range(STRATEGIES_MAX):
                if not self._positions.read(position_row(row, strategy), position):
                    continue
                one = position[0]
                realised += int(one["realised"])
                fees += int(one["fees"])
                lots = int(one["lots"])
                if not lots:
                    continue
                if self._quotes.read(row, quote) and (price := float(quote[0]["last"] or quote[0]["mark"])) > 0:
                    mark = instrument.ticks(price)
                    unrealised += (1 if lots > 0 else -1) * (abs(lots) * mark * instrument.unit - int(one["cost"]))
                side = "long" if lots > 0 else "short"
                base = instrument.symbol.partition("/")[0]
                entry = instrument.price(int(one["entry_ticks"]))
                held.append(f"{base} {side} {instrument.quantity(abs(lots))} @ {entry}")
        return realised - fees, unrealised, fees, held

    def live_line(self, deposit: int, latency: tuple[int, int]) -> str:
        """Return the one line that tells how it goes."""
        profit, unrealised, _, held = self.books()
        return "  ".join(
            [
                f"{clock_text(self.market_ns())} UTC",
                f"equity {money(deposit + profit + unrealised)}",
                ", ".join(held) or "no position",
                f"decided in {duration(latency[0])}, 99% in {duration(latency[1])}",
                self.last_reason,
            ]
        )
