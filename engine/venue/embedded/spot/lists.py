"""Order lists: what happens to one order of a list because of another.

OCO      one is touched (a fill, its stop price) --> the other expires;  one ends --> the other ends
OTO      the first is filled --> the others go to work;  one ends before that --> all end
a list is done when none of its orders is open

Of an OCO only one order can ever trade, so the pair locks once what the dearer of them may cost.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from engine import matching
from engine.venue.embedded.listing import Listing
from engine.venue.embedded.pit import Pit
from engine.venue.embedded.spot.account import SpotAccount
from engine.venue.embedded.spot.clearing import SpotClearing, bound, shared
from engine.venue.embedded.spot.orders import (
    LIMIT_MAKER,
    MARKET,
    Amendment,
    ListUpdate,
    OrderList,
    SpotEvent,
    SpotOrder,
)
from engine.venue.embedded.spot.triggers import follow, is_reached, trails
from engine.venue.embedded.spot.vault import Vault

Moment = tuple[int, int]  # price in ticks, time


class Lists:
    """The contingencies of every account's order lists."""

    def __init__(
        self, listings: Mapping[str, Listing], vault: Vault, clearing: SpotClearing, tell: Callable[[SpotEvent], None]
    ) -> None:
        self._listings, self._vault, self._clearing, self._tell = listings, vault, clearing, tell

    def tell(self, account: SpotAccount, one: OrderList, kind: str, at_ns: int) -> None:
        """Tell the owner how a list is doing."""
        names = tuple(order.client_id for order in account.orders_of(one))
        self._tell(ListUpdate(account.name, at_ns, kind, one, names))

    def touched(self, account: SpotAccount, order: SpotOrder, at_ns: int) -> SpotOrder:
        """One of an OCO begins to trade: the other expires, and what it had locked is this one's."""
        one = account.lists.get(order.list_id)
        if one is None or one.is_waiting or not one.tied:
            return order
        account.lists[one.list_id] = replace(one, tied=())
        for order_id in one.tied:
            other = account.orders[order_id]
            if order_id != order.order_id and other.is_open:
                order = replace(order, locked=order.locked + other.locked)
                account.keep(order)
                account.book(order.symbol).swap(order)
                self._end(account, replace(other, locked=0), "EXPIRED", at_ns)
        return order

    def changed(self, account: SpotAccount, order: SpotOrder, at_ns: int, cancel_id: str = "") -> None:
        """An order of a list is filled or has ended: so do those that are tied to it, and others become due."""
        one = account.lists.get(order.list_id)
        if one is None or one.is_done or order.is_open:
            return
        if order.status == "FILLED" and one.is_waiting and order.order_id == one.order_ids[0]:
            account.filled.append(one.list_id)
        elif order.order_id in one.tied:
            account.lists[one.list_id] = replace(one, tied=(), is_waiting=False)
            for order_id in one.tied:
                if (other := account.orders[order_id]).is_open:
                    status = "CANCELED" if order.status == "CANCELED" else "EXPIRED"
                    self._end(account, other, status, at_ns, cancel_id)
        one = account.lists[one.list_id]
        if not one.is_done and not any(each.is_open for each in account.orders_of(one)):
            account.lists[one.list_id] = done = replace(one, is_done=True, is_waiting=False, tied=(), at_ns=at_ns)
            self.tell(account, done, "ALL_DONE", at_ns)

    def _end(self, account: SpotAccount, order: SpotOrder, status: str, at_ns: int, cancel_id: str = "") -> None:
        account.book(order.symbol).drop(order.order_id)
        self._clearing.end(account, self._listings[order.symbol], order, status, at_ns, cancel_id)

    def wake(self, account: SpotAccount, pit: Pit, moment: Moment) -> None:
        """Orders whose list's first order has filled go to work at the price of now."""
        due, account.filled = account.filled, []
        for list_id in due:
            one = account.lists[list_id]
            pair = one.order_ids[1:] if len(one.order_ids) > 2 else ()
            account.lists[list_id] = replace(one, is_waiting=False, tied=pair)
            for order, locked in shared(
                self._listings[one.symbol], [account.orders[x] for x in one.order_ids[1:]], pit
            ):
                # The first of a pair may have ended the second.
                if account.orders[order.order_id].is_pending:
                    self._work(account, replace(order, status="NEW"), pit, (*moment, locked))

    def _work(self, account: SpotAccount, order: SpotOrder, pit: Pit, given: tuple[int, int, int]) -> None:
        (ticks, at_ns, locked), listing, book = given, self._listings[order.symbol], account.book(order.symbol)
        book.drop(order.order_id)
        stops = bool(order.stop_ticks or order.trailing)
        fills = matching.fills_for(1)
        count = 0
        if stops:
            order = follow(order, ticks, at_ns)
        else:
            count = matching.arrive(order.side, order.lots_left, order.price_ticks, ticks, pit.book[0], fills, 0, 0, 0)
        fills = fills[:count]
        if order.type == MARKET and order.side > 0:
            locked = sum(listing.notional(int(row["ticks"]), int(row["lots"])) for row in fills)
        refused = (stops and not trails(order) and is_reached(order, ticks)) or (order.type == LIMIT_MAKER and count)
        if refused or self._vault.purse(account.name, order.pays(listing)).free < locked:
            account.keep(order)
            self._clearing.end(account, listing, order, "EXPIRED", at_ns)
            return
        order = replace(order, locked=locked, updated_ns=at_ns)
        if not stops:
            order = replace(order, is_working=True, working_ns=at_ns)
        self._clearing.open(account, listing, order, at_ns)
        if stops:
            book.stops.append(order)
            return
        order = self._clearing.take(account, listing, order, fills, at_ns)
        if order.is_open:
            book.rest(order)

    def amended(self, account: SpotAccount, order: SpotOrder, client_id: str, lots: int, at_ns: int) -> SpotOrder:
        """An order with fewer lots, where it is in the queue; of an OCO both."""
        one = account.lists.get(order.list_id)
        tied = one.tied if one and not one.is_waiting and one.tied else (order.order_id,)
        for order_id in tied:
            each = account.orders[order_id]
            name = client_id if order_id == order.order_id else each.client_id
            self._shrink(account, each, name, lots, at_ns)
        if one is not None and client_id != order.client_id:
            self.tell(account, one, "UPDATED", at_ns)
        return account.orders[order.order_id]

    def _shrink(self, account: SpotAccount, order: SpotOrder, client_id: str, lots: int, at_ns: int) -> None:
        listing = self._listings[order.symbol]
        number = self._clearing.next_execution
        note = Amendment(number, at_ns, order.client_id, client_id, order.lots, lots)
        smaller = replace(
            order,
            lots=lots,
            client_id=client_id,
            locked=order.locked * (lots - order.lots_filled) // order.lots_left,
            updated_ns=at_ns,
            amended=(*order.amended, note),
        )
        if order.price_ticks and order.locked:
            smaller = replace(smaller, locked=bound(listing, order.side, smaller.lots_left, order.price_ticks))
        self._vault.lock(account.name, order.pays(listing), smaller.locked - order.locked)
        account.book(order.symbol).swap(smaller)
        self._clearing.report_replaced(account, listing, smaller, order.client_id, at_ns)
