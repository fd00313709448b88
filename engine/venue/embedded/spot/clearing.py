"""Fills become balances and news: the market's path through the resting orders, the stops and the vault.

leg of the path --> limits up to the tick before a stop's price --> the stop works there --> on with the leg
                      |                                               |
                      +--- matching.advance -> fill()                 +--- matching.arrive -> fill(), the rest rests

The leg also pauses where the first order of a list is filled: the orders that waited for it go to work there.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from engine import matching
from engine.venue.embedded.listing import Listing
from engine.venue.embedded.pit import Pit
from engine.venue.embedded.spot.account import SpotAccount, SpotBook
from engine.venue.embedded.spot.orders import (
    OPEN,
    Balances,
    Execution,
    OrderList,
    SpotEvent,
    SpotFill,
    SpotOrder,
)
from engine.venue.embedded.spot.triggers import follow, is_reached, reached_on_the_way, trails
from engine.venue.embedded.spot.vault import Swap, Vault

PPM = 1_000_000
FILL_ID_FIRST = 3_000_000_001


class Contingencies(Protocol):
    """What an order does to the others of its list."""

    def tell(self, account: SpotAccount, one: OrderList, kind: str, at_ns: int) -> None:
        """Tell the owner."""
        ...

    def amended(self, account: SpotAccount, order: SpotOrder, client_id: str, lots: int, at_ns: int) -> SpotOrder:
        """It is made smaller in its place."""
        ...

    def touched(self, account: SpotAccount, order: SpotOrder, at_ns: int) -> SpotOrder:
        """It begins to trade."""
        ...

    def changed(self, account: SpotAccount, order: SpotOrder, at_ns: int, cancel_id: str = "") -> None:
        """It is filled or has ended."""
        ...

    def wake(self, account: SpotAccount, pit: Pit, moment: tuple[int, int]) -> None:
        """What waited goes to work at that price and time."""
        ...


class SpotClearing:
    """Books what the matching model finds."""

    lists: Contingencies

    def __init__(self, vault: Vault, fee_ppm: int, tell: Callable[[SpotEvent], None]) -> None:
        self._vault, self._fee_ppm, self._tell = vault, fee_ppm, tell
        self._fill_id = FILL_ID_FIRST
        self._executions = 0

    @property
    def next_execution(self) -> int:
        """The number of the execution that is told next."""
        return self._executions + 1

    # the market moves

    def walk(self, account: SpotAccount, listing: Listing, pit: Pit, leg: tuple[int, int, int]) -> None:
        """The price goes ``leg`` = (position, from, to), every tick of it."""
        position, here, end = leg
        book, step = account.book(listing.id), 1 if leg[2] > leg[1] else -1
        while here != end and (book.stops or book.resting):
            due = [ticks for order in book.stops if (ticks := reached_on_the_way(order, here, end)) is not None]
            stop = min(due, key=lambda ticks: abs(ticks - here), default=None)
            at = min((*due, *_pauses(account, book, here, end)), key=lambda ticks: abs(ticks - here), default=end)
            before = at - step if at == stop else at
            self._advance(account, listing, pit, (position, here, before))
            position += abs(before - here)
            self._follow(book, before, pit.at_ns(position))
            if at == stop:
                born = self._trigger(account, listing, pit, at, pit.at_ns(position + 1))
                self._advance(account, listing, pit, (position, before, at))
                position += 1
                for order in born:
                    book.rest(order)
            here = at
            self.lists.wake(account, pit, (here, pit.at_ns(position)))

    def jump(self, account: SpotAccount, listing: Listing, pit: Pit, leg: tuple[int, int, int]) -> None:
        """The price jumps: only where it lands is visited."""
        born = self._trigger(account, listing, pit, leg[2], pit.at_ns(leg[0]))
        self._advance(account, listing, pit, leg, jumps=True)
        self._follow(account.book(listing.id), leg[2], pit.at_ns(leg[0]))
        for order in born:
            account.book(listing.id).rest(order)
        self.lists.wake(account, pit, (leg[2], pit.at_ns(leg[0])))

    def _follow(self, book: SpotBook, ticks: int, at_ns: int) -> None:
        for order in [order for order in book.stops if trails(order)]:
            book.swap(follow(order, ticks, at_ns))

    def _advance(
        self, account: SpotAccount, listing: Listing, pit: Pit, leg: tuple[int, int, int], *, jumps: bool = False
    ) -> None:
        book, (position, here, end) = account.book(listing.id), leg
        if not book.resting or here == end:
            return
        fills, held = matching.fills_for(len(book.resting)), np.zeros(1, np.int64)
        move = matching.gap if jumps else matching.advance
        count = move(book.records, here, end, pit.book[0], held, fills)
        for row in fills[:count]:
            index, at_ns = int(row["order"]), pit.at_ns(position + int(row["walked"]))
            book.resting[index] = self.fill(account, listing, book.resting[index], row, at_ns)
        book.sweep()

    def _trigger(self, account: SpotAccount, listing: Listing, pit: Pit, at_ticks: int, at_ns: int) -> list[SpotOrder]:
        """Every stop that ``at_ticks`` reaches goes to work; the limit orders that it leaves behind."""
        book, born = account.book(listing.id), []
        for waiting in [order for order in book.stops if is_reached(order, at_ticks)]:
            if waiting.trailing and not trails(waiting):
                book.swap(follow(waiting, at_ticks, at_ns))
                continue
            book.drop(waiting.order_id)
            order = replace(waiting, is_working=True, working_ns=at_ns, updated_ns=at_ns)
            account.keep(order)
            order = self.lists.touched(account, order, at_ns)
            fills = matching.fills_for(1)
            count = matching.arrive(
                order.side, order.lots_left, order.price_ticks, at_ticks, pit.book[0], fills, 0, 0, 0
            )
            order = self.take(account, listing, order, fills[:count], at_ns)
            if order.is_open:
                born.append(order)
        return born

    # one order

    def open(self, account: SpotAccount, listing: Listing, order: SpotOrder, at_ns: int) -> None:
        """An order is accepted: what it may cost is locked."""
        self._vault.lock(account.name, order.pays(listing), order.locked)
        self._report(account, listing, Execution(at_ns, "NEW", order))

    def take(
        self, account: SpotAccount, listing: Listing, order: SpotOrder, fills: np.ndarray, at_ns: int
    ) -> SpotOrder:
        """Book what the order took on arrival; what cannot rest expires."""
        for row in fills:
            order = self.fill(account, listing, order, row, at_ns)
            if not order.is_open:
                return order
        return self.end(account, listing, order, "EXPIRED", at_ns) if order.is_open and order.never_rests else order

    def fill(self, account: SpotAccount, listing: Listing, order: SpotOrder, row: np.void, at_ns: int) -> SpotOrder:
        """Book one fill and tell it; the order after it, which expires when a market order runs out of money."""
        order = self.lists.touched(account, order, at_ns)
        ticks, lots = int(row["ticks"]), int(row["lots"])
        notional = listing.notional(ticks, lots)
        paid, received = (notional, lots * listing.lot_e8) if order.side > 0 else (lots * listing.lot_e8, notional)
        pays, receives = (listing.quote, listing.base) if order.side > 0 else (listing.base, listing.quote)
        if paid > order.locked:
            # A stop that slipped further than was locked for it: the free balance helps out, or it ends here.
            if self._vault.purse(account.name, pays).free < paid - order.locked:
                return self.end(account, listing, order, "EXPIRED", at_ns)
            self._vault.lock(account.name, pays, paid - order.locked)
            order = replace(order, locked=paid)
        fee = (received * self._fee_ppm + PPM // 2) // PPM
        self._vault.swap(account.name, Swap(pays=pays, paid=paid, receives=receives, received=received, fee=fee))
        total = order.lots_filled + lots
        assert total <= order.lots, "an order never fills more than it asked for"
        order = replace(
            order,
            lots_filled=total,
            cost=order.cost + ticks * lots,
            locked=order.locked - paid,
            status="FILLED" if total == order.lots else "PARTIALLY_FILLED",
            updated_ns=at_ns,
        )
        order = self._release(account, listing, order)
        done = self._note(account, order, row, (notional, fee, receives), at_ns)
        self._report(account, listing, Execution(at_ns, "TRADE", order, done))
        self.lists.changed(account, order, at_ns)
        return order

    def _note(
        self, account: SpotAccount, order: SpotOrder, row: np.void, money: tuple[int, int, str], at_ns: int
    ) -> SpotFill:
        notional, fee, fee_asset = money
        done = SpotFill(
            account=account.name,
            symbol=order.symbol,
            trade_id=self._fill_id,
            order_id=order.order_id,
            side=order.side,
            price_ticks=int(row["ticks"]),
            lots=int(row["lots"]),
            notional=notional,
            fee=fee,
            fee_asset=fee_asset,
            maker=bool(row["kind"] == matching.MAKER),
            at_ns=at_ns,
            list_id=order.list_id,
        )
        self._fill_id += 1
        account.fills.setdefault(order.symbol, []).append(done)
        return done

    def _release(self, account: SpotAccount, listing: Listing, order: SpotOrder) -> SpotOrder:
        """Free what a better price left locked: a done order binds nothing, a limit order what is left of it."""
        keep = order.locked
        if not order.is_open:
            keep = 0
        elif order.price_ticks:
            keep = bound(listing, order.side, order.lots_left, order.price_ticks)
        self._vault.lock(account.name, order.pays(listing), keep - order.locked)
        return replace(order, locked=keep)

    def end(
        self, account: SpotAccount, listing: Listing, order: SpotOrder, status: str, at_ns: int, cancel_id: str = ""
    ) -> SpotOrder:
        """An order ends unfilled: CANCELED, EXPIRED or EXPIRED_IN_MATCH."""
        assert order.status in OPEN, "an order ends once"
        order = self._release(account, listing, replace(order, status=status, updated_ns=at_ns))
        kind = "TRADE_PREVENTION" if status == "EXPIRED_IN_MATCH" else status
        self._report(account, listing, Execution(at_ns, kind, order, cancel_id=cancel_id))
        self.lists.changed(account, order, at_ns, cancel_id)
        return order

    def report_replaced(
        self, account: SpotAccount, listing: Listing, order: SpotOrder, client_id_before: str, at_ns: int
    ) -> None:
        """An order was amended in its place."""
        self._report(account, listing, Execution(at_ns, "REPLACED", order, cancel_id=client_id_before))

    def _report(self, account: SpotAccount, listing: Listing, execution: Execution) -> None:
        account.keep(execution.order)
        self._executions += 1
        self._tell(replace(execution, number=self._executions))
        purses = {asset: self._vault.purse(account.name, asset) for asset in (listing.base, listing.quote)}
        held = {asset: (purse.free, purse.locked) for asset, purse in purses.items()}
        self._tell(Balances(account.name, execution.at_ns, held))


def bound(listing: Listing, side: int, lots: int, ticks: int) -> int:
    """What ``lots`` may cost at ``ticks`` or better: quote when it buys, base when it sells."""
    return listing.notional(ticks, lots) if side > 0 else lots * listing.lot_e8


def shared(listing: Listing, orders: list[SpotOrder], pit: Pit) -> list[tuple[SpotOrder, int]]:
    """What each order of a pair locks: the dearer one for both; alone it locks for itself."""
    costs = [worst_cost(listing, order, pit) for order in orders]
    dearest = costs.index(max(costs))
    return [(order, cost if at == dearest else 0) for at, (order, cost) in enumerate(zip(orders, costs, strict=True))]


def worst_cost(listing: Listing, order: SpotOrder, pit: Pit) -> int:
    """What an order may cost: at its limit, or a market order beyond its stop down to the last level of the book."""
    if order.price_ticks or order.side < 0:
        return bound(listing, order.side, order.lots_left, order.price_ticks)
    from_ticks = order.stop_ticks or pit.last_ticks
    turned = -(-from_ticks * (10_000 + order.trailing) // 10_000)
    worst = turned + matching.LEVELS + int(pit.book["spread_ticks"][0])
    return bound(listing, order.side, order.lots_left, worst)


def _pauses(account: SpotAccount, book: SpotBook, here: int, end: int) -> list[int]:
    """Where on the way the first orders of lists are filled: a tick beyond their price."""
    step = 1 if end > here else -1
    waiting = [one for one in book.resting if (of := account.lists.get(one.list_id)) is not None and of.is_waiting]
    ticks = [one.price_ticks - one.side for one in waiting if one.side == -step]
    return [one for one in ticks if min(here, end) <= one <= max(here, end) and one != here]
