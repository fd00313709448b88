"""The spots of all contracts, where a strategy looks at them: judged and repaired as contracts are, never traded.

    spot 10:00 --Track--> HISTORY, MARKET    row = spot_row(contract)
                                  |
    contract 10:00 --Track--------+--> HISTORY, MARKET        right after it, or ``spot_wait_ms`` later without it

A spot may be LEAD_MINUTES ahead of its contract, then it waits as well: the brain keeps twice as many.
A spot that is further behind than one minute is not waited for at all.  Prices are those of one unit of the contract.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import aiohttp

from feed.candle import Candle
from feed.dialect import Quote, Stream, Trade, Where
from feed.outlet import MINUTE_NS
from feed.settings import FeedSettings
from feed.source import Source
from feed.track import Surroundings, Track
from feed.watchdog import Watchdog
from shm.clock import Clock
from shm.counters import Counter
from shm.topology import spot_row

LEAD_MINUTES = 8
FAR_NS = 1 << 62
CLIENTS = {"binanceusdm": "binance"}  # whose spots are listened to, and as what ccxt knows them


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyPlan:
    """The spot of each contract, in the order of their rows, and how many of its coins a contract's unit is."""

    spots: Sequence[tuple[str, float]]  # ccxt unified
    dial: Callable[[], aiohttp.ClientSession]
    where: Where = Where()  # noqa: RUF009 - a tuple
    limits_rate: bool = True


class Ear(Protocol):
    """Who is told what was heard of the spots."""

    def spot_heard(self) -> None:
        """A candle came."""

    def spot_connected(self) -> None:
        """The connection stands again."""

    def defect(self, row: int | None, why: str) -> None:
        """A frame could not be read."""


def in_units(candle: Candle, coins: float) -> Candle:
    """``candle`` of a coin as one of a contract whose unit is so many of them."""
    if coins == 1.0:
        return candle
    prices = {name: getattr(candle, name) * coins for name in ("open", "high", "low", "close")}
    return candle._replace(**prices, volume=candle.volume / coins, taker_volume=candle.taker_volume / coins)


class Company:
    """A second source, and a track for the spot of each contract."""

    def __init__(self, plan: CompanyPlan, settings: FeedSettings, ear: Ear, clock: Clock, *, adaptive: bool) -> None:
        """``adaptive``: the market does not wait for us, so its silence says something."""
        self._plan, self._ear, self._clock = plan, ear, clock
        self._dog = Watchdog(settings, adaptive=adaptive)
        symbols = list(dict.fromkeys(symbol for symbol, _ in plan.spots))
        self._contracts = [[row for row, (one, _) in enumerate(plan.spots) if one == symbol] for symbol in symbols]
        self._places = [symbols.index(symbol) for symbol, _ in plan.spots]
        where = Where(CLIENTS[plan.where.exchange], plan.where.is_demo)
        self._source = Source(symbols, self, settings, plan.dial, where, limits_rate=plan.limits_rate)
        self.tracks: list[Track] = []

    def tracks_beside(self, contracts: Sequence[Track], around: Surroundings) -> list[Track]:
        """Make a track for the spot of each of ``contracts``; the two follow one another from now on."""
        for contract in contracts:
            spot = Track(spot_row(contract.row, len(contracts)), around, Counter.SPOT_CANDLES_PUBLISHED)
            contract.follow(spot, (0, 0))
            spot.follow(contract, (LEAD_MINUTES * MINUTE_NS, FAR_NS))
            self.tracks.append(spot)
        return self.tracks

    async def open(self) -> None:
        """Connect, and check that every spot is listed."""
        await self._source.open()

    def listen(self) -> "asyncio.Task[None]":
        """Listen until the task is cancelled."""
        return asyncio.create_task(self._source.listen(Stream.CANDLES), name="listen spots")

    async def acknowledged(self) -> bool:
        """Wait a while until the exchange has said that we hear."""
        return await self._source.acknowledged(1)

    async def close(self) -> None:
        """Close every socket; may be called more than once."""
        await self._source.close()

    def is_silent(self, now_ns: int) -> bool:
        """Was the stream quiet for too long?  Said once, and then counted anew."""
        if not self._dog.is_silent(now_ns):
            return False
        self._dog.watch_from(now_ns)
        return True

    async def cut(self) -> None:
        """Cut the connection; it is dialled anew."""
        await self._source.drop(Stream.CANDLES)

    def watch_from(self, now_ns: int) -> None:
        """Count silence from here."""
        self._dog.watch_from(now_ns)

    def symbol(self, row: int) -> str:
        """The spot of contract ``row``."""
        return self._plan.spots[row][0]

    async def candles(self, row: int, timeframe: str, start_ns: int | None, count_max: int) -> list[Candle]:
        """Candles of the spot of contract ``row`` by REST, in the contract's unit."""
        found = await self._source.candles(self._places[row], timeframe, start_ns, count_max)
        return [in_units(candle, self._plan.spots[row][1]) for candle in found]

    def candle(self, row: int, candle: Candle, closed: bool, heard: tuple[int, int]) -> None:
        """Take a candle of the ``row``-th spot, for every contract that has it."""
        event_ns, received_ns = heard
        self._dog.hear(received_ns)
        self._ear.spot_heard()
        if closed:
            for contract in self._contracts[row]:
                self.tracks[contract].offer(in_units(candle, self._plan.spots[contract][1]), event_ns, received_ns)

    def trade(self, row: int, trade: Trade) -> None:
        """Nobody asked."""

    def quote(self, row: int, quote: Quote) -> None:
        """Nobody asked."""

    def mark(self, row: int, price: float, heard: tuple[int, int]) -> None:
        """There is none."""

    def defect(self, row: int | None, why: str) -> None:
        """Tell of a frame that could not be read; of every contract whose closed candle it was."""
        for contract in [None] if row is None else self._contracts[row]:
            self._ear.defect(None if contract is None else self.tracks[contract].row, f"spot: {why}")

    def connected(self, stream: Stream, again: bool) -> None:
        """Count silence from here; after a break, ask for what was missed."""
        del stream  # there is one
        self._dog.watch_from(self._clock.monotonic_ns())
        if again:
            self._ear.spot_connected()
            for track in self.tracks:
                track.suspect()
