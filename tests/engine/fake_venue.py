"""A venue without sockets whose network can fail in every way, and an exchange that outlives it.

Exchange   orders, trades, positions, cash: the truth, one for a whole test
FakeVenue  one process's way to it; dropped with the process
"""

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass, replace
from enum import Enum, auto

from engine import errors
from engine.order import Event
from engine.venue.base import (
    Acknowledged,
    FundingSeen,
    Modes,
    OrderSeen,
    Permissions,
    PositionSeen,
    StreamDown,
    StreamUp,
    TradeSeen,
    WalletSeen,
    taken_in,
    unopposed,
)

TAKER_PPM = 500
TERMINAL = (Event.FILL_ALL, Event.CANCEL_CONFIRMED, Event.EXPIRE, Event.REJECT)


class Fate(Enum):
    """What becomes of one request to place an order."""

    FINE = auto()
    FILL_FIRST = auto()  # the stream tells the fills before the answer comes
    LOST_REQUEST = auto()  # it never arrives; we see a timeout
    LOST_ANSWER = auto()  # it lands; we see a timeout
    REFUSED = auto()
    NOT_SENT = auto()
    HANGS = auto()  # it lands, and for long nothing comes, then a timeout


@dataclass
class Resting:
    """An order at the exchange."""

    seen: OrderSeen
    lots_filled: int = 0


class Exchange:
    """The truth."""

    def __init__(self, instruments, cash=10_000 * 10**8):
        """Know the instruments by symbol, all at 300 000 ticks."""
        self.instruments = {instrument.symbol: instrument for instrument in instruments}
        self.price = dict.fromkeys(self.instruments, 300_000)
        self.orders = {}
        self.trades = {symbol: [] for symbol in self.instruments}
        self.lots = Counter()
        self.cost = Counter()
        self.cash = cash
        self.funding, self.moved = [], []
        self.sends = Counter()
        self.fates = deque()
        self.slices = 1  # trades a market order is filled by
        self.deaf = False  # the stream loses everything
        self.doubling = False  # the stream tells everything twice
        self.listeners = []
        self.last_id = 0
        self.is_hedged = False
        self.hang_s = 0.4  # of a request whose fate is to hang
        self.rules, self.armed = {}, []
        self.clock_ns = time.time_ns

    def unit(self, symbol):
        """Minor units of a tick and a lot."""
        return self.instruments[symbol].unit

    def number(self):
        """A fresh order or trade number."""
        self.last_id += 1
        return self.last_id

    def tell(self, *news):
        """Send ``news`` down every stream."""
        if self.deaf:
            return
        for item in news * (2 if self.doubling else 1):
            for told in self.listeners:
                told(item)

    def accept(self, intent):
        """Book an order; market orders fill at once."""
        self.sends[intent.client_id] += 1
        assert intent.client_id not in self.orders, "an intent was sent twice"
        signed = intent.side * intent.lots
        if intent.reduce_only and self.lots[intent.instrument] * signed >= 0:
            raise errors.ReduceOnlyRejected("nothing to reduce", code=-2022)
        seen = taken_in(intent, str(self.number()))
        order = self.orders[intent.client_id] = Resting(seen)
        self.tell(seen)
        if not seen.is_conditional:
            self.fill(order, str(seen.venue_order_id))
        return order

    def fill(self, order, order_id):
        """Fill what is left, in ``slices``, a reduce-only order at most to flat."""
        seen = order.seen
        lots = seen.lots
        if seen.reduce_only:
            lots = min(lots, max(0, -seen.side * self.lots[seen.symbol]))
        for part in range(self.slices):
            share = lots * (part + 1) // self.slices - lots * part // self.slices
            if share:
                self.trade(order, share, order_id)
        event = Event.FILL_ALL if order.lots_filled == seen.lots else Event.EXPIRE
        order.seen = replace(order.seen, event=event)
        self.tell(order.seen)

    def trade(self, order, lots, order_id):
        """One trade, its money booked as docs/money.md has it."""
        seen, unit = order.seen, self.instruments[order.seen.symbol].unit
        ticks = self.price[seen.symbol]
        fee = (ticks * lots * unit * TAKER_PPM + 500_000) // 1_000_000
        held = self.lots[seen.symbol]
        side = (held > 0) - (held < 0)
        closing = min(abs(held), lots) if side * seen.side < 0 else 0
        share = self.cost[seen.symbol] * closing // abs(held) if closing else 0
        self.cash += side * (closing * ticks * unit - share) - fee
        self.cost[seen.symbol] += (lots - closing) * ticks * unit - share
        self.lots[seen.symbol] += seen.side * lots
        order.lots_filled += lots
        trade = TradeSeen(
            symbol=seen.symbol,
            trade_id=self.number(),
            venue_order_id=order_id,
            client_id=seen.client_id,
            side=seen.side,
            lots=lots,
            price_ticks=ticks,
            fee=fee,
            fee_asset="USDT",
            is_maker=False,
            market_ns=0,
        )
        self.trades[seen.symbol].append(trade)
        order.seen = replace(seen, lots_filled=order.lots_filled, event=Event.FILL_SOME)
        self.tell(trade)

    def fund(self, symbol, amount, market_ns):
        """Pay ``amount``; the stream tells the wallet alone, as for a cross position."""
        self.cash += amount
        reference = f"income {self.number()}"
        self.funding.append(FundingSeen(symbol=symbol, amount=amount, reference=reference, market_ns=market_ns))
        wallet = WalletSeen(
            asset="USDT", wallet=self.cash, reason="FUNDING_FEE", change=amount, symbol="", market_ns=market_ns
        )
        self.tell(wallet)

    def transfer(self, amount, market_ns):
        """Cash comes in, or goes out."""
        self.cash += amount
        reference = f"income {self.number()}"
        self.moved.append(FundingSeen(symbol="", amount=amount, reference=reference, market_ns=market_ns))
        self.tell(
            WalletSeen(asset="USDT", wallet=self.cash, reason="DEPOSIT", change=amount, symbol="", market_ns=market_ns)
        )

    def move(self, symbol, ticks):
        """The price goes to ``ticks``; stops that it reaches become market orders."""
        self.price[symbol] = ticks
        for order in list(self.orders.values()):
            seen = order.seen
            is_resting = seen.symbol == symbol and seen.is_conditional and seen.event is Event.ACK
            if is_resting and (ticks - seen.stop_ticks) * seen.side >= 0:
                child = str(self.number())
                order.seen = replace(seen, child_order_id=child)
                self.fill(order, child)

    def open_orders(self, symbol=None):
        """What rests."""
        orders = [order.seen for order in self.orders.values() if order.seen.event not in TERMINAL]
        return [seen for seen in orders if symbol in (None, seen.symbol)]


