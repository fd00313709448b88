"""The embedded exchange in this process, spoken to in the rows and messages of its wire, with the face of ``Bourse``.

accept, cancel, look ...  --> Exchange --statements--> engine.venue.binance --> OrderSeen, TradeSeen
advance (a minute)        --> Exchange --messages----> engine.venue.binance --> tell(News)
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from engine import errors
from engine.order import CONDITIONAL, Intent, OrderType
from engine.venue import binance
from engine.venue.base import News, OrderSeen, TradeSeen
from engine.venue.embedded import messages, statements
from engine.venue.embedded.events import AccountUpdate, AlgoUpdate, OrderUpdate
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.orders import AlgoOrder, Order, PlaceOrder, Refusal
from engine.venue.failures import CODES
from shm.instruments import Instrument

ACCOUNT = "paper"
TYPES = {
    OrderType.MARKET: "MARKET", OrderType.STOP_MARKET: "STOP_MARKET", OrderType.LIMIT: "LIMIT",
    OrderType.POST_ONLY: "LIMIT", OrderType.TAKE_PROFIT_MARKET: "TAKE_PROFIT_MARKET",
}  # fmt: skip


class Placed(NamedTuple):
    """An order that was accepted."""

    intent: Intent
    filled: int


class Hall:
    """One account, ``paper``, of one instrument."""

    doubles: tuple[()] = ()  # it refuses a client id that it has seen

    def __init__(self, exchange: Exchange, rule: Instrument) -> None:
        """Know the rule by its id at the exchange."""
        self._exchange, self._rule, self.symbol = exchange, rule, rule.symbol
        self._listing = exchange.by_id["BTCUSDT"]
        self.arrivals: Counter[str] = Counter()
        self.accepted: dict[str, Intent] = {}
        self.unplanned = 0
        self.is_durable: Callable[[str], bool] = bool
        self.tell: Callable[[News], None] = _nobody

    @property
    def price(self) -> int:
        """The last price in ticks."""
        return self._exchange.last_ticks("BTCUSDT")

    @property
    def lots(self) -> int:
        """What is held."""
        return sum(row.lots for row in self._exchange.account(ACCOUNT).positions if row.symbol == "BTCUSDT")

    @property
    def cash(self) -> int:
        """The wallet."""
        return self._exchange.account(ACCOUNT).wallet

    @property
    def orders(self) -> dict[str, Placed]:
        """Every order that was accepted."""
        found = {name: (intent, self.look(name, 0)) for name, intent in self.accepted.items()}
        return {name: Placed(intent, seen.lots_filled if seen else 0) for name, (intent, seen) in found.items()}

    @property
    def trades(self) -> list[tuple[int, TradeSeen]]:
        """All trades, and when."""
        return [(trade.market_ns, trade) for trade in self.trades_from(0, 0)]

    def advance(self) -> None:
        """The next minute."""
        self._publish(self._exchange.advance())

    def accept(self, intent: Intent, *, refuses: bool = False) -> OrderSeen:
        """Place it, or raise what the exchange answers."""
        self.arrivals[intent.client_id] += 1
        self.unplanned += not self.is_durable(intent.client_id)
        is_stop = intent.type in CONDITIONAL
        request = PlaceOrder(
            symbol="BTCUSDT", side=intent.side, type=TYPES[intent.type],
            quantity=f"{self._rule.quantity(intent.lots):f}",
            trigger_price=f"{self._rule.price(intent.stop_ticks):f}" if is_stop else None,
            price=f"{self._rule.price(intent.price_ticks):f}" if intent.price_ticks else None,
            time_in_force="GTX" if intent.type is OrderType.POST_ONLY else "GTC",
            reduce_only=intent.reduce_only, client_id=intent.client_id,
        )  # fmt: skip
        self._answered(self._exchange.place(ACCOUNT, request))
        self.accepted[intent.client_id] = intent
        self._publish(self._exchange.drain())
        seen = self.look(intent.client_id, 0)
        assert seen is not None, "what was accepted is found"
        return seen

    def cancel(self, intent: Intent) -> None:
        """End it."""
        if intent.type in CONDITIONAL:
            self._answered(self._exchange.cancel_algo(ACCOUNT, client_id=intent.client_id))
        else:
            self._answered(self._exchange.cancel(ACCOUNT, "BTCUSDT", client_id=intent.client_id))
        self._publish(self._exchange.drain())

    def look(self, client_id: str, lag_ns: int) -> OrderSeen | None:
        """The order of that id."""
        intent = self.accepted.get(client_id)
        if intent is None:
            return None
        if intent.type in CONDITIONAL:
            return self._seen(self._exchange.algo_order(ACCOUNT, client_id=client_id))
        return self._seen(self._exchange.order(ACCOUNT, "BTCUSDT", client_id=client_id))

    def look_by_number(self, number: str, lag_ns: int) -> OrderSeen | None:
        """The ordinary order of that number."""
        return self._seen(self._exchange.order(ACCOUNT, "BTCUSDT", order_id=int(number)))

    def resting(self) -> tuple[OrderSeen, ...]:
        """What rests."""
        ordinary, conditional = self._exchange.open_orders(ACCOUNT), self._exchange.open_algo_orders(ACCOUNT)
        return tuple(seen for order in (*ordinary, *conditional) if (seen := self._seen(order)) is not None)

    def trades_from(self, trade_id: int, lag_ns: int) -> tuple[TradeSeen, ...]:
        """Trades from ``trade_id`` on."""
        fills = self._exchange.user_trades(ACCOUNT, "BTCUSDT", trade_id, 1000)
        return tuple(binance.trade_row(statements.fill(self._listing, fill), self._rule) for fill in fills)

    def _seen(self, order: Order | AlgoOrder | Refusal) -> OrderSeen | None:
        match order:
            case Order():
                return binance.order_row(statements.order(self._listing, order), self._rule)
            case AlgoOrder():
                return binance.algo_row(statements.algo_order(self._listing, order), self._rule)
            case _:
                return None

    def _answered(self, answer: Any) -> None:
        if isinstance(answer, Refusal):
            raise CODES.get(answer.code, errors.InvalidOrder)(answer.message, code=answer.code)

    def _publish(self, events: list[Any]) -> None:
        find = {"BTCUSDT": self._rule}.get
        for event in events:
            match event:
                case OrderUpdate():
                    message = messages.order_update(self._listing, event)
                case AlgoUpdate():
                    message = messages.algo_update(self._listing, event)
                case AccountUpdate():
                    message = messages.account_update(self._listing if event.position else None, event)
                case _:
                    continue
            for news in binance.news_of(message, find):
                self.tell(news)


def _nobody(_: News) -> None:
    """Nobody listens."""
