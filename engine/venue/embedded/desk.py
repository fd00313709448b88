"""Takes orders in and out: between the clients and the clearing.

PlaceOrder -> filters -> duplicate? room? -> LIMIT, MARKET: reduce-only? margin? walk the book, rest what is left
                                          -> STOP, TAKE: wait for the trigger
"""

from dataclasses import replace

import numpy as np

from engine import matching
from engine.venue.embedded.account import Account
from engine.venue.embedded.clearing import CANCELED, UNFILLED, Clearing
from engine.venue.embedded.filters import (
    Draft,
    good_till_is_far,
    leg_is_the_accounts,
    lots_are_in_bounds,
    notional_is_enough,
    price_is_near,
    read,
)
from engine.venue.embedded.margin import objection_to_risk
from engine.venue.embedded.orders import (
    CONDITIONAL,
    LIMIT,
    STOPS,
    AlgoOrder,
    Order,
    PlaceOrder,
    Refusal,
)
from engine.venue.embedded.pit import Pit

Found = tuple[np.ndarray, np.ndarray]  # ORDER records, FILL rows

ORDERS_MAX = 200  # open per contract, of either kind
POST_ONLY = Refusal(
    -5022,
    "Due to the order could not be executed as maker, the Post Only order will be rejected. "
    "The order will not be recorded in the order history",
)
FILL_OR_KILL = Refusal(
    -5021,
    "Due to the order could not be filled immediately, the FOK order has been rejected. "
    "The order will not be recorded in the order history",
)
UNKNOWN_ORDER = Refusal(-2011, "Unknown order sent.")


