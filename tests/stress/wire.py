"""Between one life of the engine and the exchange: every way in which a request or a message can go wrong.

    request --way--> exchange --way--> answer        each way takes time; a fault strikes before, between or after
    news ----way--> told                             lost, doubled, late, or cut off for a while

A fault is counted with the state of every order that the books hold at that moment.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from enum import Enum
from random import Random
from typing import Any

from engine import errors
from engine.books import Books
from engine.order import Fact, Intent
from engine.risk import Approved
from engine.venue.base import (
    Acknowledged,
    FundingSeen,
    News,
    OrderSeen,
    PositionSeen,
    StreamDown,
    StreamUp,
    TradeSeen,
    WalletSeen,
    unopposed,
)
from tests.stress.bourse import Bourse
from tests.stress.virtual import MS, World

TIMEOUT_MS = 150  # after which a request without an answer is given up
LATE_MS = 400  # how much later than that it may still land


class Fault(Enum):
    """What may go wrong."""

    REQUEST_LOST = "request lost: timeout"
    ANSWER_LOST = "landed, answer lost: timeout"
    LANDS_LATE = "lands after the timeout"
    ERROR_DONE = "5xx, and it was done"
    ERROR_NOT_DONE = "5xx, and it was not done"
    UNREACHABLE = "no byte left"
    RATE_LIMITED = "429"
    REFUSED = "refused"
    ANSWER_SLOW = "the stream overtakes the answer"
    REPLICA_LAGS = "question answered from the past"
    NEWS_LOST = "news lost"
    NEWS_DOUBLED = "news told twice"
    NEWS_LATE = "news late and out of order"
    STREAM_CUT = "stream cut, news lost meanwhile"
    DISK_SLOW = "the disk takes its time"
    STOPPED = "process stopped for a while"
    KILLED = "killed, last writes lost"
    KILLED_WRITTEN = "killed, last writes on the disk"


ON_REQUESTS = tuple(Fault)[:10]
ON_NEWS = (Fault.NEWS_LOST, Fault.NEWS_DOUBLED, Fault.NEWS_LATE)
REFUSED_SHARE = 0.3  # of orders, where refusals are about: they can strike nothing else
NEWS_SHARE_MIN = 0.15
STORM_SHARE = 0.3  # of cancels, during which the stream breaks or the process stops
QUESTION_FAULTS = tuple(fault for fault in ON_REQUESTS if fault is not Fault.REFUSED)


class Weather:
    """Which faults may strike, how often, and what they met."""

    def __init__(self, random: Random, met: "Counter[tuple[Fault, int]]") -> None:
        """Calm; ``met`` counts (fault, facts of an order)."""
        self.random, self._met = random, met
        self.rough: tuple[Fault, ...] = ()  # for this schedule
        self.share = 0.0  # of requests and messages that are struck
        self.books = Books()  # of the life that is
        self.storm: Callable[[], None] = _calm  # breaks the stream or stops the process, where that may happen

    def strikes(self, among: Sequence[Fault]) -> Fault | None:
        """The fault that strikes here, or none."""
        random = self.random.random()
        if among is ON_REQUESTS and Fault.REFUSED in self.rough and random >= 1 - REFUSED_SHARE:
            return self.meet(Fault.REFUSED)
        if random >= (max(self.share, NEWS_SHARE_MIN) if among is ON_NEWS and self.share else self.share):
            return None
        able = [fault for fault in among if fault in self.rough]
        return self.meet(self.random.choice(able)) if able else None

    def meet(self, fault: Fault) -> Fault:
        """Count ``fault`` against every order of the books."""
        met = self._met
        for order in self.books.orders.values():
            met[fault, int(order.facts)] += 1
        return fault


class Wire:
    """A venue as the engine sees it: one process's way to the exchange."""

    timeout_ms, retry_after_ms = TIMEOUT_MS, 50

    def __init__(self, world: World, bourse: Bourse, weather: Weather) -> None:
        """Not connected yet."""
        self._world, self._bourse, self._weather = world, bourse, weather
        self._random = weather.random
        self._told: Callable[[News], None] | None = None
        self._is_up = False
        self.is_dead = False
        bourse.tell = self._tell

    async def open(self) -> None:
        """Nothing to learn."""

    async def close(self) -> None:
        """Nothing to close."""

    def follow(self, instruments: Sequence[Any]) -> None:
        """The exchange has them already."""
        self._followed = tuple(instruments)

    async def rules(self, symbols: Sequence[str]) -> tuple[Any, ...]:
        """They never change."""
        return self._followed

    async def place(self, approved: Approved, objection: Callable[[], str] = unopposed) -> Acknowledged:
        """Send once."""
        if words := objection():
            raise errors.NotSent(words)
        return await self._send(approved.intent)

    async def _send(self, intent: Intent) -> Acknowledged:
        fault = self._weather.strikes(ON_REQUESTS)
        refuses = fault is Fault.REFUSED
        seen = await self._request(lambda: self._bourse.accept(intent, refuses=refuses), fault)
        return Acknowledged(
            venue_order_id=seen.venue_order_id, event=seen.event, lots_filled=seen.lots_filled, sent_ns=1, market_ns=0
        )

    async def cancel(self, intent: Intent) -> None:
        """Ask for the order's end."""
        if self._random.random() < STORM_SHARE:
            self._world.later(MS, self._weather.storm)
        await self._ask(lambda: self._bourse.cancel(intent))

    async def order_by_client_id(self, intent: Intent) -> OrderSeen | None:
        """The order, as the answering replica knows it."""
        fault = self._weather.strikes(QUESTION_FAULTS)
        lag_ns = self._lag_ns(fault)
        seen: OrderSeen | None = await self._request(lambda: self._bourse.look(intent.client_id, lag_ns), fault)
        return seen

    async def order_by_id(self, symbol: str, venue_order_id: str) -> OrderSeen | None:
        """The ordinary order of that number."""
        fault = self._weather.strikes(QUESTION_FAULTS)
        lag_ns = self._lag_ns(fault)
        seen: OrderSeen | None = await self._request(lambda: self._bourse.look_by_number(venue_order_id, lag_ns), fault)
        return seen

    async def open_orders(self, symbol: str = "") -> tuple[OrderSeen, ...]:
        """What rests."""
        orders: tuple[OrderSeen, ...] = await self._ask(self._bourse.resting)
        return orders

    async def trades_since(self, symbol: str, trade_id: int) -> tuple[TradeSeen, ...]:
        """Trades, as the answering replica knows them."""
        fault = self._weather.strikes(QUESTION_FAULTS)
        lag_ns = self._lag_ns(fault)
        trades: tuple[TradeSeen, ...] = await self._request(lambda: self._bourse.trades_from(trade_id, lag_ns), fault)
        return trades

    async def positions(self) -> tuple[PositionSeen, ...]:
        """What is held."""
        bourse = self._bourse
        lots: int = await self._ask(lambda: bourse.lots)
        return (PositionSeen(symbol=bourse.symbol, lots=lots),)

    async def wallet(self, asset: str) -> WalletSeen:
        """Cash."""
        cash: int = await self._ask(lambda: self._bourse.cash)
        return WalletSeen(asset=asset, wallet=cash, reason="", change=0, symbol="", market_ns=0)

    async def funding_since(self, since_ns: int) -> tuple[FundingSeen, ...]:
        """Nothing is ever paid here."""
        nothing: tuple[FundingSeen, ...] = await self._ask(tuple)
        return nothing

    async def transfers_since(self, since_ns: int) -> tuple[FundingSeen, ...]:
        """Nor is anything moved in or out."""
        return await self.funding_since(since_ns)

    async def server_ns(self) -> int:
        """The exchange's clock, which is ours."""
        now_ns: int = await self._ask(lambda: self._world.now_ns)
        return now_ns

    async def listen(self, told: Callable[[News], None]) -> None:
        """Tell what the exchange tells."""
        self._told = told
        await asyncio.sleep(0.003)
        self._is_up = True
        told(StreamUp())
        await asyncio.get_running_loop().create_future()

    def hang_up(self, reason: str) -> None:
        """The stream is dialled anew."""
        self.cut(20 * MS)

    def cut(self, for_ns: int) -> None:
        """The stream breaks, and is back after ``for_ns``."""
        if self._is_up and self._told is not None:
            self._is_up = False
            self._told(StreamDown(text="cut"))
            self._world.later(for_ns, self._reconnected)

    def stream_age_ns(self) -> int:
        """Never silent: how silence is noticed is tested elsewhere."""
        return 0

    def _reconnected(self) -> None:
        if not self.is_dead and self._told is not None:
            self._is_up = True
            self._told(StreamUp())

    def _tell(self, news: News) -> None:
        if not self._is_up or self.is_dead:
            return
        fault = self._weather.strikes(ON_NEWS)
        if fault is Fault.NEWS_LOST:
            return
        way_ms = self._random.randrange(1, 400) if fault is Fault.NEWS_LATE else 3
        for _ in range(2 if fault is Fault.NEWS_DOUBLED else 1):
            self._world.later(way_ms * MS, self._hear, news)

    def _hear(self, news: News) -> None:
        if self._is_up and not self.is_dead and self._told is not None:
            self._told(news)

    def _lag_ns(self, fault: Fault | None) -> int:
        return self._random.randrange(20, 200) * MS if fault is Fault.REPLICA_LAGS else 0

    async def _ask(self, act: Callable[[], Any]) -> Any:
        return await self._request(act, self._weather.strikes(QUESTION_FAULTS))

    async def _request(self, act: Callable[[], Any], fault: Fault | None) -> Any:
        """Have ``act`` done at the exchange; its answer, or what the fault makes of it."""
        random = self._random
        way_ns = (1 + int(random.random() * 5)) * MS
        if fault is Fault.UNREACHABLE:
            raise errors.Unreachable("no route")
        if fault is Fault.RATE_LIMITED:
            raise errors.RateLimited("slow down", retry_after_ms=self.retry_after_ms)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        end_ns = self.timeout_ms * MS
        if fault is Fault.LANDS_LATE:
            way_ns = (self.timeout_ms + random.randrange(LATE_MS)) * MS
        if fault in (Fault.ERROR_DONE, Fault.ERROR_NOT_DONE):
            end_ns = way_ns + 2 * MS
        if fault not in (Fault.REQUEST_LOST, Fault.ERROR_NOT_DONE):
            back_ms = random.randrange(30, 140) if fault is Fault.ANSWER_SLOW else 2
            is_mute = fault in (Fault.ANSWER_LOST, Fault.LANDS_LATE, Fault.ERROR_DONE)
            self._world.later(way_ns, self._arrive, act, None if is_mute else answer, back_ms * MS)
        self._world.later(end_ns, _settle, answer, errors.Unknown("timeout or 5xx"), None)
        return await answer

    def _arrive(self, act: Callable[[], Any], answer: "asyncio.Future[Any] | None", back_ns: int) -> None:
        error, result = None, None
        try:
            result = act()
        except errors.VenueError as refusal:
            error = refusal
        if answer is not None:
            self._world.later(back_ns, _settle, answer, error, result)


def states_of(met: "Counter[tuple[Fault, int]]", state_of: Callable[[Fact], Any]) -> "Counter[tuple[Fault, Any]]":
    """``met`` by state instead of by facts."""
    by_state: Counter[tuple[Fault, Any]] = Counter()
    for (fault, facts), count in met.items():
        by_state[fault, state_of(Fact(facts))] += count
    return by_state


def _calm() -> None:
    """No storm."""


def _settle(answer: "asyncio.Future[Any]", error: Exception | None, result: Any) -> None:
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(result)
