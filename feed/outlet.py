"""What the feed tells the others: rings MARKET and TICKS, tables HISTORY, CLOCK and QUOTES.

    a candle:  HISTORY row --> MARKET record --> pulse.market_seq

History first: whoever reads the ring and then history never finds history behind.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from feed.candle import NS_PER_S, Candle
from feed.dialect import Quote, Trade
from shm import records, topology
from shm.clock import Clock
from shm.counters import Hop
from shm.memory import Memory
from shm.records import MarketKind, Provenance, TickKind

MINUTE_S = 60
MINUTE_NS = MINUTE_S * NS_PER_S
FIRST_LIFE = 1  # epoch of a feed that nobody was before
HYDRATION = 1  # bit of marks: history from before this run
SCAN_BATCH = 4096
TRADES_MAX = 0xFFFF_FFFF

Row = np.ndarray[tuple[int], np.dtype[np.void]]


class Outlet:
    """The writer of everything that the feed owns."""

    def __init__(self, memory: Memory, clock: Clock, told: Callable[[int], None], *, epoch: int, speed: float) -> None:
        """``told`` is called with the next MARKET sequence after each candle."""
        self._memory, self._clock, self._told, self._speed = memory, clock, told, speed
        self._market = memory.ring_writer("MARKET")
        self._ticks = memory.ring_writer("TICKS")
        self._history = memory.table_writer("HISTORY")
        self._clocks = memory.table_writer("CLOCK")
        self._quotes = memory.table_writer("QUOTES")
        self._candle: Row = np.zeros(1, records.MARKET)
        self._candle["kind"], self._candle["epoch"] = MarketKind.CANDLE, epoch
        self._epoch = epoch
        self._tick: Row = np.zeros(1, records.TICK)
        self._now: Row = np.zeros(1, records.CLOCK)
        self._quote: dict[int, Row] = {}

    @property
    def sequence(self) -> int:
        """The next sequence of MARKET."""
        return self._market.sequence

    def publish(
        self,
        row: int,
        candle: Candle,
        provenance: Provenance,
        *,
        missing: int = 0,
        revises: int = -1,
        received_ns: int = 0,
    ) -> int:
        """Put a closed minute into HISTORY and on MARKET; its sequence."""
        record = self._fill(row, MINUTE_S, candle, provenance)
        record["marks"], record["missing"], record["revises"] = 0, missing, revises
        now_ns = self._clock.monotonic_ns()
        record["received_ns"], record["published_ns"] = received_ns or now_ns, now_ns
        self._history.write(topology.history_row(row, 0, candle.open_ns), record)
        sequence = self._market.publish(record)
        if received_ns:
            self._memory.counters.record(Hop.FRAME_TO_RING, now_ns - received_ns)
        self._told(sequence + 1)
        return sequence

    def publish_missing(self, row: int, open_ns: int, *, missing: int = 0) -> int:
        """Say that the candle of ``open_ns`` exists nowhere; its prices are NaN."""
        nan = float("nan")
        hole = Candle(open_ns, nan, nan, nan, nan, 0.0)
        return self.publish(row, hole, Provenance.MISSING, missing=missing)

    def keep(self, row: int, timeframe: int, candles: Sequence[Candle]) -> None:
        """Put closed candles of timeframe number ``timeframe`` into HISTORY only."""
        kept = np.zeros(len(candles), records.MARKET)
        kept["kind"], kept["epoch"], kept["provenance"] = MarketKind.CANDLE, self._epoch, Provenance.BACKFILLED
        kept["instrument"], kept["timeframe_s"] = row, topology.TIMEFRAMES_S[timeframe]
        # Column by column: a field of one record at a time costs ten times as much, and a start keeps 300,000.
        for name, values in zip(Candle._fields, zip(*candles, strict=True), strict=False):
            kept[name] = np.minimum(values, TRADES_MAX) if name == "trades" else values
        kept["marks"], kept["revises"] = HYDRATION, -1
        kept["received_ns"] = kept["published_ns"] = self._clock.monotonic_ns()
        for place, candle in enumerate(candles):
            row_of = topology.history_row(row, timeframe, candle.open_ns)
            self._history.write(row_of, kept[place : place + 1])

    def _fill(self, row: int, timeframe_s: int, candle: Candle, provenance: Provenance) -> Row:
        record = self._candle
        record["instrument"], record["timeframe_s"] = row, timeframe_s
        record["provenance"], record["open_ns"] = provenance, candle.open_ns
        record["open"], record["high"], record["low"], record["close"] = candle[1:5]
        record["volume"], record["quote_volume"] = candle.volume, candle.quote_volume
        record["taker_volume"], record["taker_quote_volume"] = candle.taker_volume, candle.taker_quote_volume
        record["trades"] = min(candle.trades, TRADES_MAX)
        return record

    def tell_time(self, market_ns: int) -> None:
        """The market is at ``market_ns``."""
        self._now["market_ns"], self._now["monotonic_ns"] = market_ns, self._clock.monotonic_ns()
        self._now["speed"] = self._speed
        self._clocks.write(0, self._now)

    def trade(self, row: int, trade: Trade) -> None:
        """Put a trade on TICKS, and into QUOTES as the last price."""
        tick = self._blank_tick(TickKind.TRADE, row, trade.event_ns, trade.received_ns)
        tick["trade_id"], tick["taker_side"] = trade.trade_id, trade.taker_side
        tick["price"], tick["quantity"] = trade.price, trade.quantity
        self._ticks.publish(tick)
        self._requote(row, trade.event_ns, trade.received_ns, last=trade.price)

    def quote(self, row: int, quote: Quote) -> None:
        """Put a quote on TICKS and into QUOTES."""
        tick = self._blank_tick(TickKind.QUOTE, row, quote.event_ns, quote.received_ns)
        sides = {"bid": quote.bid, "bid_quantity": quote.bid_quantity}
        sides |= {"ask": quote.ask, "ask_quantity": quote.ask_quantity}
        for name, value in sides.items():
            tick[name] = value
        self._ticks.publish(tick)
        self._requote(row, quote.event_ns, quote.received_ns, **sides)

    def mark(self, row: int, price: float, heard: tuple[int, int]) -> None:
        """Put the mark price into QUOTES."""
        self._requote(row, *heard, mark=price)

    def spot(self, row: int, price: float, heard_ns: int) -> None:
        """Put the spot's price of one unit of the contract into QUOTES; ``heard_ns`` is monotonic."""
        record = self._quote.setdefault(row, np.zeros(1, records.QUOTE))
        record["spot"], record["spot_ns"] = price, heard_ns
        self._quotes.write(row, record)

    def _blank_tick(self, kind: TickKind, row: int, event_ns: int, received_ns: int) -> Row:
        tick = self._tick
        tick[:] = np.zeros(1, records.TICK)
        tick["kind"], tick["instrument"] = kind, row
        tick["event_ns"], tick["received_ns"] = event_ns, received_ns
        return tick

    def _requote(self, row: int, event_ns: int, received_ns: int, **prices: float) -> None:
        if row not in self._quote:
            self._quote[row] = np.zeros(1, records.QUOTE)
        record = self._quote[row]
        for name, price in prices.items():
            record[name] = price
        record["event_ns"], record["received_ns"] = event_ns, received_ns
        self._quotes.write(row, record)

    def recall(self) -> list[dict[str, Any]]:
        """Every minute that MARKET still holds, oldest first: instrument, open_ns, provenance, sequence, candle."""
        reader = self._memory.ring_reader("MARKET")
        reader.seek_oldest()
        batch: Row = np.zeros(SCAN_BATCH, records.MARKET)
        found: list[dict[str, Any]] = []
        while count := reader.read_into(batch):
            first = reader.sequence - count
            minutes = (batch["kind"][:count] == MarketKind.CANDLE) & (batch["timeframe_s"][:count] == MINUTE_S)
            found += [_recalled(batch[place], first + place) for place in np.flatnonzero(minutes).tolist()]
        return found

    def recall_history(self, row: int) -> int | None:
        """Open time of the newest minute that a former life put into HISTORY, published or hydrated."""
        if self._epoch <= FIRST_LIFE:
            return None
        reader = self._memory.table_reader("HISTORY")
        record: Row = np.zeros(1, records.MARKET)
        newest: int | None = None
        first = topology.history_row(row, 0, 0)
        for place in range(first, first + topology.HISTORY_DEPTH):
            # A row that is not hydrated was meant for MARKET, and may never have reached it.
            if reader.read(place, record) and int(record["marks"][0]) & HYDRATION:
                open_ns = int(record["open_ns"][0])
                newest = open_ns if newest is None else max(newest, open_ns)
        return newest


def _recalled(record: Any, sequence: int) -> dict[str, Any]:
    return {
        "row": int(record["instrument"]),
        "sequence": sequence,
        "is_missing": int(record["provenance"]) == Provenance.MISSING,
        "candle": Candle(*(record[name].item() for name in Candle._fields)),
    }