class Desk:
    """Everything that a request goes through."""

    def __init__(self, pits: dict[str, Pit], clearing: Clearing) -> None:
        self._pits, self._clearing = pits, clearing

    def place(self, account: Account, request: PlaceOrder, now_ns: int) -> Order | AlgoOrder | Refusal:
        """An order for the request, or why not."""
        draft = self.examine(account, request, now_ns)
        if isinstance(draft, Refusal):
            return draft
        pit = self._pits[request.symbol]
        if request.type in CONDITIONAL:
            return self._await_trigger(account, draft, pit, now_ns)
        return self._enter(account, draft, pit, now_ns)

    def examine(self, account: Account, request: PlaceOrder, now_ns: int) -> Draft | Refusal:
        """The request in integers, or what speaks against it before the book and the margin are asked."""
        pit = self._pits.get(request.symbol)
        if pit is None:
            return Refusal(-1121, "Invalid symbol.")
        draft = _priced(read(request, pit.listing), pit)
        if isinstance(draft, Refusal):
            return draft
        objection = (
            leg_is_the_accounts(request, is_hedged=account.is_hedged)
            or good_till_is_far(draft, now_ns)
            or lots_are_in_bounds(draft)
            or notional_is_enough(draft, pit.last_ticks)
            or price_is_near(draft, pit.mark_ticks)
            or _name_is_free(account, request)
            or _there_is_room(account, request)
        )
        return objection or draft

    def _await_trigger(self, account: Account, draft: Draft, pit: Pit, now_ns: int) -> AlgoOrder | Refusal:
        request, trigger = draft.request, draft.trigger_ticks
        rises = (request.side > 0) == (request.type in STOPS)
        now_ticks = pit.mark_ticks if request.by_mark else pit.last_ticks
        is_beyond = (now_ticks >= trigger) if rises else (now_ticks <= trigger)
        if is_beyond and trigger:
            return Refusal(-2021, "Order would immediately trigger.")
        if request.close_position and _closes_already(account, request):
            return Refusal(
                -4130, "An open stop or take profit order with GTE and closePosition in the direction is existing."
            )
        algo_id = pit.next_order_id()
        order = AlgoOrder(
            account=account.name,
            symbol=request.symbol,
            algo_id=algo_id,
            client_id=request.client_id or f"algo-{algo_id}",
            side=request.side,
            type=request.type,
            time_in_force=request.time_in_force,
            lots=draft.lots,
            trigger_ticks=trigger,
            price_ticks=draft.price_ticks,
            trail_ppm=draft.trail_ppm,
            by_mark=request.by_mark,
            reduce_only=request.reduces,
            close_position=request.close_position,
            created_ns=now_ns,
            updated_ns=now_ns,
            leg=request.leg,
            prevention=request.prevention,
            price_match=request.price_match,
            good_till_ms=draft.good_till_ms,
        )
        peg = pit.peg_ticks(request.side, request.price_match) if request.price_match != "NONE" else None
        account.book(request.symbol).rest(order, last_ticks=pit.last_ticks, peg_ticks=peg)
        return self._clearing.turn(account, order, "NEW", now_ns)

    def _enter(self, account: Account, draft: Draft, pit: Pit, now_ns: int) -> Order | Refusal:
        request, lots = draft.request, self._borne(account, draft)
        if isinstance(lots, Refusal):
            return lots
        order = Order(
            account=account.name,
            symbol=request.symbol,
            order_id=0,  # refused, it never had one
            client_id=request.client_id,
            side=request.side,
            type=request.type,
            time_in_force=request.time_in_force if request.type == LIMIT else "GTC",
            lots=lots,
            price_ticks=draft.price_ticks,
            reduce_only=request.reduces,
            created_ns=now_ns,
            updated_ns=now_ns,
            leg=request.leg,
            prevention=request.prevention,
            price_match=request.price_match,
            good_till_ms=draft.good_till_ms,
        )
        records, fills = _meet(account, pit, order)
        if order.time_in_force == "GTX" and len(fills):
            return POST_ONLY
        if order.time_in_force == "FOK" and _taken(records, fills) < lots:
            return FILL_OR_KILL
        order_id = pit.next_order_id()
        order = replace(order, order_id=order_id, client_id=request.client_id or f"order-{order_id}")
        self._clearing.open(account, order, now_ns)
        return self._settle(account, pit, order, (records, fills), now_ns)

    def _borne(self, account: Account, draft: Draft) -> int | Refusal:
        """Lots of an order that the account can bear: what reduces is cut to the position."""
        request = draft.request
        if request.reduces:
            held = account.ledger.position(request.symbol, request.leg).lots
            lots = min(draft.lots, max(0, -request.side * held))
            return lots or Refusal(-2022, "ReduceOnly Order is rejected.")
        return objection_to_risk(account, self._pits, draft) or draft.lots

    def _settle(self, account: Account, pit: Pit, order: Order, found: Found, now_ns: int) -> Order:
        """Book what an arriving order did; what is left of it waits, or expires."""
        book = account.book(order.symbol)
        book.records, fills = found
        book.waiting.append(order)
        for fill in fills:
            self._clearing.take(account, pit, fill, now_ns)
        arrived = book.waiting.pop()
        book.records = book.records[:-1]
        book.sweep()
        assert isinstance(arrived, Order), "what arrives is an ordinary order"
        if arrived.is_open and arrived.time_in_force == "IOC":
            return self._clearing.end(account, arrived, *UNFILLED, now_ns)
        if arrived.is_open:
            assert arrived.type == LIMIT, "a market order finds level 9 bottomless"
            book.rest(arrived, ahead_lots=pit.displayed_lots(arrived.side, arrived.price_ticks))
        return arrived

    def amend(self, account: Account, order: Order, request: PlaceOrder, now_ns: int) -> Order | Refusal:
        """An open limit order with the quantity and price of ``request``; it queues anew."""
        pit, book = self._pits[order.symbol], account.book(order.symbol)
        index = book.index(order)
        if index < 0 or not order.is_open:
            return UNKNOWN_ORDER
        draft = _priced(read(request, pit.listing), pit)
        if isinstance(draft, Refusal):
            return draft
        if (draft.lots, draft.price_ticks) == (order.lots, order.price_ticks):
            return Refusal(-5027, "No need to modify the order.")
        objection = lots_are_in_bounds(draft) or price_is_near(draft, pit.mark_ticks)
        if objection is None and (small := notional_is_enough(draft, pit.last_ticks)):
            objection = Refusal(-5029, small.message.partition(" (")[0])
        if objection:
            return objection
        if draft.lots <= order.lots_filled:
            return self.cancel(account, order, now_ns)
        kept = book.records, list(book.waiting)
        book.drop(index)
        left = self._borne(account, replace(draft, lots=draft.lots - order.lots_filled))
        if isinstance(left, Refusal):
            book.records, book.waiting = kept
            return left
        lots = order.lots_filled + left
        order = replace(order, lots=lots, price_ticks=draft.price_ticks, price_match=request.price_match)
        order = self._clearing.amend(account, order, now_ns)
        found = _meet(account, pit, order)
        if order.time_in_force == "GTX" and len(found[1]):
            return self._clearing.end(account, order, *CANCELED, now_ns)
        return self._settle(account, pit, order, found, now_ns)

    def cancel(self, account: Account, order: Order | None, now_ns: int) -> Order | Refusal:
        """Take an open order out of the book."""
        if order is None or not order.is_open:
            return UNKNOWN_ORDER
        book = account.book(order.symbol)
        book.drop(book.index(order))
        return self._clearing.end(account, order, *CANCELED, now_ns)

    def cancel_algo(self, account: Account, order: AlgoOrder | None, now_ns: int) -> AlgoOrder | Refusal:
        """Take a waiting algo order out."""
        if order is None or not order.is_open:
            return UNKNOWN_ORDER
        book = account.book(order.symbol)
        book.drop(book.index(order))
        return self._clearing.turn(account, order, "CANCELED", now_ns)


