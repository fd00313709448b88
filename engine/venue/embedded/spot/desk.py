"""Takes spot orders in and out: between the clients and the clearing.

PlaceSpot -> shape, filters -> stop already beyond? -> walk the book -> self-trade? -> maker only? -> money?
          -> accepted: what it took is booked, the rest of it rests, waits for its stop, or expires
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from engine import matching
from engine.venue.embedded.listing import Listing
from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.pit import Pit
from engine.venue.embedded.spot.account import SpotAccount
from engine.venue.embedded.spot.clearing import SpotClearing, bound, shared, worst_cost
from engine.venue.embedded.spot.filters import AMENDS_MAX, Draft, failure, objection, read
from engine.venue.embedded.spot.orders import LIMIT_MAKER, MARKET, OrderList, PlaceSpot, SpotOrder
from engine.venue.embedded.spot.vault import Vault

ORDER_ID_FIRST = 6_000_000_001
UNKNOWN_ORDER = Refusal(-2011, "Unknown order sent.")
TOO_POOR = Refusal(-2010, "Account has insufficient balance for requested action.")
WOULD_TAKE = Refusal(-2010, "Order would immediately match and take.")
WOULD_TRIGGER = Refusal(-2010, "Stop price would trigger immediately.")
DUPLICATE = Refusal(-2010, "Duplicate order sent.")
INVALID_SYMBOL = Refusal(-1121, "Invalid symbol.")


@dataclass(frozen=True, slots=True)
class Arrival:
    """What an order meets: the fills that it takes and the own orders that it would have traded with."""

    fills: np.ndarray
    crossed: tuple[SpotOrder, ...]
    ends: bool  # it stops there, whatever is left of it


class SpotDesk:
    """Everything that a request goes through."""

    def __init__(
        self,
        listings: Mapping[str, Listing],
        pits: Callable[[str], Pit],
        vault: Vault,
        clearing: SpotClearing,
        average_ticks: Callable[[str], int],
    ) -> None:
        self._listings, self._pits, self._vault = listings, pits, vault
        self._clearing, self._average_ticks = clearing, average_ticks
        self._order_id, self._list_id = ORDER_ID_FIRST, 1

    def place(self, account: SpotAccount, request: PlaceSpot, now_ns: int) -> SpotOrder | Refusal:
        """An order for the request, or why not."""
        draft = self.examine(account, request)
        if isinstance(draft, Refusal):
            return draft
        pit = self._pits(request.symbol)
        order = (
            self._await_stop(account, draft, pit, now_ns) if draft.waits else self._enter(account, draft, pit, now_ns)
        )
        self._clearing.lists.wake(account, pit, (pit.last_ticks, now_ns))
        return order

    def examine(self, account: SpotAccount, request: PlaceSpot, *, comes_later: bool = False) -> Draft | Refusal:
        """The request in integers, or what speaks against it; one that comes later will meet another price."""
        listing = self._listings.get(request.symbol)
        if listing is None:
            return INVALID_SYMBOL
        draft = read(request, listing)
        if isinstance(draft, Refusal):
            return draft
        book = account.book(request.symbol)
        waiting = sum(bool(one.stop_ticks or one.trailing) for one in book.all())
        refused = objection(draft, self._average_ticks(request.symbol), len(book.all()), waiting)
        if refused is None and draft.stop_ticks and not comes_later:
            refused = _triggers_at_once(draft, self._pits(request.symbol).last_ticks)
        earlier = account.find(request.symbol, 0, request.client_id) if request.client_id else None
        if refused is None and earlier is not None and earlier.is_open:
            refused = DUPLICATE
        return draft if refused is None else refused

    def place_list(
        self, account: SpotAccount, named: tuple[str, str], drafts: tuple[Draft, ...], now_ns: int
    ) -> OrderList | Refusal:
        """Take in the orders of a list (contingency, client id), each examined; the first works, or both of an OCO."""
        (contingency, client_id), pit, listing = named, self._pits(drafts[0].request.symbol), drafts[0].listing
        is_oco, list_id = contingency == "OCO", self._list_id
        if not is_oco and drafts[0].request.type == LIMIT_MAKER and len(self._walk(drafts[0], pit)[1]):
            return WOULD_TAKE
        orders = [self._order(account, draft, draft.lots, 0, now_ns) for draft in drafts]
        ids, begun = tuple(order.order_id for order in orders), orders if is_oco else orders[:1]
        costs = shared(listing, begun, pit)
        if self._vault.purse(account.name, orders[0].pays(listing)).free < sum(cost for _, cost in costs):
            return TOO_POOR
        self._list_id += 1
        one = OrderList(
            list_id=list_id,
            client_id=client_id or f"list-{list_id}",
            symbol=listing.id,
            contingency=contingency,
            order_ids=ids,
            tied=ids,
            is_waiting=not is_oco,
            at_ns=now_ns,
        )
        account.lists[list_id] = one
        for order, cost in costs:
            self._admit(account, replace(order, list_id=list_id, locked=cost), now_ns)
        for order in orders[len(begun) :]:
            asleep = replace(order, list_id=list_id, status="PENDING_NEW", is_working=False, working_ns=-1_000_000)
            account.book(listing.id).pending.append(asleep)
            self._clearing.open(account, listing, asleep, now_ns)
        self._clearing.lists.tell(account, one, "EXEC_STARTED", now_ns)
        return one

    def work(self, account: SpotAccount, one: OrderList, draft: Draft, now_ns: int) -> None:
        """The first order of an OTO meets the market; what is left of it rests, or the others become due."""
        order, pit = account.orders[one.order_ids[0]], self._pits(one.symbol)
        if order.type != LIMIT_MAKER:
            account.book(one.symbol).drop(order.order_id)
            lots, fills = self._walk(draft, pit)
            if order.time_in_force == "FOK" and int(fills["lots"].sum()) < lots:
                fills = fills[:0]
            order = self._clearing.take(account, draft.listing, order, fills, now_ns)
            if order.is_open:
                account.book(order.symbol).rest(order)
        self._clearing.lists.wake(account, pit, (pit.last_ticks, now_ns))

    def _admit(self, account: SpotAccount, order: SpotOrder, now_ns: int) -> None:
        book = account.book(order.symbol)
        self._clearing.open(account, self._listings[order.symbol], order, now_ns)
        if order.stop_ticks or order.trailing:
            book.stops.append(order)
        else:
            book.rest(order)

    def amend(
        self, account: SpotAccount, order: SpotOrder, lots: int, client_id: str, now_ns: int
    ) -> SpotOrder | Refusal:
        """Make an open order smaller; it keeps its place."""
        if not order.lots_filled < lots < order.lots:
            return Refusal(-2010, "Order amend is not allowed: the new quantity must be less, and more than is filled.")
        if len(order.amended) >= AMENDS_MAX:
            return failure("MAX_NUM_ORDER_AMENDS")
        name = client_id or f"amended-{order.order_id}-{len(order.amended) + 1}"
        earlier = account.find(order.symbol, 0, name)
        if earlier is not None and earlier.is_open and earlier.order_id != order.order_id:
            return DUPLICATE
        return self._clearing.lists.amended(account, order, name, lots, now_ns)

    def _order(self, account: SpotAccount, draft: Draft, lots: int, locked: int, now_ns: int) -> SpotOrder:
        order_id, self._order_id = self._order_id, self._order_id + 1
        request = draft.request
        return SpotOrder(
            account=account.name,
            symbol=request.symbol,
            order_id=order_id,
            client_id=request.client_id or f"spot-{order_id}",
            side=request.side,
            type=request.type,
            time_in_force=request.time_in_force or "GTC",
            lots=lots,
            price_ticks=draft.price_ticks,
            stop_ticks=draft.stop_ticks,
            trailing=request.trailing,
            peak_ticks=self._pits(request.symbol).last_ticks if request.trailing and not draft.stop_ticks else 0,
            trailing_ns=now_ns if request.trailing and not draft.stop_ticks else 0,
            quote_wanted=draft.quote_wanted,
            self_trade=request.self_trade,
            locked=locked,
            is_working=not draft.waits,
            working_ns=-1_000_000 if draft.waits else now_ns,
            created_ns=now_ns,
            updated_ns=now_ns,
        )

    def _await_stop(self, account: SpotAccount, draft: Draft, pit: Pit, now_ns: int) -> SpotOrder | Refusal:
        order = self._order(account, draft, draft.lots, 0, now_ns)
        order = replace(order, locked=worst_cost(draft.listing, order, pit))
        if self._vault.purse(account.name, order.pays(draft.listing)).free < order.locked:
            return TOO_POOR
        self._clearing.open(account, draft.listing, order, now_ns)
        account.book(order.symbol).stops.append(order)
        return order

    def _enter(self, account: SpotAccount, draft: Draft, pit: Pit, now_ns: int) -> SpotOrder | Refusal:
        request, listing = draft.request, draft.listing
        lots, fills = self._walk(draft, pit)
        if lots == 0:
            return Refusal(-1013, "Filter failure: LOT_SIZE")
        if request.type == LIMIT_MAKER and len(fills):
            return WOULD_TAKE
        if request.time_in_force == "FOK" and int(fills["lots"].sum()) < lots:
            fills = fills[:0]
        arrival = _meet(account, request, draft.price_ticks, lots, fills)
        if request.type == MARKET and request.side > 0:
            locked = sum(listing.notional(int(row["ticks"]), int(row["lots"])) for row in fills)
        else:
            locked = bound(listing, request.side, lots, draft.price_ticks)
        order = self._order(account, draft, lots, locked, now_ns)
        if self._vault.purse(account.name, order.pays(listing)).free < locked:
            return TOO_POOR
        self._clearing.open(account, listing, order, now_ns)
        for mine in arrival.crossed:
            account.book(order.symbol).drop(mine.order_id)
            self._clearing.end(account, listing, mine, "EXPIRED_IN_MATCH", now_ns)
        if arrival.ends:
            for row in arrival.fills:
                order = self._clearing.fill(account, listing, order, row, now_ns)
            return self._clearing.end(account, listing, order, "EXPIRED_IN_MATCH", now_ns)
        order = self._clearing.take(account, listing, order, arrival.fills, now_ns)
        if order.is_open:
            account.book(order.symbol).rest(order)
        return order

    def _walk(self, draft: Draft, pit: Pit) -> tuple[int, np.ndarray]:
        """Lots of the order and what it takes from the book; quoteOrderQty is as many lots as it buys or brings."""
        side, lots = draft.request.side, draft.lots
        if draft.quote_wanted:
            lots = draft.quote_wanted // draft.listing.notional(max(1, pit.last_ticks - 2 * matching.LEVELS), 1) + 1
        fills = matching.fills_for(1)
        count = matching.arrive(side, lots, draft.price_ticks, pit.last_ticks, pit.book[0], fills, 0, 0, 0)
        fills = fills[:count]
        if not draft.quote_wanted:
            return lots, fills
        left, kept, lots = draft.quote_wanted, 0, 0
        for row in fills:
            row["lots"] = min(int(row["lots"]), left // draft.listing.notional(int(row["ticks"]), 1))
            left -= draft.listing.notional(int(row["ticks"]), int(row["lots"]))
            lots, kept = lots + int(row["lots"]), kept + bool(row["lots"])
        return lots, fills[:kept]

    def cancel(
        self, account: SpotAccount, order: SpotOrder | None, now_ns: int, cancel_id: str = ""
    ) -> SpotOrder | Refusal:
        """Take an open order out."""
        if order is None or not order.is_open:
            return UNKNOWN_ORDER
        account.book(order.symbol).drop(order.order_id)
        return self._clearing.end(account, self._listings[order.symbol], order, "CANCELED", now_ns, cancel_id)


def _triggers_at_once(draft: Draft, last_ticks: int) -> Refusal | None:
    request = draft.request
    rises = (request.side > 0) == request.type.startswith("STOP")
    beyond = last_ticks >= draft.stop_ticks if rises else last_ticks <= draft.stop_ticks
    return WOULD_TRIGGER if beyond else None


def _meet(account: SpotAccount, request: PlaceSpot, price_ticks: int, lots: int, fills: np.ndarray) -> Arrival:
    """Self-trade prevention: own orders on the other side, at prices that this one reaches."""
    side = request.side
    left = lots - int(fills["lots"].sum())
    reach = price_ticks if left and price_ticks else (int(fills["ticks"][-1]) if len(fills) else 0)
    if request.self_trade == "NONE" or not reach or (request.time_in_force == "FOK" and not len(fills)):
        return Arrival(fills, (), False)
    others = [one for one in account.book(request.symbol).resting if one.side == -side]
    crossed = tuple(one for one in others if side * (reach - one.price_ticks) >= 0)
    if not crossed:
        return Arrival(fills, (), False)
    if request.self_trade == "EXPIRE_MAKER":
        return Arrival(fills, crossed, False)
    first = min(side * one.price_ticks for one in crossed)
    before = fills[side * fills["ticks"] < first]
    return Arrival(before, crossed if request.self_trade == "EXPIRE_BOTH" else (), True)
