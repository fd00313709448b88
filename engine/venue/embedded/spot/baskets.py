"""Order lists on the wire: OCO, OTO and OTOCO in, the orders of a list and how the list is doing out.

POST orderList/oco     above, below             of one side and quantity
POST orderList/oto     working, pending
POST orderList/otoco   working, pendingAbove, pendingBelow
POST order/oco         limit and stop of one side and quantity, as clients of before 2024 ask
"""

from collections.abc import Sequence
from typing import Any

from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.parameters import Parameters, RefusedError, refuse
from engine.venue.embedded.spot import statements
from engine.venue.embedded.spot.exchange import SpotExchange
from engine.venue.embedded.spot.orders import LIMIT_MAKER, STOP_LOSS, STOP_LOSS_LIMIT, OrderList, PlaceSpot
from engine.venue.embedded.spot.trading import BY_NAME, either_id, named, response_shape, wanted

NO_SUCH_LIST = (-2013, "Order list does not exist.")
BOTH = {"side": "side", "quantity": "quantity"}
PENDING = {"side": "pendingSide", "quantity": "pendingQuantity"}

Answer = dict[str, Any]


class SpotBaskets:
    """Everything that an account may ask about order lists; every method takes account and parameters."""

    def __init__(self, spot: SpotExchange) -> None:
        self._spot = spot

    def place_oco(self, account: str, given: Parameters) -> Answer:
        """POST orderList/oco."""
        legs = wanted(given, "above", shared=BOTH), wanted(given, "below", shared=BOTH)
        return self._placed(account, "OCO", given, legs)

    def place_oto(self, account: str, given: Parameters) -> Answer:
        """POST orderList/oto."""
        return self._placed(account, "OTO", given, (wanted(given, "working"), wanted(given, "pending")))

    def place_otoco(self, account: str, given: Parameters) -> Answer:
        """POST orderList/otoco."""
        pair = (wanted(given, f"pending{at}", shared=PENDING) for at in ("Above", "Below"))
        return self._placed(account, "OTO", given, (wanted(given, "working"), *pair))

    def place_old_oco(self, account: str, given: Parameters) -> Answer:
        """POST order/oco: ``price`` of the limit order, ``stopPrice`` and perhaps ``stopLimitPrice`` of the other."""
        symbol, side = given.listing().id, BY_NAME[given.option("side", BY_NAME, (-1117, "Invalid side."))]
        quantity, stop_limit = given.number("quantity"), given.number("stopLimitPrice")
        limit = PlaceSpot(
            symbol=symbol,
            side=side,
            type=LIMIT_MAKER,
            quantity=quantity,
            price=given.number("price"),
            client_id=named(given, "limitClientOrderId"),
        )
        stop = PlaceSpot(
            symbol=symbol,
            side=side,
            type=STOP_LOSS_LIMIT if stop_limit else STOP_LOSS,
            quantity=quantity,
            price=stop_limit,
            stop_price=given.number("stopPrice"),
            trailing=given.integer("trailingDelta", 0),
            time_in_force=given.text("stopLimitTimeInForce") if stop_limit else "",
            client_id=named(given, "stopClientOrderId"),
        )
        return self._placed(account, "OCO", given, (stop, limit) if side > 0 else (limit, stop))

    def _placed(self, account: str, contingency: str, given: Parameters, legs: Sequence[PlaceSpot]) -> Answer:
        shape = response_shape(given, legs[0].type)
        done = self._spot.place_list(account, contingency, named(given, "listClientOrderId"), *legs)
        if isinstance(done, Refusal):
            raise RefusedError(done)
        (one, orders), listing = done, self._spot.by_id[legs[0].symbol]
        fills = self._spot.fills(account, listing.id)
        reports = [
            statements.placed(listing, order, [fill for fill in fills if fill.order_id == order.order_id], shape)
            for order in orders
        ]
        return statements.order_list(one, orders, one.at_ns) | {"orderReports": reports}

    def cancel(self, account: str, given: Parameters) -> Answer:
        """DELETE orderList."""
        listing = self._spot.by_id[given.listing().id]
        one = self._find(account, given, "listClientOrderId")
        open_orders = [] if one is None else [x for x in self._spot.orders_of(account, one) if x.is_open]
        if one is None or one.symbol != listing.id or not open_orders:
            raise refuse(-2011, "Unknown order sent.")
        name, at_ns = named(given, "newClientOrderId"), self._spot.market.now_ns
        self._spot.cancel(account, listing.id, open_orders[0].order_id, "", name)
        (one,) = (each for each in self._spot.lists(account) if each.list_id == one.list_id)
        orders = self._spot.orders_of(account, one)
        reports = [statements.cancelled(listing, order, name, at_ns) for order in orders]
        return statements.order_list(one, orders, at_ns) | {"orderReports": reports}

    def query(self, account: str, given: Parameters) -> Answer:
        """GET orderList."""
        one = self._find(account, given, "origClientOrderId")
        if one is None:
            raise refuse(*NO_SUCH_LIST)
        return self._told(account, one)

    def open_lists(self, account: str, _: Parameters) -> list[Answer]:
        """GET openOrderList."""
        return [self._told(account, one) for one in self._spot.lists(account) if not one.is_done]

    def all_lists(self, account: str, given: Parameters) -> list[Answer]:
        """GET allOrderList: from an id on, or of a time, or the newest."""
        first, limit = given.integer("fromId", 0), given.limit(500, 1000)
        if first and ("startTime" in given or "endTime" in given):
            raise refuse(-1128, "Combination of optional parameters invalid.")
        start_ns, end_ns = given.time_ns("startTime", 0), given.time_ns("endTime", 2**62)
        found = [one for one in self._spot.lists(account) if start_ns <= one.at_ns <= end_ns and one.list_id >= first]
        rows = [self._told(account, one) for one in found]
        return rows[:limit] if first or "startTime" in given else rows[-limit:]

    def _told(self, account: str, one: OrderList) -> Answer:
        return statements.order_list(one, self._spot.orders_of(account, one), one.at_ns)

    def _find(self, account: str, given: Parameters, name: str) -> OrderList | None:
        list_id, client_id = either_id(given, "orderListId", name)
        lists = self._spot.lists(account)[::-1]
        return next((one for one in lists if (one.list_id == list_id if list_id else one.client_id == client_id)), None)
