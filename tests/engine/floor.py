"""A trading floor in one process: a core, its journal as bytes, and a venue that outlives every kill of the core.

candle --path--> stops and targets trigger, limits fill --> news --> core --actions--> venue
kill   = the core is dropped, with or without the actions of its last answer; the journal is read again
"""

from dataclasses import dataclass

from engine.books import Books
from engine.core import Core
from engine.events import Filled, decode, encode
from engine.messages import Announce, Ask, Cancel, Candle, FillTold, Moment, Outcome, Send, Target, Tick
from engine.order import Event, Intent, OrderType
from engine.settings import EngineSettings
from shm.records import Unit
from tests.engine.test_core import SYMBOL, Rules

S = 1_000_000_000
MINUTE = 60 * S


@dataclass
class Resting:
    """An order at the venue."""

    intent: Intent
    lots_left: int
    event: Event = Event.ACK

    @property
    def is_open(self):
        """It may still trade."""
        return self.event in (Event.ACK, Event.FILL_SOME)


class Floor:
    """Everything in step: a message, its answer, the venue's news, until nothing is under way."""

    def __init__(self, settings=None, rules=None, price=500_000):
        """An empty account at ``price``."""
        self.settings, self.rules = settings or EngineSettings(), rules or Rules()
        self.journal, self.trades, self.orders, self.refused = [], [], {}, []
        self.price, self.market_ns, self.machine_ns = price, 100 * MINUTE, 10**12
        self.lots = 0
        self.parts = 1  # trades that an order is filled by
        self.kills = iter(())  # at each answer: False, "after" or "before" its actions
        self.start()

    def start(self):
        """Read the journal, begin."""
        self.books = Books()
        for payload in self.journal:
            self.books.apply(decode(payload))
        self.core = Core(self.books, self.settings, run="r1", venue="paper", instruments={SYMBOL: self.rules})
        self.do(self.core.restarted(self.moment))

    @property
    def moment(self):
        """The machine's time goes on while the market waits."""
        return Moment(market_ns=self.market_ns, wall_ns=self.machine_ns, monotonic_ns=self.machine_ns)

    def tell(self, message):
        """Tell the core, and do what it answers, unless it is killed."""
        answer = self.core.tell(message, self.moment)
        kill = next(self.kills, False) if answer.events else False
        if kill == "before":
            self.journal += map(encode, answer.events)
            self.start()
            return
        self.do(answer)
        if kill:
            self.start()

    def do(self, answer):
        """Journal the events, then act."""
        self.journal += map(encode, answer.events)
        for action in answer.actions:
            match action:
                case Send():
                    self.place(action.intent)
                case Cancel(intent):
                    self.cancel(intent)
                case Ask(intent):
                    self.asked(intent)
                case Announce(refused):
                    self.refused.append(refused)

    def place(self, intent):
        """Fill, rest or refuse."""
        assert intent.intent_id not in self.orders, "an intent was sent twice"
        order = self.orders[intent.intent_id] = Resting(intent, intent.lots)
        if intent.reduce_only and self.lots * intent.side >= 0:
            order.event = Event.REJECT
            self.news(order, refusal="ReduceOnlyRejected")
        elif intent.type == OrderType.MARKET:
            self.news(order)
            self.fill(order, self.price)
        elif intent.type == OrderType.POST_ONLY and intent.side * (intent.price_ticks - self.price) > 0:
            order.event = Event.REJECT
            self.news(order, refusal="WouldTake")
        elif self.triggers(order, self.price):
            order.event = Event.REJECT
            self.news(order, refusal="WouldTrigger")
        else:
            self.news(order)

    @staticmethod
    def triggers(order, price):
        """Whether a conditional order triggers at ``price``."""
        way = {OrderType.STOP_MARKET: 1, OrderType.TAKE_PROFIT_MARKET: -1}.get(order.intent.type, 0)
        return way * order.intent.side * (price - order.intent.stop_ticks) >= 0 if way else False

    def fill(self, order, ticks, lots=0):
        """Trade what is left, or ``lots`` of it; a reduce-only order to flat at most."""
        intent = order.intent
        lots = lots or order.lots_left
        if intent.reduce_only:
            lots = min(lots, max(0, -intent.side * self.lots))
        for part in range(self.parts):
            share = lots * (part + 1) // self.parts - lots * part // self.parts
            if share:
                self.trade(order, share, ticks)
        if order.is_open and order.lots_left and intent.type != OrderType.POST_ONLY:
            order.event = Event.EXPIRE
            self.news(order)

    def trade(self, order, lots, ticks):
        """One trade, told."""
        intent = order.intent
        order.lots_left -= lots
        order.event = Event.FILL_SOME if order.lots_left else Event.FILL_ALL
        self.lots += intent.side * lots
        self.trades.append((intent.purpose.name, intent.side, lots, ticks))
        fee = (lots * ticks * self.rules.unit * 500 + 500_000) // 1_000_000
        told = Filled(
            account="main", venue="paper", instrument=SYMBOL, trade_id=len(self.trades), intent_id=intent.intent_id,
            venue_order_id=str(intent.intent_id), side=intent.side, lots=lots, price_ticks=ticks, fee=fee,
            is_maker=False, market_ns=self.market_ns, wall_ns=self.machine_ns,
        )  # fmt: skip
        self.told = [*getattr(self, "told", []), told]
        self.tell(FillTold(told))
        self.news(order)

    def news(self, order, refusal=""):
        """What the venue says of an order."""
        filled = order.intent.lots - order.lots_left
        self.tell(
            Outcome(
                intent_id=order.intent.intent_id,
                event=order.event,
                venue_order_id=str(order.intent.intent_id),
                lots_filled=filled,
                refusal=refusal,
            )
        )

    def cancel(self, intent):
        """End an order, if it is open."""
        order = self.orders.get(intent.intent_id)
        if order is None:
            return
        if order.is_open:
            order.event = Event.CANCEL_CONFIRMED
        self.news(order)

    def asked(self, intent):
        """Trades first, then the order; absent when it never came."""
        order = self.orders.get(intent.intent_id)
        if order is None:
            self.tell(Outcome(intent_id=intent.intent_id, event=Event.ABSENT))
            return
        for told in getattr(self, "told", []):
            if told.intent_id == intent.intent_id:
                self.tell(FillTold(told))
        self.news(order)

    def settle(self):
        """Let machine time pass, the market waiting, until nothing is under way."""
        for _ in range(1_000):
            if self.core.is_settled:
                return
            self.machine_ns += S // 2
            self.tell(Tick())
        raise AssertionError(f"never settled: {self.books.working}")

    def target(self, target_id, lots, stop_ticks, **more):
        """A target of lots, settled."""
        target = {
            "instrument": SYMBOL, "strategy": "trend", "unit": Unit.LOTS, "target_id": target_id, "amount": lots,
            "stop_ticks": stop_ticks, "reference_ticks": self.price, "valid_until_ns": self.market_ns + 2 * MINUTE,
            "open_ns": self.market_ns - MINUTE,
        }  # fmt: skip
        self.tell(Target(**(target | more)))
        self.settle()

    def move(self, ticks):
        """The price goes to ``ticks`` through every tick's triggers."""
        while self.price != ticks:
            way = 1 if ticks > self.price else -1
            edges = [
                order.intent.stop_ticks or order.intent.price_ticks - (order.intent.side > 0) + (order.intent.side < 0)
                for order in self.orders.values()
                if order.is_open
            ]
            between = [edge for edge in edges if way * (edge - self.price) > 0 and way * (ticks - edge) >= 0]
            self.price = min(between, key=lambda edge: way * edge, default=ticks)
            for order in list(self.orders.values()):
                intent = order.intent
                if order.is_open and self.triggers(order, self.price):
                    self.fill(order, self.price)
                elif (
                    order.is_open
                    and intent.type == OrderType.POST_ONLY
                    and intent.side * (intent.price_ticks - self.price) > 0
                ):
                    self.fill(order, intent.price_ticks)

    def candle(self, *path):
        """A minute whose price goes along ``path``; then it closes and is told."""
        first = self.market_ns
        self.market_ns += MINUTE // 2
        for ticks in path:
            self.move(ticks)
        self.market_ns = first + MINUTE
        self.tell(
            Candle(
                instrument=SYMBOL,
                open_ns=first,
                close_ns=self.market_ns,
                high_ticks=max(path),
                low_ticks=min(path),
                close_ticks=path[-1],
            )
        )
        self.settle()

    def resting(self):
        """(purpose, lots, trigger or price) of what is open, in order."""
        return sorted(
            (order.intent.purpose.name, order.lots_left, order.intent.stop_ticks or order.intent.price_ticks)
            for order in self.orders.values()
            if order.is_open
        )
