"""Fills become money and news: from the matching model to the ledger to the outbox.

leg of the path -> matching -> FILL rows -> Ledger -> AccountUpdate, OrderUpdate
                                 |
                                 TRIGGERED: an algo order becomes a MARKET order with an id of its own
                                 EXPIRED:   reduce-only, and nothing left to reduce
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from engine import matching
from engine.venue.embedded.account import Account, filled
from engine.venue.embedded.events import AccountUpdate, AlgoUpdate, Event, OrderUpdate
from engine.venue.embedded.margin import position_state
from engine.venue.embedded.orders import MARKET, AlgoOrder, Fill, Order
from engine.venue.embedded.pit import Pit

REDUCE_ONLY_REJECT = "Reduce Only reject"


class Clearing:
    """Books what the matching model finds."""

    def __init__(self, taker_ppm: int, maker_ppm: int, tell: Callable[[Event], None]) -> None:
        self._taker_ppm, self._maker_ppm, self._tell = taker_ppm, maker_ppm, tell

    def walk(self, account: Account, pit: Pit, leg: tuple[int, int, int], *, jumps: bool = False) -> None:
        """The price goes ``leg`` = (position, from, to), or jumps from one to the other."""
        position, from_ticks, to_ticks = leg
        book = account.book(pit.listing.id)
        if not book.waiting:
            return
        fills = matching.fills_for(len(book.waiting))
        held = np.array([account.ledger.position(pit.listing.id).lots])
        move = matching.gap if jumps else matching.advance
        count = move(book.records, from_ticks, to_ticks, pit.book[0], held, fills)
        for fill in fills[:count]:
            self._take(account, pit, fill, pit.at_ns(position + int(fill["walked"])))
        book.sweep()
        assert held[0] == account.ledger.position(pit.listing.id).lots, "matching and ledger hold the same position"

    def _take(self, account: Account, pit: Pit, fill: np.void, at_ns: int) -> None:
        book, index = account.book(pit.listing.id), int(fill["order"])
        order = book.waiting[index]
        if isinstance(order, Order):
            if fill["kind"] == matching.EXPIRED:
                self.end(account, order, "EXPIRED", at_ns)
            else:
                book.waiting[index] = self.fill(account, pit, order, fill, at_ns)
        elif fill["kind"] == matching.EXPIRED:
            self.turn(account, replace(order, reason=REDUCE_ONLY_REJECT, triggered_ns=at_ns), "EXPIRED", at_ns)
        elif fill["kind"] == matching.TRIGGERED:
            book.waiting[index] = self._trigger(account, pit, order, int(fill["lots"]), at_ns)
        else:
            born = self.fill(account, pit, account.orders[order.order_id], fill, at_ns)
            book.waiting[index] = order = replace(order, lots_filled=born.lots_filled, cost=born.cost)
            if not born.is_open:
                self.turn(account, order, "FINISHED", at_ns)

    def _trigger(self, account: Account, pit: Pit, algo: AlgoOrder, lots: int, at_ns: int) -> AlgoOrder:
        order = Order(
            account=account.name,
            symbol=algo.symbol,
            order_id=pit.next_order_id(),
            client_id=algo.client_id,
            side=algo.side,
            type=MARKET,
            time_in_force="GTC",
            lots=lots,
            reduce_only=algo.reduce_only,
            close_position=algo.close_position,
            created_ns=at_ns,
            updated_ns=at_ns,
            algo_id=algo.algo_id,
        )
        self.turn(account, replace(algo, triggered_ns=at_ns), "TRIGGERING", at_ns)
        self.open(account, order, at_ns)
        return self.turn(account, replace(algo, triggered_ns=at_ns, order_id=order.order_id), "TRIGGERED", at_ns)

    def fill(self, account: Account, pit: Pit, order: Order, fill: np.void, at_ns: int) -> Order:
        """Book one fill and tell it; the order after it."""
        ticks, lots, maker = int(fill["ticks"]), int(fill["lots"]), fill["kind"] == matching.MAKER
        ppm = self._maker_ppm if maker else self._taker_ppm
        realised, fee = account.ledger.fill(pit.listing, order.side, ticks, lots, ppm)
        done = Fill(
            account=account.name,
            symbol=order.symbol,
            trade_id=pit.next_fill_id(),
            order_id=order.order_id,
            side=order.side,
            price_ticks=ticks,
            lots=lots,
            notional=pit.listing.notional(ticks, lots),
            fee=fee,
            realised=realised,
            maker=bool(maker),
            at_ns=at_ns,
        )
        account.fills.setdefault(order.symbol, []).append(done)
        order = filled(order, ticks, lots, at_ns)
        account.keep(order)
        state = position_state(account, pit)
        self._tell(AccountUpdate(account.name, at_ns, "ORDER", account.ledger.wallet, 0, state))
        self._tell(OrderUpdate(at_ns, "TRADE", order, done))
        return order

    def open(self, account: Account, order: Order, at_ns: int) -> None:
        """An order is accepted."""
        account.keep(order)
        self._tell(OrderUpdate(at_ns, "NEW", order))

    def amend(self, account: Account, order: Order, at_ns: int) -> Order:
        """An order has another price or quantity now."""
        order = replace(order, updated_ns=at_ns)
        account.keep(order)
        self._tell(OrderUpdate(at_ns, "AMENDMENT", order))
        return order

    def end(self, account: Account, order: Order, status: str, at_ns: int) -> Order:
        """An order ends unfilled: CANCELED or EXPIRED."""
        order = replace(order, status=status, updated_ns=at_ns)
        account.keep(order)
        self._tell(OrderUpdate(at_ns, status, order))
        return order

    def turn(self, account: Account, order: AlgoOrder, status: str, at_ns: int) -> AlgoOrder:
        """An algo order turns to another status."""
        order = replace(order, status=status, updated_ns=at_ns)
        account.keep(order)
        self._tell(AlgoUpdate(at_ns, order))
        return order
