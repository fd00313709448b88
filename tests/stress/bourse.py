"""A tiny model of an exchange, written without the engine's books: orders, trades, lots and cash of one instrument.

It answers by the rules that lose money elsewhere: a client id is only unique among open orders, a market
order may fill in slices and leave a rest, what only reduces is clipped to what is held, a stop becomes an
ordinary order when its price is reached, and a question may be answered from a replica that lags behind.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random

from engine import errors
from engine.order import CONDITIONAL, Event, Intent, OrderType
from engine.venue.base import News, OrderSeen, TradeSeen
from shm.records import Purpose
from tests.stress.virtual import MS, World

TAKER_PPM = 500
OPEN = (Event.ACK, Event.FILL_SOME)


class Resting:
    """An order at the exchange."""

    __slots__ = ("accepted_ns", "child", "event", "filled", "intent", "number")

    def __init__(self, intent: Intent, number: int, accepted_ns: int) -> None:
        """Accepted, and nothing filled."""
        self.intent, self.number, self.accepted_ns = intent, number, accepted_ns
        self.child, self.filled, self.event = 0, 0, Event.ACK


class Bourse:
    """The truth; ``tell`` is where its private stream begins."""

    def __init__(self, world: World, random: Random, symbol: str, unit: int, cash: int) -> None:
        """Open at 300 000 ticks, with ``cash`` and nothing else."""
        self.world, self.random, self.symbol, self.unit = world, random, symbol, unit
        self.price, self.cash, self.lots, self.cost = 300_000, cash, 0, 0
        self.orders: dict[str, Resting] = {}
        self.doubles: list[Resting] = []  # accepted under the id of one that was done
        self.trades: list[tuple[int, TradeSeen]] = []  # and when
        self.arrivals: Counter[str] = Counter()
        self.unplanned = 0  # arrivals whose intent was not durable
        self.is_durable: Callable[[str], bool] = bool
        self.tell: Callable[[News], None] = _nobody
        self._last = 0

    def accept(self, intent: Intent, *, refuses: bool = False) -> OrderSeen:
        """Take an order, or raise what the exchange would answer."""
        name = intent.client_id
        self.arrivals[name] += 1
        self.unplanned += not self.is_durable(name)
        before = self.orders.get(name)
        if before is not None and before.event in OPEN:
            raise errors.Unknown("Duplicate order sent.", code=-2010)
        if refuses:
            raise errors.InsufficientFunds("margin", code=-2019)
        if intent.reduce_only and self.lots * intent.side >= 0:
            raise errors.ReduceOnlyRejected("nothing to reduce", code=-2022)
        if intent.type in CONDITIONAL and self._is_reached(intent):
            raise errors.WouldTrigger("it would trigger at once", code=-2021)
        if intent.type is OrderType.POST_ONLY and (self.price - intent.price_ticks) * intent.side <= 0:
            raise errors.WouldTake("it would take", code=-5022)
        order = Resting(intent, self._number(), self.world.now_ns)
        if before is None:
            self.orders[name] = order
        else:
            self.doubles.append(order)
        self.tell(self.seen(order))
        if intent.type not in CONDITIONAL:
            self._work(order)
        return self.seen(order)

    def remember(self, intent: Intent, end: Event) -> None:
        """An order that ended before anything that is played, without a trade."""
        order = self.orders[intent.client_id] = Resting(intent, self._number(), self.world.now_ns)
        order.event = end

    def cancel(self, intent: Intent) -> None:
        """End an order."""
        order = self.orders.get(intent.client_id)
        if order is None or order.event not in OPEN or order.child:
            raise errors.OrderNotFound("Unknown order sent.", code=-2011)
        self._end(order, Event.CANCEL_CONFIRMED)

    def move(self, ticks: int) -> None:
        """The price goes to ``ticks``: stops that it reaches become orders, limits that it reaches fill."""
        self.price = ticks
        for order in [*self.orders.values(), *self.doubles]:
            intent = order.intent
            if order.event not in OPEN or order.child:
                continue
            if intent.type in CONDITIONAL and self._is_reached(intent):
                order.child = self._number()
                self._work(order)
            elif intent.price_ticks and (ticks - intent.price_ticks) * intent.side <= 0:
                self._work(order)

    def look(self, client_id: str, lag_ns: int) -> OrderSeen | None:
        """The order of that id, as a replica knows it that is ``lag_ns`` behind."""
        order = self.orders.get(client_id)
        if order is None or order.accepted_ns > self.world.now_ns - lag_ns:
            return None
        return self.seen(order)

    def look_by_number(self, number: str, lag_ns: int) -> OrderSeen | None:
        """The ordinary order of that number, as a replica knows it that is ``lag_ns`` behind."""
        for order in [*self.orders.values(), *self.doubles]:
            is_known = order.accepted_ns <= self.world.now_ns - lag_ns
            if is_known and int(number) in (order.number, order.child):
                seen = self.seen(order)
                return _ordinary(seen, number)
        return None

    def resting(self) -> tuple[OrderSeen, ...]:
        """Every open order."""
        orders = [*self.orders.values(), *self.doubles]
        return tuple(self.seen(order) for order in orders if order.event in OPEN and not order.child)

    def trades_from(self, trade_id: int, lag_ns: int) -> tuple[TradeSeen, ...]:
        """Trades from ``trade_id`` on, without client ids, oldest first."""
        until_ns = self.world.now_ns - lag_ns
        return tuple(trade for at_ns, trade in self.trades if trade.trade_id >= trade_id and at_ns <= until_ns)

    def seen(self, order: Resting) -> OrderSeen:
        """The order as the exchange tells of it."""
        intent = order.intent
        return OrderSeen(
            symbol=intent.instrument,
            client_id=intent.client_id,
            venue_order_id=str(order.number),
            child_order_id=str(order.child) if order.child else "",
            is_conditional=intent.type in CONDITIONAL,
            event=order.event,
            side=intent.side,
            lots=intent.lots,
            lots_filled=order.filled,
            price_ticks=intent.price_ticks,
            stop_ticks=intent.stop_ticks,
            reduce_only=intent.reduce_only,
            market_ns=self.world.now_ns,
        )

    def _is_reached(self, intent: Intent) -> bool:
        rises = intent.side > 0 if intent.type is OrderType.STOP_MARKET else intent.side < 0
        return self.price >= intent.stop_ticks if rises else self.price <= intent.stop_ticks

    def _work(self, order: Resting) -> None:
        """Fill it: at once, or in slices with time between, or all but a rest that expires."""
        intent, random = order.intent, self.random
        is_limit = intent.price_ticks > 0
        if is_limit and (self.price - intent.price_ticks) * intent.side > 0:
            return
        chance = random.random()
        slices = 1 if chance < 0.6 else 2 if chance < 0.85 else 3
        leaves = 0 if is_limit or chance < 0.9 else min(1, intent.lots - 1)
        todo = intent.lots - order.filled - leaves
        for part in range(slices):
            share = todo * (part + 1) // slices - todo * part // slices
            if part == 0:
                self._slice(order, share, ends=slices == 1)
            else:
                self.world.later(random.randrange(1, 80) * part * MS, self._slice, order, share, part == slices - 1)

    def _slice(self, order: Resting, share: int, ends: bool) -> None:
        intent = order.intent
        if order.event not in OPEN:
            return
        share = min(share, intent.lots - order.filled)  # the price may have come back while slices were under way
        if intent.reduce_only:
            share = min(share, max(0, -intent.side * self.lots))
        if share:
            self._trade(order, share)
        if order.filled == intent.lots:
            self._end(order, Event.FILL_ALL)
        elif ends and not intent.price_ticks:
            self._end(order, Event.EXPIRE)

    def _trade(self, order: Resting, lots: int) -> None:
        intent, ticks = order.intent, self.price
        notional = ticks * lots * self.unit
        fee = (notional * TAKER_PPM + 500_000) // 1_000_000
        held, side = abs(self.lots), (self.lots > 0) - (self.lots < 0)
        closing = min(held, lots) if side * intent.side < 0 else 0
        share = self.cost * closing // held if closing else 0
        self.cash += side * (closing * ticks * self.unit - share) - fee
        self.cost += (lots - closing) * ticks * self.unit - share
        self.lots += intent.side * lots
        order.filled += lots
        order.event = Event.FILL_SOME
        number = order.child or order.number
        trade = TradeSeen(
            symbol=intent.instrument,
            trade_id=self._number(),
            venue_order_id=str(number),
            client_id="",
            side=intent.side,
            lots=lots,
            price_ticks=ticks,
            fee=fee,
            fee_asset="USDT",
            is_maker=False,
            market_ns=self.world.now_ns,
        )
        self.trades.append((self.world.now_ns, trade))
        self.tell(_named(trade, intent.client_id))
        self.tell(self.seen(order))

    def _end(self, order: Resting, event: Event) -> None:
        order.event = event
        self.tell(self.seen(order))

    def _number(self) -> int:
        self._last += 1
        return self._last


def overdone(bourse: Bourse) -> int:
    """Targets for which more was traded than their first order asked for and the venue took off meanwhile."""
    asked: dict[tuple[str, str, int, int], int] = {}
    # A rung of what is held may be reached while an entry rests; an earlier target's stop before the engine hears;
    # and what the kill switch closed is wanted again when it is taken back.
    rungs: Counter[int] = Counter()
    stops: Counter[tuple[int, int]] = Counter()
    got: Counter[tuple[str, str, int, int]] = Counter()
    for order in sorted([*bourse.orders.values(), *bourse.doubles], key=lambda it: it.intent.intent_id):
        intent = order.intent
        if intent.purpose in (Purpose.TAKE_PROFIT, Purpose.FLATTEN):
            rungs[-intent.side] += order.filled
        if intent.purpose is Purpose.STOP:
            stops[-intent.side, intent.target_id] += order.filled
        if intent.purpose is Purpose.ENTRY and len(intent.allocation) == 1 and intent.target_id:
            name = intent.client_id.partition("-")[0], intent.allocation[0][0], intent.target_id, intent.side
            asked.setdefault(name, intent.lots)
            got[name] += order.filled

    def taken(target_id: int, side: int) -> int:
        return rungs[side] + sum(lots for (of, stopped), lots in stops.items() if of == side and stopped < target_id)

    return sum(got[name] > lots + taken(*name[2:]) for name, lots in asked.items())


def _nobody(_: News) -> None:
    """Nobody listens."""


def _named(trade: TradeSeen, client_id: str) -> TradeSeen:
    """The trade as the stream tells it: with the client id."""
    return replace(trade, client_id=client_id)


def _ordinary(seen: OrderSeen, number: str) -> OrderSeen:
    """The ordinary order that ``seen`` is, or became."""
    return replace(seen, venue_order_id=number, child_order_id="", is_conditional=False, stop_ticks=0)
