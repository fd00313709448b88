"""Fills become money and news: from the matching model to the ledger to the outbox.

leg of the path -> matching -> FILL rows -> Ledger -> AccountUpdate, OrderUpdate
                                 |
                                 TRIGGERED: an algo order becomes a MARKET order with an id of its own
                                 EXPIRED:   reduce-only, and nothing left to reduce
before what could open a position triggers, the leg pauses: without the margin for it, it is REJECTED
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from engine import matching
from engine.venue.embedded.account import Account, filled
from engine.venue.embedded.events import AccountUpdate, AlgoUpdate, Event, OrderUpdate
from engine.venue.embedded.filters import Draft
from engine.venue.embedded.margin import objection_to_risk, position_state
from engine.venue.embedded.orders import LIMIT, MARKET, AlgoOrder, Fill, Order, PlaceOrder
from engine.venue.embedded.pit import MILLISECOND_NS, Pit

REDUCE_ONLY_REJECT = "Reduce Only reject"
AUTOCLOSE = "autoclose-"  # client ids of liquidations
# What an order ends as, and the number of the exchange's reason (``er``).
CANCELED, LIQUIDATED = ("CANCELED", 0), ("CANCELED", 5)
UNFILLED, OUTLIVED, PREVENTED, REVERSING = ("EXPIRED", 2), ("EXPIRED", 0), ("EXPIRED_IN_MATCH", 1), ("EXPIRED", 4)
ENDS = {matching.EXPIRED: REVERSING, matching.PREVENTED: PREVENTED}


class Clearing:
    """Books what the matching model finds."""

    def __init__(self, pits: Mapping[str, Pit], rates_ppm: tuple[int, int], tell: Callable[[Event], None]) -> None:
        """``rates_ppm`` are the taker's fee and the maker's."""
        self._pits, self._tell = pits, tell
        self._taker_ppm, self._maker_ppm = rates_ppm

    def walk(self, account: Account, pit: Pit, leg: tuple[int, int, int], *, jumps: bool = False) -> None:
        """The price goes ``leg`` = (position, from, to), or jumps from one to the other."""
        position, here, end = leg
        book = account.book(pit.listing.id)
        if not book.waiting:
            return
        if jumps:
            self._weigh_due(account, pit, (position, end - 1 if end >= here else end + 1, end))
        else:
            # The leg pauses a tick before whatever could open a position: can the account bear it there?
            step = 1 if end > here else -1
            while (walked := matching.opening(book.records, here, end)) != matching.NEVER:
                before = here + step * (walked - 1)
                self._move(account, pit, (position, here, before))
                position, here = position + walked, before + step
                self._weigh_due(account, pit, (position, before, here))
                self._move(account, pit, (position - 1, before, here))
        self._move(account, pit, (position, here, end), jumps=jumps)

    def _move(self, account: Account, pit: Pit, leg: tuple[int, int, int], *, jumps: bool = False) -> None:
        position, from_ticks, to_ticks = leg
        book = account.book(pit.listing.id)
        if not book.waiting or (from_ticks == to_ticks and not jumps):
            return
        fills = matching.fills_for(len(book.waiting))
        held = account.held(pit.listing.id)
        move = matching.gap if jumps else matching.advance
        count = move(book.records, from_ticks, to_ticks, pit.book[0], held, fills)
        for fill in fills[:count]:
            self.take(account, pit, fill, pit.at_ns(position + int(fill["walked"])))
        self._sweep(account, pit, held)

    def _weigh_due(self, account: Account, pit: Pit, leg: tuple[int, int, int]) -> None:
        """What triggers at the end of a leg of one tick is weighed at that price."""
        position, before, here = leg
        book = account.book(pit.listing.id)
        due = [
            order
            for index, order in enumerate(book.waiting)
            if matching.opening(book.records[index : index + 1], before, here) != matching.NEVER
        ]
        arrives, pit.last_ticks = pit.last_ticks, here
        self._weigh(account, pit, due, pit.at_ns(position))
        pit.last_ticks = arrives

    def _weigh(self, account: Account, pit: Pit, due: list[Order | AlgoOrder], at_ns: int) -> None:
        """What triggers now and could open more than the account can bear is rejected."""
        book, borne = account.book(pit.listing.id), dict[tuple[str, int], int]()
        for order in due:
            assert isinstance(order, AlgoOrder), "an ordinary order was weighed when it arrived"
            lots = order.lots + borne.get((order.leg, order.side), 0)
            request = PlaceOrder(symbol=order.symbol, side=order.side, type=order.type, leg=order.leg)
            draft = Draft(listing=pit.listing, request=request, lots=lots, price_ticks=0, trigger_ticks=0)
            if refusal := objection_to_risk(account, self._pits, draft):
                book.drop(book.index(order))
                forwarded = self.turn(account, replace(order, triggered_ns=at_ns), "TRIGGERING", at_ns)
                self.turn(account, replace(forwarded, reason=refusal.message), "REJECTED", at_ns)
            else:
                borne[order.leg, order.side] = lots

    def mark(self, account: Account, pit: Pit, at_ns: int) -> None:
        """The mark has moved: what waits for it may trigger."""
        book = account.book(pit.listing.id)
        if not (book.records["marks"] & matching.BY_MARK).any():
            return
        opens = book.records["marks"] & (matching.REDUCE | matching.WHOLE) == 0
        due = [
            order
            for order, record, may_open in zip(book.waiting, book.records, opens, strict=True)
            if may_open and matching.is_marked(record, pit.mark_ticks)
        ]
        self._weigh(account, pit, due, at_ns)
        fills = matching.fills_for(len(book.waiting))
        held = account.held(pit.listing.id)
        count = matching.mark(book.records, pit.mark_ticks, pit.last_ticks, pit.book[0], held, fills)
        for fill in fills[:count]:
            self.take(account, pit, fill, at_ns)
        self._sweep(account, pit, held)

    def outlive(self, account: Account, pit: Pit, deadline_ms: int) -> None:
        """What was good till ``deadline_ms`` expires."""
        book, at_ns = account.book(pit.listing.id), deadline_ms * MILLISECOND_NS
        for order in [one for one in book.waiting if 0 < one.good_till_ms <= deadline_ms]:
            book.drop(book.index(order))
            if isinstance(order, Order):
                self.end(account, order, *OUTLIVED, at_ns)
            else:
                self.turn(account, order, "EXPIRED", at_ns)

    @staticmethod
    def _sweep(account: Account, pit: Pit, held: np.ndarray) -> None:
        book = account.book(pit.listing.id)
        book.sweep()
        for index, order in enumerate(book.waiting):
            if isinstance(order, AlgoOrder) and order.order_id:
                # It has become a limit order, and what it did not take waits.
                book.waiting[index] = account.orders[order.order_id]
        assert (held == account.held(pit.listing.id)).all(), "matching and ledger hold the same positions"

    def take(self, account: Account, pit: Pit, fill: np.void, at_ns: int) -> None:
        """Book one row of what the matching model found, about an order of the account's book."""
        book, index = account.book(pit.listing.id), int(fill["order"])
        order = book.waiting[index]
        if isinstance(order, Order):
            if fill["kind"] in ENDS:
                book.waiting[index] = self.end(account, order, *ENDS[int(fill["kind"])], at_ns)
            else:
                book.waiting[index] = self.fill(account, pit, order, fill, at_ns)
        elif fill["kind"] == matching.EXPIRED:
            self.turn(account, replace(order, reason=REDUCE_ONLY_REJECT, triggered_ns=at_ns), "EXPIRED", at_ns)
        elif fill["kind"] == matching.TRIGGERED:
            book.waiting[index] = self._trigger(account, pit, order, fill, at_ns)
        elif fill["kind"] == matching.PREVENTED:
            self.end(account, account.orders[order.order_id], *PREVENTED, at_ns)
            book.waiting[index] = account.algo_orders[order.algo_id]
        else:
            self.fill(account, pit, account.orders[order.order_id], fill, at_ns)
            book.waiting[index] = account.algo_orders[order.algo_id]

    def _trigger(self, account: Account, pit: Pit, algo: AlgoOrder, fill: np.void, at_ns: int) -> AlgoOrder:
        price_ticks = algo.price_ticks
        if algo.price_match != "NONE":
            peg = pit.peg_ticks(algo.side, algo.price_match)
            assert peg is not None, "the desk refuses what no level matches"
            price_ticks = max(1, int(fill["ticks"]) + peg)
        order = Order(
            account=account.name,
            symbol=algo.symbol,
            order_id=pit.next_order_id(),
            client_id=algo.client_id,
            side=algo.side,
            type=LIMIT if price_ticks else MARKET,
            price_ticks=price_ticks,
            time_in_force=algo.time_in_force if algo.good_till_ms else "GTC",
            lots=int(fill["lots"]),
            reduce_only=algo.reduce_only,
            close_position=algo.close_position,
            created_ns=at_ns,
            updated_ns=at_ns,
            algo_id=algo.algo_id,
            leg=algo.leg,
            prevention=algo.prevention,
            price_match=algo.price_match,
            good_till_ms=algo.good_till_ms,
        )
        self.turn(account, replace(algo, triggered_ns=at_ns), "TRIGGERING", at_ns)
        self.open(account, order, at_ns)
        return self.turn(account, replace(algo, triggered_ns=at_ns, order_id=order.order_id), "TRIGGERED", at_ns)

    def fill(self, account: Account, pit: Pit, order: Order, fill: np.void, at_ns: int) -> Order:
        """Book one fill and tell it; the order after it."""
        ticks, lots, maker = int(fill["ticks"]), int(fill["lots"]), fill["kind"] == matching.MAKER
        ppm = self._maker_ppm if maker else self._taker_ppm
        held = account.ledger.position(order.symbol, order.leg)
        before = held.lots, held.cost
        realised, fee = account.ledger.fill(pit.listing, order.side, ticks, lots, ppm, order.leg)
        if account.is_isolated(order.symbol):
            account.ledger.isolate(held, before, account.leverage(order.symbol))
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
            leg=order.leg,
        )
        account.fills.setdefault(order.symbol, []).append(done)
        order = filled(order, ticks, lots, at_ns)
        account.keep(order)
        state = position_state(account, pit, order.leg)
        self._tell(AccountUpdate(account.name, at_ns, "ORDER", account.ledger.wallet, 0, state))
        execution = "CALCULATED" if order.client_id.startswith(AUTOCLOSE) else "TRADE"
        self._tell(OrderUpdate(at_ns, execution, order, done))
        self._follow(account, order, at_ns)
        return order

    def _follow(self, account: Account, order: Order, at_ns: int) -> None:
        """An algo order knows what became of the order that it was born as."""
        if order.algo_id:
            algo = replace(account.algo_orders[order.algo_id], lots_filled=order.lots_filled, cost=order.cost)
            account.keep(algo)
            if not order.is_open:
                self.turn(account, algo, "FINISHED", at_ns)

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

    def end(self, account: Account, order: Order, status: str, expiry: int, at_ns: int) -> Order:
        """An order ends unfilled: CANCELED, or EXPIRED for one of the exchange's reasons."""
        order = replace(order, status=status, expiry=expiry, updated_ns=at_ns)
        account.keep(order)
        self._tell(OrderUpdate(at_ns, "CANCELED" if status == "CANCELED" else "EXPIRED", order))
        self._follow(account, order, at_ns)
        return order

    def turn(self, account: Account, order: AlgoOrder, status: str, at_ns: int) -> AlgoOrder:
        """An algo order turns to another status."""
        order = replace(order, status=status, updated_ns=at_ns)
        account.keep(order)
        self._tell(AlgoUpdate(at_ns, order))
        return order