def _priced(draft: Draft | Refusal, pit: Pit) -> Draft | Refusal:
    """The draft with the price that priceMatch finds in the book; a conditional order finds it when it triggers."""
    if isinstance(draft, Refusal) or draft.request.price_match == "NONE":
        return draft
    peg = pit.peg_ticks(draft.request.side, draft.request.price_match)
    if peg is None:
        return Refusal(-5041, "No depth matches this BBO order")
    return replace(draft, price_ticks=max(1, pit.last_ticks + peg)) if draft.request.type == LIMIT else draft


def _meet(account: Account, pit: Pit, order: Order) -> Found:
    """What ``order`` would do on arrival: the account's records after it, itself last, and what happened."""
    records = account.book(order.symbol).with_taker(order)
    fills, held, last = matching.fills_for(len(records)), account.held(order.symbol), len(records) - 1
    count, _ = matching.cross(
        records, last, order.lots_left, order.price_ticks, pit.last_ticks, pit.book[0], held, fills, 0, 0
    )
    return records, fills[:count]


def _taken(records: np.ndarray, fills: np.ndarray) -> int:
    ours = (fills["order"] == len(records) - 1) & (fills["kind"] == matching.TAKER)
    return int(fills["lots"][ours].sum())


def _name_is_free(account: Account, request: PlaceOrder) -> Refusal | None:
    if not request.client_id:
        return None
    earlier: Order | AlgoOrder | None = account.find(request.symbol, 0, request.client_id)
    if request.type in CONDITIONAL:
        earlier = account.find_algo(0, request.client_id)
    # A client id is free again once its order is closed: it is no idempotency key.
    return Refusal(-4116, "ClientOrderId is duplicated.") if earlier is not None and earlier.is_open else None


def _there_is_room(account: Account, request: PlaceOrder) -> Refusal | None:
    conditional = request.type in CONDITIONAL
    waiting = account.book(request.symbol).waiting
    if sum(isinstance(order, AlgoOrder) == conditional for order in waiting) < ORDERS_MAX:
        return None
    if conditional:
        return Refusal(-4045, "Reach max stop order limit.")
    return Refusal(-2025, "Reach max open order limit.")


def _closes_already(account: Account, request: PlaceOrder) -> bool:
    return any(
        isinstance(other, AlgoOrder)
        and other.close_position
        and (other.leg, other.side, other.type) == (request.leg, request.side, request.type)
        for other in account.book(request.symbol).waiting
    )
