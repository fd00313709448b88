"""One account: its open orders (as the matching model wants them), its history and its ledger.

Book, one per contract: waiting[i] is the order or algo order behind records[i],
both in order of arrival; what is done leaves both.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from engine import matching
from engine.venue.embedded.ledger import Ledger
from engine.venue.embedded.orders import (
    BOTH,
    LEGS,
    PREVENTIONS,
    STOPS,
    TRAILING_STOP_MARKET,
    AlgoOrder,
    Fill,
    Order,
    Payment,
)

NO_DEADLINE = 1 << 62


@dataclass(slots=True)
class Book:
    """The orders of one account that wait in one contract."""

    records: np.ndarray = field(default_factory=lambda: np.zeros(0, matching.ORDER))
    waiting: list[Order | AlgoOrder] = field(default_factory=list)
    deadline_ms: int = NO_DEADLINE  # nothing that waits is good till less; may be long past

    def rest(
        self, order: Order | AlgoOrder, *, ahead_lots: int = 0, last_ticks: int = 0, peg_ticks: int | None = None
    ) -> None:
        """Add one, last in arrival; ``ahead_lots`` of others are displayed at its price."""
        record = np.zeros(1, matching.ORDER)
        if order.good_till_ms:
            self.deadline_ms = min(self.deadline_ms, order.good_till_ms)
        record["side"], record["leg"] = order.side, LEGS.index(order.leg)
        record["prevention"] = PREVENTIONS.index(order.prevention)
        if isinstance(order, Order):
            record["id"], record["ticks"], record["lots_left"] = order.order_id, order.price_ticks, order.lots_left
            record["kind"] = matching.LIMIT
            same = (self.records["ticks"] == order.price_ticks) & (self.records["kind"] == matching.LIMIT)
            ours = self.records["lots_left"][same & (self.records["side"] == order.side)].sum()
            record["ahead_lots"] = ahead_lots + ours
        else:
            record["id"], record["ticks"], record["lots_left"] = order.algo_id, order.trigger_ticks, order.lots
            record["kind"] = matching.STOP if order.type in STOPS else matching.TAKE
            if order.type == TRAILING_STOP_MARKET:
                record["kind"] = matching.TRAIL
            record["limit_ticks"], record["trail_ppm"], record["reach_ticks"] = (
                order.price_ticks,
                order.trail_ppm,
                last_ticks,
            )
            if peg_ticks is not None:
                record["limit_ticks"] = peg_ticks
                record["marks"] |= matching.PEGGED
            if order.by_mark:
                record["marks"] |= matching.BY_MARK
        if order.reduce_only:
            record["marks"] |= matching.REDUCE
        if order.close_position:
            record["marks"] |= matching.WHOLE
        self.records = np.concatenate((self.records, record))
        self.waiting.append(order)

    def with_taker(self, order: Order) -> np.ndarray:
        """What waits, and ``order`` behind it, as the matching model wants a taker."""
        taker = np.zeros(1, matching.ORDER)
        taker["side"], taker["leg"] = order.side, LEGS.index(order.leg)
        taker["prevention"] = PREVENTIONS.index(order.prevention)
        return np.concatenate((self.records, taker))

    def deadlines(self, until_ms: int) -> list[int]:
        """When something that waits ends, up to ``until_ms``, in order."""
        if self.deadline_ms > until_ms:
            return []
        dates = sorted({order.good_till_ms for order in self.waiting if order.good_till_ms})
        self.deadline_ms = next((date for date in dates if date > until_ms), NO_DEADLINE)
        return [date for date in dates if date <= until_ms]

    def drop(self, index: int) -> None:
        """Take one out."""
        self.records = np.delete(self.records, index)
        del self.waiting[index]

    def sweep(self) -> None:
        """Take out what the matching model is done with."""
        alive = self.records["kind"] != matching.DONE
        if not alive.all():
            self.waiting = [order for order, keep in zip(self.waiting, alive, strict=True) if keep]
            self.records = self.records[alive].copy()

    def forget_touches(self, depth_lots: int) -> None:
        """A new candle begins, behind a book that shows ``depth_lots`` a level."""
        if self.waiting:
            matching.forget_touches(self.records)
            matching.shrink_queues(self.records, depth_lots)

    def index(self, order: Order | AlgoOrder) -> int:
        """Where ``order`` (in whatever state) waits; -1 when it does not."""
        for index, waiting in enumerate(self.waiting):
            if type(waiting) is type(order) and identity(waiting) == identity(order):
                return index
        return -1


def identity(order: Order | AlgoOrder) -> int:
    """The exchange's id of either kind."""
    return order.order_id if isinstance(order, Order) else order.algo_id