class FakeVenue:
    """One process's way to the exchange."""

    def __init__(self, exchange):
        """Not connected yet."""
        self.exchange = exchange
        self.told = None
        self.is_closed = False
        self.hangups, self.age_ns, self.modes_asked = [], 0, 0
        self.up = asyncio.Event()

    async def open(self):
        """Nothing to learn."""

    def follow(self, instruments):
        """The exchange has them already."""

    async def close(self):
        """Hang up."""
        self.is_closed = True
        self.drop()

    async def place(self, approved, objection=unopposed):
        """Meet the next fate, unless somebody objects."""
        exchange, intent = self.exchange, approved.intent
        fate = exchange.fates.popleft() if exchange.fates else Fate.FINE
        await asyncio.sleep(0)
        if words := objection():
            raise errors.NotSent(words)
        if fate is Fate.NOT_SENT:
            raise errors.Unreachable("refused")
        if fate is Fate.REFUSED:
            exchange.sends[intent.client_id] += 1
            raise errors.InsufficientFunds("margin", code=-2019)
        if fate is Fate.LOST_REQUEST:
            exchange.sends[intent.client_id] += 1
            raise errors.Unknown("timeout")
        order = exchange.accept(intent)
        if fate is Fate.LOST_ANSWER:
            raise errors.Unknown("timeout")
        if fate is Fate.HANGS:
            await asyncio.sleep(self.exchange.hang_s)
            raise errors.Unknown("timeout")
        # Without FILL_FIRST the answer is on its way as the stream is; with it, far behind.
        for _ in range(20 if fate is Fate.FILL_FIRST else 1):
            await asyncio.sleep(0)
        seen = order.seen
        return Acknowledged(
            venue_order_id=seen.venue_order_id,
            event=Event.ACK if fate is not Fate.FINE else seen.event,
            lots_filled=0 if fate is not Fate.FINE else seen.lots_filled,
            sent_ns=1,
            market_ns=0,
        )

    async def cancel(self, intent):
        """Cancel, or say that nothing is open."""
        await asyncio.sleep(0)
        order = self.exchange.orders.get(intent.client_id)
        if order is None or order.seen.event in TERMINAL:
            raise errors.OrderNotFound("unknown order", code=-2011)
        order.seen = replace(order.seen, event=Event.CANCEL_CONFIRMED)
        self.exchange.tell(order.seen)

    async def order_by_client_id(self, intent):
        """The order, or None."""
        await asyncio.sleep(0)
        order = self.exchange.orders.get(intent.client_id)
        return order.seen if order is not None else None

    async def order_by_id(self, symbol, venue_order_id):
        """The order that has, or became, that number."""
        await asyncio.sleep(0)
        for order in self.exchange.orders.values():
            if venue_order_id in (order.seen.venue_order_id, order.seen.child_order_id):
                return replace(order.seen, is_conditional=False, venue_order_id=venue_order_id, child_order_id="")
        return None

    async def open_orders(self, symbol=""):
        """What rests."""
        await asyncio.sleep(0)
        return tuple(self.exchange.open_orders(symbol or None))

    async def trades_since(self, symbol, trade_id):
        """Trades as REST tells them: without a client id."""
        await asyncio.sleep(0)
        return tuple(replace(t, client_id="") for t in self.exchange.trades[symbol] if t.trade_id >= trade_id)

    async def funding_since(self, since_ns):
        """The list of payments."""
        await asyncio.sleep(0)
        return tuple(one for one in self.exchange.funding if one.market_ns >= since_ns)

    async def transfers_since(self, since_ns):
        """The list of deposits and withdrawals."""
        await asyncio.sleep(0)
        return tuple(one for one in self.exchange.moved if one.market_ns >= since_ns)

    async def positions(self):
        """What is held."""
        there = self.exchange
        return tuple(
            PositionSeen(
                symbol=symbol,
                lots=lots,
                entry_ticks=there.cost[symbol] // (abs(lots) * there.unit(symbol)),
                cost=there.cost[symbol],
            )
            if lots
            else PositionSeen(symbol=symbol, lots=0)
            for symbol, lots in there.lots.items()
        )

    async def wallet(self, asset):
        """Cash."""
        return WalletSeen(asset=asset, wallet=self.exchange.cash, reason="", change=0, symbol="", market_ns=0)

    async def modes(self, symbols):
        """As the test says."""
        self.modes_asked += 1
        return Modes(
            is_hedged=self.exchange.is_hedged,
            is_multi_asset=False,
            may_trade=True,
            margins=tuple((symbol, "cross", 5) for symbol in symbols),
        )

    async def permissions(self):
        """Keys that may trade and nothing else."""
        return Permissions(may_trade=True, may_withdraw=False, is_bound_to_address=True)

    async def rules(self, symbols):
        """As the test says, else as they were."""
        return tuple(self.exchange.rules.get(symbol, self.exchange.instruments[symbol]) for symbol in symbols)

    async def arm(self, symbol, timeout_ms):
        """Remember."""
        self.exchange.armed.append((symbol, timeout_ms))

    async def newest_trade(self, symbol):
        """The last one, whoever made it."""
        return max((trade.trade_id for trade in self.exchange.trades[symbol]), default=0)

    async def server_ns(self):
        """The exchange's clock, as far off as the test says."""
        return self.exchange.clock_ns()

    async def listen(self, told):
        """Tell what the exchange tells, until cancelled."""
        self.told = told
        self.exchange.listeners.append(told)
        told(StreamUp())
        try:
            await asyncio.sleep(3600)
        finally:
            self.drop()

    def drop(self):
        """Hear nothing any more."""
        if self.told in self.exchange.listeners:
            self.exchange.listeners.remove(self.told)

    def reconnect(self):
        """The stream was down, and is back."""
        self.told(StreamDown(text="cut"))
        self.told(StreamUp())

    def hang_up(self, reason):
        """The stream is dialled anew, and hears again."""
        self.hangups.append(reason)
        self.exchange.deaf, self.age_ns = False, 0
        self.reconnect()

    def stream_age_ns(self):
        """As the test says."""
        return self.age_ns
