"""Takes spot orders in and out: between the clients and the clearing.

PlaceSpot -> shape, filters -> stop already beyond? -> walk the book -> self-trade? -> maker only? -> money?
          -> accepted: what it took is booked, the rest of it rests, waits for its stop, or expires
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from engine import matching
from engine.venue.embedded.listing import Listing
from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.pit import Pit
from engine.venue.embedded.spot.account import SpotAccount
from engine.venue.embedded.spot.clearing import SpotClearing, bound
from engine.venue.embedded.spot.filters import Draft, objection, read
from engine.venue.embedded.spot.orders import LIMIT_MAKER, MARKET, PlaceSpot, SpotOrder
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
        self._order_id = ORDER_ID_FIRST

    def place(
        self, account: SpotAccount, request: PlaceSpot, now_ns: int, *, trial: bool = False
    ) -> SpotOrder | Refusal | None:
        """An order for the request, or why not; None when it was only tried."""
        listing = self._listings.get(request.symbol)
        if listing is None:
            return INVALID_SYMBOL
        draft = read(request, listing)
        if isinstance(draft, Refusal):
            return draft
        book = account.book(request.symbol)
        pit = self._pits(request.symbol)
        refused = objection(draft, self._average_ticks(request.symbol), len(book.all()), len(book.stops))
        if refused is None and draft.stop_ticks:
            refused = _triggers_at_once(draft, pit.last_ticks)
        earlier = account.find(request.symbol, 0, request.client_id) if request.client_id else None
        if refused is None and earlier is not None and earlier.is_open:
            refused = DUPLICATE
        if refused is not None or trial:
            return refused
        if draft.stop_ticks:
            return self._await_stop(account, draft, pit, now_ns)
        return self._enter(account, draft, pit, now_ns)

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
            quote_wanted=draft.quote_wanted,
            self_trade=request.self_trade,
            locked=locked,
            is_working=not draft.stop_ticks,
            working_ns=-1_000_000 if draft.stop_ticks else now_ns,
            created_ns=now_ns,
            updated_ns=now_ns,
        )

    def _await_stop(self, account: SpotAccount, draft: Draft, pit: Pit, now_ns: int) -> SpotOrder | Refusal:
        side = draft.request.side
        # A market stop may pay up to the last level of the book around its trigger.
        worst = draft.price_ticks or draft.stop_ticks + matching.LEVELS + int(pit.book["spread_ticks"][0])
        locked = bound(draft.listing, side, draft.lots, worst)
        order = self._order(account, draft, draft.lots, locked, now_ns)
        if self._vault.purse(account.name, order.pays(draft.listing)).free < locked:
            return TOO_POOR
        self._clearing.open(account, draft.listing, order)
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
        self._clearing.open(account, listing, order)
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
