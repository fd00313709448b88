"""The embedded exchange without its sockets: told what to do and when to move; it knows no clock and no wire.

    Market --candles--> Exchange --events--> whoever serves them
                          |  ^
       place cancel query |  | advance()
                          v  |
             Books (orders) and Ledger (money), per account

How to use it::

    exchange = Exchange(market, Settings(points_per_candle=1))
    exchange.deposit("paper", 10_000 * 10**8)                 # opens the account; minor units of 1e-8 USDT
    answer = exchange.place("paper", PlaceOrder(...))         # Order | AlgoOrder | Refusal
    events = exchange.drain()                                 # what that caused, in order
    events = exchange.advance()                               # the market moves by one point

* ``now_ns`` is market time.  Before the first ``advance`` it is the market's start.
* ``advance`` moves every symbol by 1/K of its current minute (K = points_per_candle);
  the K-th closes the candles (CandleUpdate with ``closed``) and ``now_ns`` is then the
  minute boundary exactly.  Fills do not depend on K.  It returns everything in the
  outbox (private events first caused, in order), so ``drain`` is for after ``place`` and ``cancel``.
* ``closes_in`` says how many more points close the minute; ``is_over`` that a file's market ended.
* Symbols are exchange ids (``BTCUSDT``); unknown ones are a Refusal -1121.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.venue.embedded.events import AccountState, Candle, Event, Quote
from engine.venue.embedded.listing import Listing
from engine.venue.embedded.market import Market
from engine.venue.embedded.orders import AlgoOrder, Fill, Order, PlaceOrder, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the market is played and what it costs."""

    points_per_candle: int = 1
    spread_ticks: int = 1
    depth_ppm: int = 20_000  # share of the last closed candle's volume that each level shows
    taker_ppm: int = 500
    maker_ppm: int = 200
    leverage: int = 20  # of every symbol until changed
    tells_ticks: bool = True  # whether Trade, Quote and unclosed CandleUpdate events are made at all


@dataclass(frozen=True, slots=True)
class Grid:
    """How many candles of a symbol closed since the market's start, and which minutes had none."""

    symbol: str
    start_ns: int
    until_ns: int  # open of the next minute
    candles_count: int
    gaps_ns: tuple[int, ...]  # open times of the minutes that the source lacks


class Exchange:
    """The whole of it."""

    def __init__(self, market: Market, settings: Settings) -> None: ...

    listings: tuple[Listing, ...]
    by_id: Mapping[str, Listing]
    now_ns: int
    is_over: bool
    closes_in: int
    tells_ticks: bool  # may be switched at any time: nobody subscribed, nothing made

    # the market
    def advance(self) -> list[Event]: ...
    def drain(self) -> list[Event]: ...
    def klines(self, symbol: str, interval: str, start_ns: int | None, end_ns: int | None, limit: int) -> np.ndarray:
        """CANDLE records (market.py); the last may be the forming one, as on the exchange."""
        ...
    def forming(self, symbol: str, interval: str) -> Candle | None:
        """The candle of ``interval`` as it stands now; None before the first trade of it."""
        ...
    def recent_trades(self, symbol: str, limit: int) -> list: ...
    def depth(self, symbol: str, levels: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Bids and asks, best first, as (ticks, lots)."""
        ...
    def book_ticker(self, symbol: str) -> Quote: ...
    def last_ticks(self, symbol: str) -> int: ...
    def grid(self) -> tuple[Grid, ...]: ...

    # trading; account is a name that the server maps API keys to
    def deposit(self, account: str, amount: int) -> None: ...
    def place(self, account: str, request: PlaceOrder) -> Order | AlgoOrder | Refusal: ...
    def cancel(self, account: str, symbol: str, order_id: int = 0, client_id: str = "") -> Order | Refusal: ...
    def cancel_algo(self, account: str, algo_id: int = 0, client_id: str = "") -> AlgoOrder | Refusal: ...
    def cancel_all(self, account: str, symbol: str) -> list[Order]: ...
    def cancel_all_algo(self, account: str, symbol: str) -> list[AlgoOrder]: ...
    def order(self, account: str, symbol: str, order_id: int = 0, client_id: str = "") -> Order | Refusal: ...
    def algo_order(self, account: str, algo_id: int = 0, client_id: str = "") -> AlgoOrder | Refusal: ...
    def open_orders(self, account: str, symbol: str | None = None) -> list[Order]: ...
    def open_algo_orders(self, account: str, symbol: str | None = None) -> list[AlgoOrder]: ...
    def all_orders(self, account: str, symbol: str, from_id: int = 0, limit: int = 500) -> list[Order]: ...
    def all_algo_orders(self, account: str, symbol: str, from_id: int = 0, limit: int = 500) -> list[AlgoOrder]: ...
    def user_trades(self, account: str, symbol: str, from_id: int = 0, limit: int = 500) -> list[Fill]: ...
    def account(self, account: str) -> AccountState: ...
    def set_leverage(self, account: str, symbol: str, leverage: int) -> int | Refusal: ...
    def leverage(self, account: str, symbol: str) -> int: ...
