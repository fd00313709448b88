"""One spot account: its orders that rest in the books, those that wait for a stop price, and its history.

Book, one per symbol:  resting[i] is the order behind records[i], both by arrival;  stops wait outside the book,
and pending are orders of a list whose first order has not filled yet.
"""

from dataclasses import dataclass, field

import numpy as np

from engine import matching
from engine.venue.embedded.spot.orders import OrderList, SpotFill, SpotOrder


@dataclass(slots=True)
class SpotBook:
    """The open orders of one account in one symbol."""

    records: np.ndarray = field(default_factory=lambda: np.zeros(0, matching.ORDER))
    resting: list[SpotOrder] = field(default_factory=list)
    stops: list[SpotOrder] = field(default_factory=list)
    pending: list[SpotOrder] = field(default_factory=list)

    def rest(self, order: SpotOrder) -> None:
        """Add a limit order, last in arrival."""
        record = np.zeros(1, matching.ORDER)
        record["id"], record["side"], record["kind"] = order.order_id, order.side, matching.LIMIT
        record["ticks"], record["lots_left"] = order.price_ticks, order.lots_left
        self.records = np.concatenate((self.records, record))
        self.resting.append(order)

    def drop(self, order_id: int) -> None:
        """Take one out, wherever it waits."""
        keep = np.array([order.order_id != order_id for order in self.resting], bool)
        self.records = self.records[keep].copy()
        self.resting = [order for order in self.resting if order.order_id != order_id]
        self.stops = [order for order in self.stops if order.order_id != order_id]
        self.pending = [order for order in self.pending if order.order_id != order_id]

    def swap(self, order: SpotOrder) -> None:
        """Put the newest state of an order where it waits; its place in the queue is kept."""
        for waiting in (self.resting, self.stops, self.pending):
            for index, one in enumerate(waiting):
                if one.order_id == order.order_id:
                    waiting[index] = order
                    if waiting is self.resting:
                        self.records["lots_left"][index] = order.lots_left

    def sweep(self) -> None:
        """Take out what is done."""
        for order in [order for order in self.resting if not order.is_open]:
            self.drop(order.order_id)

    def all(self) -> list[SpotOrder]:
        """Every open order, by id, which is by arrival."""
        return sorted([*self.resting, *self.stops, *self.pending], key=lambda order: order.order_id)


@dataclass(slots=True)
class SpotAccount:
    """Everything that the exchange knows of one client, its balances apart."""

    name: str
    books: dict[str, SpotBook] = field(default_factory=dict)
    orders: dict[int, SpotOrder] = field(default_factory=dict)
    names: dict[tuple[str, str], int] = field(default_factory=dict)  # (symbol, client id) -> newest order id
    fills: dict[str, list[SpotFill]] = field(default_factory=dict)
    lists: dict[int, OrderList] = field(default_factory=dict)
    filled: list[int] = field(default_factory=list)  # lists whose first order has filled: the others are due

    def book(self, symbol: str) -> SpotBook:
        """The book of one symbol."""
        return self.books.setdefault(symbol, SpotBook())

    def keep(self, order: SpotOrder) -> None:
        """Remember the newest state of an order."""
        self.orders[order.order_id] = order
        self.names[order.symbol, order.client_id] = order.order_id

    def find(self, symbol: str, order_id: int, client_id: str) -> SpotOrder | None:
        """An order by either id, open or closed."""
        found = self.orders.get(order_id or self.names.get((symbol, client_id), 0))
        return found if found is not None and found.symbol == symbol else None

    def orders_of(self, one: OrderList) -> list[SpotOrder]:
        """The orders of a list, in its order."""
        return [self.orders[order_id] for order_id in one.order_ids]

    def locked(self, asset: str, pays: dict[str, tuple[str, str]]) -> int:
        """What the open orders bind of ``asset``; ``pays`` says what (buys, sells) of a symbol give."""
        return sum(
            order.locked
            for symbol, book in self.books.items()
            for order in book.all()
            if pays[symbol][order.side < 0] == asset
        )
