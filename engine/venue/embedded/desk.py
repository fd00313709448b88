"""Takes orders in and out: between the clients and the clearing.

PlaceOrder -> filters -> duplicate? room? -> LIMIT, MARKET: reduce-only? margin? walk the book, rest what is left
                                          -> STOP, TAKE: wait for the trigger
"""

from dataclasses import replace

import numpy as np

from engine import matching
from engine.venue.embedded.account import Account
from engine.venue.embedded.clearing import Clearing
from engine.venue.embedded.filters import Draft, lots_are_in_bounds, notional_is_enough, price_is_near, read
from engine.venue.embedded.margin import leverage_allows, margin_is_enough
from engine.venue.embedded.orders import (
    CONDITIONAL,
    LIMIT,
    STOPS,
    TRAILING_STOP_MARKET,
    AlgoOrder,
    Order,
    PlaceOrder,
    Refusal,
)
from engine.venue.embedded.pit import Pit

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
        pit = self._pits.get(request.symbol)
        if pit is None:
            return Refusal(-1121, "Invalid symbol.")
        draft = read(request, pit.listing)
        if isinstance(draft, Refusal):
            return draft
        objection = (
            lots_are_in_bounds(draft)
            or notional_is_enough(draft, pit.last_ticks)
            or price_is_near(draft, pit.mark_ticks)
            or _name_is_free(account, request)
            or _there_is_room(account, request)
        )
        if objection:
            return objection
        if request.type in CONDITIONAL:
            return self._await_trigger(account, draft, pit, now_ns)
        return self._enter(account, draft, pit, now_ns)

    def _await_trigger(self, account: Account, draft: Draft, pit: Pit, now_ns: int) -> AlgoOrder | Refusal:
        request, trigger = draft.request, draft.trigger_ticks
        rises = (request.side > 0) == (request.type in STOPS)
        now_ticks = pit.mark_ticks if request.by_mark else pit.last_ticks
        is_beyond = (now_ticks >= trigger) if rises else (now_ticks <= trigger)
        if is_beyond and request.type != TRAILING_STOP_MARKET:
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
            reduce_only=request.reduce_only,
            close_position=request.close_position,
            created_ns=now_ns,
            updated_ns=now_ns,
        )
        account.book(request.symbol).rest(order, last_ticks=pit.last_ticks)
        return self._clearing.turn(account, order, "NEW", now_ns)

    def _enter(self, account: Account, draft: Draft, pit: Pit, now_ns: int) -> Order | Refusal:
        request, lots = draft.request, draft.lots
        if request.reduce_only:
            lots = min(lots, max(0, -request.side * account.ledger.position(request.symbol).lots))
            if lots == 0:
                return Refusal(-2022, "ReduceOnly Order is rejected.")
        elif not margin_is_enough(account, self._pits, draft):
            return Refusal(-2019, "Margin is insufficient.")
        elif not leverage_allows(account, draft, pit):
            return Refusal(-2027, "Exceeded the maximum allowable position at current leverage.")
        fills = matching.fills_for(1)
        count = matching.arrive(request.side, lots, draft.price_ticks, pit.last_ticks, pit.book[0], fills, 0, 0, 0)
        fills = fills[:count]
        if request.type == LIMIT and request.time_in_force == "GTX" and count:
            return POST_ONLY
        if request.type == LIMIT and request.time_in_force == "FOK" and int(fills["lots"].sum()) < lots:
            return FILL_OR_KILL
        order_id = pit.next_order_id()
        order = Order(
            account=account.name,
            symbol=request.symbol,
            order_id=order_id,
            client_id=request.client_id or f"order-{order_id}",
            side=request.side,
            type=request.type,
            time_in_force=request.time_in_force if request.type == LIMIT else "GTC",
            lots=lots,
            price_ticks=draft.price_ticks,
            reduce_only=request.reduce_only,
            created_ns=now_ns,
            updated_ns=now_ns,
        )
        return self._settle(account, pit, order, fills, now_ns)

    def _settle(self, account: Account, pit: Pit, order: Order, fills: np.ndarray, now_ns: int) -> Order:
        """Book what the order took on arrival; the rest of it waits, or expires."""
        self._clearing.open(account, order, now_ns)
        return self._rest(account, pit, order, fills, now_ns)

    def _rest(self, account: Account, pit: Pit, order: Order, fills: np.ndarray, now_ns: int) -> Order:
        for fill in fills:
            order = self._clearing.fill(account, pit, order, fill, now_ns)
        if order.is_open and order.time_in_force == "IOC":
            return self._clearing.end(account, order, "EXPIRED", now_ns)
        if order.is_open:
            assert order.type == LIMIT, "a market order finds level 9 bottomless"
            account.book(order.symbol).rest(order, ahead_lots=pit.displayed_lots(order.side, order.price_ticks))
        return order

    def amend(self, account: Account, order: Order, request: PlaceOrder, now_ns: int) -> Order | Refusal:
        """An open limit order with the quantity and price of ``request``; it queues anew."""
        pit, book = self._pits[order.symbol], account.book(order.symbol)
        index = book.index(order)
        if index < 0 or not order.is_open:
            return UNKNOWN_ORDER
        draft = read(request, pit.listing)
        if isinstance(draft, Refusal):
            return draft
        if (draft.lots, draft.price_ticks) == (order.lots, order.price_ticks):
            return Refusal(-5027, "No need to modify the order.")
        if objection := lots_are_in_bounds(draft) or notional_is_enough(draft, pit.last_ticks):
            return objection
        if draft.lots <= order.lots_filled:
            return self.cancel(account, order, now_ns)
        left = draft.lots - order.lots_filled
        kept = book.records, list(book.waiting)
        book.drop(index)
        if not order.reduce_only and not margin_is_enough(account, self._pits, replace(draft, lots=left)):
            book.records, book.waiting = kept
            return Refusal(-2019, "Margin is insufficient.")
        order = self._clearing.amend(account, replace(order, lots=draft.lots, price_ticks=draft.price_ticks), now_ns)
        fills = matching.fills_for(1)
        count = matching.arrive(order.side, left, order.price_ticks, pit.last_ticks, pit.book[0], fills, 0, 0, 0)
        if order.time_in_force == "GTX" and count:
            return self._clearing.end(account, order, "EXPIRED", now_ns)
        return self._rest(account, pit, order, fills[:count], now_ns)

    def cancel(self, account: Account, order: Order | None, now_ns: int) -> Order | Refusal:
        """Take an open order out of the book."""
        if order is None or not order.is_open:
            return UNKNOWN_ORDER
        book = account.book(order.symbol)
        book.drop(book.index(order))
        return self._clearing.end(account, order, "CANCELED", now_ns)

    def cancel_algo(self, account: Account, order: AlgoOrder | None, now_ns: int) -> AlgoOrder | Refusal:
        """Take a waiting algo order out."""
        if order is None or not order.is_open:
            return UNKNOWN_ORDER
        book = account.book(order.symbol)
        book.drop(book.index(order))
        return self._clearing.turn(account, order, "CANCELED", now_ns)


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
        and (other.side, other.type) == (request.side, request.type)
        for other in account.book(request.symbol).waiting
    )