@dataclass(slots=True)
class Account:
    """Everything the exchange knows of one client."""

    name: str
    leverage_first: int
    ledger: Ledger = field(default_factory=Ledger)
    books: dict[str, Book] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)  # by order id
    algo_orders: dict[int, AlgoOrder] = field(default_factory=dict)  # by algo id
    order_names: dict[tuple[str, str], int] = field(default_factory=dict)  # (symbol, client id) -> newest order id
    algo_names: dict[str, int] = field(default_factory=dict)  # client id -> newest algo id
    fills: dict[str, list[Fill]] = field(default_factory=dict)
    leverages: dict[str, int] = field(default_factory=dict)
    isolates: dict[str, bool] = field(default_factory=dict)  # contracts whose margin is isolated
    is_hedged: bool = False  # two positions a contract, LONG and SHORT, instead of one
    payments: list[Payment] = field(default_factory=list)  # what is neither profit nor fee

    def book(self, symbol: str) -> Book:
        """The book of one contract."""
        return self.books.setdefault(symbol, Book())

    def leverage(self, symbol: str) -> int:
        """How much of the notional is not margin."""
        return self.leverages.get(symbol, self.leverage_first)

    def is_isolated(self, symbol: str) -> bool:
        """Whether positions in ``symbol`` have margin of their own."""
        return self.isolates.get(symbol, False)

    @property
    def concerns(self) -> list[str]:
        """Contracts of which something is held or waits; on all others nothing can be bound, lost or paid."""
        held = [symbol for (symbol, _), position in self.ledger.positions.items() if position.lots]
        return list(dict.fromkeys(held + [symbol for symbol, book in self.books.items() if book.waiting]))

    @property
    def legs(self) -> tuple[str, ...]:
        """The positions that a contract may have, as the exchange lists them."""
        return LEGS if self.is_hedged else (BOTH,)

    def held(self, symbol: str) -> np.ndarray:
        """What is held of a contract, leg by leg, as the matching model counts it."""
        return np.array([self.ledger.position(symbol, leg).lots for leg in LEGS])

    def keep(self, order: Order | AlgoOrder) -> None:
        """Remember the newest state of an order."""
        if isinstance(order, Order):
            self.orders[order.order_id] = order
            self.order_names[order.symbol, order.client_id] = order.order_id
        else:
            self.algo_orders[order.algo_id] = order
            self.algo_names[order.client_id] = order.algo_id

    def find(self, symbol: str, order_id: int, client_id: str) -> Order | None:
        """An order by either id, open or closed."""
        if not order_id:
            order_id = self.order_names.get((symbol, client_id), 0)
        order = self.orders.get(order_id)
        return order if order is not None and order.symbol == symbol else None

    def find_algo(self, algo_id: int, client_id: str) -> AlgoOrder | None:
        """An algo order by either id, waiting or done."""
        return self.algo_orders.get(algo_id or self.algo_names.get(client_id, 0))


def filled(order: Order, ticks: int, lots: int, at_ns: int) -> Order:
    """The order after a fill."""
    total = order.lots_filled + lots
    assert total <= order.lots, "an order never fills more than it asked for"
    status = "FILLED" if total == order.lots else "PARTIALLY_FILLED"
    return replace(order, lots_filled=total, cost=order.cost + ticks * lots, status=status, updated_ns=at_ns)
