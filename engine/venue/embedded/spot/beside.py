"""Candles of a spot that were recorded beside a contract's: closed ones, told at the end of the contract's own minutes.

contract   10:00 |----------| closed --> the spot's 10:00, if the file has it
REST                                     every minute that is over by now; longer ones made of them
"""

from dataclasses import replace

import numpy as np

from engine.venue.embedded.candles import Recording
from engine.venue.embedded.events import Candle, CandleUpdate
from engine.venue.embedded.listing import Listing
from engine.venue.embedded.market import INTERVALS_NS, MINUTE_NS, aggregate
from engine.venue.embedded.spot.exchange import SpotExchange

Span = tuple[str, int | None, int | None, int]  # interval, from, to, how many


def over(recording: Recording, now_ns: int) -> np.ndarray:
    """The minutes that are over at ``now_ns``."""
    minutes = recording.minutes
    return minutes[: np.searchsorted(minutes["open_ns"], now_ns - MINUTE_NS, side="right")]


def candles(spot: SpotExchange, symbol: str, span: Span) -> tuple[Listing, np.ndarray]:
    """CANDLE records of ``symbol``, and what they are counted in: the recorded spot's, else the contract's own."""
    recording = spot.beside.get(symbol)
    if recording is None:
        return spot.by_id[symbol], spot.market.klines(symbol, *span)
    interval, start_ns, end_ns, limit = span
    found = aggregate(over(recording, spot.market.now_ns), INTERVALS_NS[interval])
    begin = 0 if start_ns is None else np.searchsorted(found["open_ns"], start_ns)
    end = len(found) if end_ns is None else np.searchsorted(found["open_ns"], end_ns, side="right")
    found = found[begin:end]
    return listing_of(spot, recording), found[:limit] if start_ns is not None else found[-limit:]


def listing_of(spot: SpotExchange, recording: Recording) -> Listing:
    """What the recorded prices are counted in, under the spot's name."""
    return replace(recording.listing, symbol=spot.by_id[recording.listing.id].symbol)


def last_ticks(spot: SpotExchange, symbol: str) -> tuple[Listing, int]:
    """The last price, and what it is counted in."""
    recording = spot.beside.get(symbol)
    if recording is None or not len(minutes := over(recording, spot.market.now_ns)):
        return spot.by_id[symbol], spot.market.last_ticks(symbol)
    return listing_of(spot, recording), int(minutes["close"][-1])


def told(spot: SpotExchange, update: CandleUpdate) -> tuple[Listing, CandleUpdate] | None:
    """What a contract's candle lets a listener of its spot hear."""
    recording = spot.beside.get(update.symbol)
    if recording is None:
        return spot.by_id[update.symbol], update
    place = np.searchsorted(recording.minutes["open_ns"], update.candle.open_ns)
    if not update.closed or place == len(recording.minutes):
        return None
    candle = Candle(*recording.minutes[place].item())
    if candle.open_ns != update.candle.open_ns:
        return None
    return listing_of(spot, recording), update._replace(candle=candle)
