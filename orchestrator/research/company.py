"""Candles as the feed writes them, in a backtest; and those of spots, each before its contract's of the same minute.

spot 10:00 --> HISTORY, MARKET      in a session the contract's minute waits for it (feed/company.py)
contract 10:00 --> HISTORY, MARKET
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from brain.routes import rows_of
from brain.stage import Stage
from brain.strategies.loader import Strategy
from engine.venue.embedded.listing import Listing, e8_text
from engine.venue.embedded.market import MINUTE_NS, Market
from shm.records import MARKET, MarketKind, Provenance
from shm.topology import spot_row

HYDRATED = 1000  # closed candles of each timeframe that a brain warms up with, as the feed asks for


def fill(record: np.ndarray, listing: Listing, candle: Any, open_ns: int, timeframe_s: int = 60) -> None:
    """Write a candle of the exchange as the feed writes it, by way of its text; None is one that is missing."""
    record[:] = 0
    record["kind"], record["timeframe_s"], record["revises"] = int(MarketKind.CANDLE), timeframe_s, -1
    record["instrument"], record["open_ns"] = listing.row, open_ns
    if candle is None:
        record["provenance"] = int(Provenance.MISSING)
        for name in ("open", "high", "low", "close"):
            record[name] = np.nan
        return
    value = candle.__getitem__ if isinstance(candle, np.void) else candle._asdict().__getitem__
    record["provenance"] = int(Provenance.OBSERVED)
    for name in ("open", "high", "low", "close"):
        record[name] = float(listing.price_text(int(value(name))))
    for name, source, scale in (
        ("volume", "volume_e8", 1),
        ("quote_volume", "quote_e4", 10_000),
        ("taker_volume", "taker_volume_e8", 1),
        ("taker_quote_volume", "taker_quote_e4", 10_000),
    ):
        record[name] = float(e8_text(int(value(source)) * scale))
    record["trades"] = int(value("trades"))


class Company:
    """The recorded spots of ``market``, where one of ``strategies`` looks at them; else nothing."""

    def __init__(self, market: Market, stage: Stage, strategies: Sequence[Strategy]) -> None:
        self._stage, self._record = stage, np.zeros(1, MARKET)
        self._spots: list[tuple[Listing, np.ndarray]] = []
        self._next: list[int] = []
        count, recorded = len(market.listings), getattr(market, "spots", {})
        if rows_of(strategies, count) > count:
            for one in market.listings:
                found = recorded[one.id]
                listing = replace(found.listing, row=spot_row(one.row, count))
                self._spots.append((listing, found.minutes))
                self._next.append(0)

    def hydrate(self, now_ns: int) -> None:
        """Fill HISTORY with what closed by ``now_ns``."""
        for number, (listing, minutes) in enumerate(self._spots):
            end = int(np.searchsorted(minutes["open_ns"], now_ns - MINUTE_NS, side="right"))
            for candle in minutes[max(0, end - HYDRATED) : end]:
                fill(self._record, listing, candle, int(candle["open_ns"]))
                self._stage.remember(self._record[0])
            self._next[number] = end

    def publish(self, now_ns: int) -> None:
        """Tell what has closed since."""
        for number, (listing, minutes) in enumerate(self._spots):
            while self._next[number] < len(minutes):
                candle = minutes[self._next[number]]
                if int(candle["open_ns"]) + MINUTE_NS > now_ns:
                    break
                fill(self._record, listing, candle, int(candle["open_ns"]))
                self._stage.remember(self._record[0])
                self._stage.market.publish(self._record)
                self._next[number] += 1
