"""Account requests in and answers out: parameters become requests to the spot exchange, orders become JSON."""

import re
from collections.abc import Mapping
from typing import Any

from engine.venue.embedded.listing import e8_text
from engine.venue.embedded.orders import SIDES, Refusal
from engine.venue.embedded.parameters import Parameters, RefusedError, refuse
from engine.venue.embedded.spot import statements
from engine.venue.embedded.spot.exchange import SpotExchange
from engine.venue.embedded.spot.filters import SELF_TRADE_MODES, failure
from engine.venue.embedded.spot.orders import LIMIT, LIMIT_MAKER, MARKET, PlaceSpot, SpotOrder

MS = 1_000_000
BY_NAME = {name: side for side, name in SIDES.items()}
RESPONSES = ("ACK", "RESULT", "FULL")
CANCEL_FAILED = Refusal(-2022, "Order cancel-replace failed.")
CANCEL_HALF = Refusal(-2021, "Order cancel-replace partially failed.")

NAME = re.compile(r"^[.A-Z:/a-z0-9_-]{1,36}$")
NOTHING: Mapping[str, str] = {}

Answer = dict[str, Any]


class SpotTrading:
    """Everything that an account may ask of the spot exchange; every method takes account and parameters."""

    def __init__(self, spot: SpotExchange) -> None:
        self._spot = spot

    # orders

    def place(self, account: str, given: Parameters) -> Answer:
        """POST order."""
        request = wanted(given)
        shape = response_shape(given, request.type)
        return self._placed(granted(self._spot.place(account, request)), shape)

    def test(self, account: str, given: Parameters) -> Answer:
        """POST order/test: everything is checked but the balance, nothing happens."""
        if refused := self._spot.objection(account, wanted(given)):
            raise RefusedError(refused)
        return self.commission(account, given) if given.truth("computeCommissionRates") else {}

    def cancel(self, account: str, given: Parameters) -> Answer:
        """DELETE order."""
        listing, (order_id, client_id) = given.listing(), either_id(given, "orderId", "origClientOrderId")
        cancel_id = named(given, "newClientOrderId")
        _check_restriction(given, self._spot.order(account, listing.id, order_id, client_id))
        done = granted(self._spot.cancel(account, listing.id, order_id, client_id, cancel_id))
        return statements.cancelled(self._spot.by_id[listing.id], done, cancel_id, self._spot.market.now_ns)

    def cancel_all(self, account: str, given: Parameters) -> list[Answer]:
        """DELETE openOrders."""
        listing = self._spot.by_id[given.listing().id]
        found = self._spot.open_orders(account, listing.id)
        if not found:
            raise refuse(-2011, "Unknown order sent.")
        at_ns, answer = self._spot.market.now_ns, list[Answer]()
        for order in found:
            # The others of its list have gone with the first.
            if not granted(self._spot.order(account, listing.id, order.order_id)).is_open:
                continue
            done = granted(self._spot.cancel(account, listing.id, order.order_id))
            one = next((one for one in self._spot.lists(account) if one.list_id == order.list_id), None)
            if one is None:
                answer.append(statements.cancelled(listing, done, "", at_ns))
                continue
            orders = self._spot.orders_of(account, one)
            reports = [statements.cancelled(listing, each, "", at_ns) for each in orders]
            answer.append(statements.order_list(one, orders, at_ns) | {"orderReports": reports})
        return answer

    def amend(self, account: str, given: Parameters) -> Answer:
        """PUT order/amend/keepPriority."""
        listing = self._spot.by_id[given.listing().id]
        order_id, client_id = either_id(given, "orderId", "origClientOrderId")
        given.text("newQty")
        found = granted(self._spot.order(account, listing.id, order_id, client_id))
        if not found.is_open:
            raise refuse(-2013, "Order does not exist.")
        name = named(given, "newClientOrderId")
        done = granted(self._spot.amend(account, found.order_id, listing.id, given.number("newQty") or "", name))
        one = next((one for one in self._spot.lists(account) if one.list_id == done.list_id), None)
        return statements.amended(listing, done, None if one is None else (one, self._spot.orders_of(account, one)))

    def amendments(self, account: str, given: Parameters) -> list[Answer]:
        """GET order/amendments."""
        listing = self._spot.by_id[given.listing().id]
        found = granted(self._spot.order(account, listing.id, given.integer("orderId")))
        first, limit = given.integer("fromExecutionId", 0), given.limit(500, 1000)
        rows = statements.amendments(listing, found)
        return [row for row in rows if row["executionId"] >= first][:limit]

    def replace(self, account: str, given: Parameters) -> Answer:
        """POST order/cancelReplace: a cancel, then a new order; what failed is told apart."""
        mode = given.option("cancelReplaceMode", ("STOP_ON_FAILURE", "ALLOW_FAILURE"), (-1130, "Invalid mode."))
        listing, request = self._spot.by_id[given.listing().id], wanted(given)
        order_id, client_id = either_id(given, "cancelOrderId", "cancelOrigClientOrderId")
        cancel_id = named(given, "cancelNewClientOrderId")
        gone = self._spot.cancel(account, listing.id, order_id, client_id, cancel_id)
        born: SpotOrder | Refusal | None = None
        if isinstance(gone, SpotOrder) or mode == "ALLOW_FAILURE":
            born = self._spot.place(account, request)
        answer = {
            "cancelResult": "SUCCESS" if isinstance(gone, SpotOrder) else "FAILURE",
            "newOrderResult": _outcome(born),
            "cancelResponse": statements.cancelled(listing, gone, cancel_id, self._spot.market.now_ns)
            if isinstance(gone, SpotOrder)
            else _error(gone),
            "newOrderResponse": None,
        }
        if isinstance(born, SpotOrder):
            answer["newOrderResponse"] = self._placed(born, response_shape(given, request.type))
        elif isinstance(born, Refusal):
            answer["newOrderResponse"] = _error(born)
        if isinstance(gone, SpotOrder) and isinstance(born, SpotOrder):
            return answer
        half = isinstance(gone, SpotOrder) or isinstance(born, SpotOrder)
        raise RefusedError(CANCEL_HALF if half else CANCEL_FAILED, status=409 if half else 400, data=answer)

    def query(self, account: str, given: Parameters) -> Answer:
        """GET order."""
        listing, (order_id, client_id) = given.listing(), either_id(given, "orderId", "origClientOrderId")
        found = granted(self._spot.order(account, listing.id, order_id, client_id))
        return statements.order(self._spot.by_id[listing.id], found)

    def open_orders(self, account: str, given: Parameters) -> list[Answer]:
        """GET openOrders."""
        symbol = given.listing().id if "symbol" in given else None
        found = self._spot.open_orders(account, symbol)
        return [statements.order(self._spot.by_id[order.symbol], order) for order in found]

    def all_orders(self, account: str, given: Parameters) -> list[Answer]:
        """GET allOrders: from an id on, or of a time, or the newest."""
        listing = self._spot.by_id[given.listing().id]
        rows = [statements.order(listing, order) for order in self._spot.all_orders(account, listing.id)]
        return page(given, rows, "orderId", given.integer("orderId", 0))

    def my_trades(self, account: str, given: Parameters) -> list[Answer]:
        """GET myTrades: from an id on, or of a time, or the newest; of one order where it is named."""
        listing = self._spot.by_id[given.listing().id]
        rows = [statements.fill(listing, fill) for fill in self._spot.fills(account, listing.id)]
        if order_id := given.integer("orderId", 0):
            rows = [row for row in rows if row["orderId"] == order_id]
        return page(given, rows, "id", given.integer("fromId", 0))

    # the account

    def account(self, account: str, given: Parameters) -> Answer:
        """GET account."""
        held = self._spot.balances(account)
        if given.truth("omitZeroBalances"):
            held = {asset: pair for asset, pair in held.items() if any(pair)}
        return statements.account(held, self._spot.fee_ppm, self._spot.market.now_ns)

    def commission(self, _: str, given: Parameters) -> Answer:
        """GET account/commission."""
        rate = e8_text(self._spot.fee_ppm * 100)
        standard = {"maker": rate, "taker": rate, "buyer": "0.00000000", "seller": "0.00000000"}
        nothing = dict.fromkeys(standard, "0.00000000")
        discount = {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": "0.00000000",
        }
        whole = {"standardCommission": standard, "specialCommission": nothing, "taxCommission": nothing}
        return {"symbol": given.listing().id, **whole, "discount": discount}

    def _placed(self, order: SpotOrder, shape: str) -> Answer:
        fills = [fill for fill in self._spot.fills(order.account, order.symbol) if fill.order_id == order.order_id]
        return statements.placed(self._spot.by_id[order.symbol], order, fills, shape)


def wanted(given: Parameters, leg: str = "", *, shared: Mapping[str, str] = NOTHING) -> PlaceSpot:
    """The order that parameters ask for; ``leg`` is what their names begin with in a list, ``shared`` what all have."""

    def name(plain: str) -> str:
        return shared.get(plain) or (leg + plain[0].upper() + plain[1:] if leg else plain)

    mode = "EXPIRE_MAKER"
    if "selfTradePreventionMode" in given:
        mode = given.option("selfTradePreventionMode", SELF_TRADE_MODES, (-1013, "Invalid self-trade prevention mode."))
    kind = given.text(name("type"))
    if name("icebergQty") in given:
        raise refuse(-2010, "Iceberg orders are not supported for this symbol.")
    trailing = given.integer(name("trailingDelta"), 0)
    if name("trailingDelta") in given and not trailing:
        raise RefusedError(failure("TRAILING_DELTA"))
    return PlaceSpot(
        symbol=given.listing().id,
        side=BY_NAME[given.option(name("side"), BY_NAME, (-1117, "Invalid side."))],
        type=kind,
        quantity=given.number(name("quantity")),
        quote_quantity=None if leg else given.number("quoteOrderQty"),
        price=given.number(name("price")),
        stop_price=given.number(name("stopPrice")),
        trailing=trailing,
        time_in_force=given.text(name("timeInForce")) if name("timeInForce") in given else "",
        client_id=named(given, name("clientOrderId") if leg else "newClientOrderId"),
        self_trade=mode,
    )


def named(given: Parameters, name: str) -> str:
    """A client's own name for something, empty where none was sent."""
    if name not in given:
        return ""
    value = given.text(name)
    if not NAME.fullmatch(value):
        raise refuse(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{NAME.pattern}'.")
    return value


def response_shape(given: Parameters, kind: str) -> str:
    """ACK, RESULT or FULL; what the type answers with unless the request says."""
    if "newOrderRespType" in given:
        return given.option("newOrderRespType", RESPONSES, (-1130, "Invalid newOrderRespType."))
    return "FULL" if kind in (LIMIT, MARKET, LIMIT_MAKER) else "ACK"


def either_id(given: Parameters, number: str, name: str) -> tuple[int, str]:
    """What names an order or a list: its number or its client id."""
    if number not in given and name not in given:
        raise refuse(-1102, f"Param '{name}' or '{number}' must be sent, but both were empty/null!")
    return given.integer(number, 0), named(given, name)


def _check_restriction(given: Parameters, order: SpotOrder | Refusal) -> None:
    if "cancelRestrictions" not in given or isinstance(order, Refusal):
        return
    wanted = {"ONLY_NEW": "NEW", "ONLY_PARTIALLY_FILLED": "PARTIALLY_FILLED"}
    if order.status != wanted[given.option("cancelRestrictions", tuple(wanted), (-1130, "Invalid restriction."))]:
        raise refuse(-2011, "Order was not canceled due to cancel restrictions.")


def granted(answer: SpotOrder | Refusal) -> SpotOrder:
    """The order; RefusedError where there is none."""
    if isinstance(answer, Refusal):
        raise RefusedError(answer)
    return answer


def _outcome(born: SpotOrder | Refusal | None) -> str:
    if born is None:
        return "NOT_ATTEMPTED"
    return "SUCCESS" if isinstance(born, SpotOrder) else "FAILURE"


def _error(refusal: Refusal) -> Answer:
    return {"code": refusal.code, "msg": refusal.message}


def page(given: Parameters, rows: list[Answer], key: str, from_id: int) -> list[Answer]:
    """Rows of the time asked for: from an id or a start the earliest, else the newest."""
    limit = given.limit(500, 1000)
    start_ms, end_ms = given.time_ns("startTime", 0) // MS, given.time_ns("endTime", 2**62) // MS
    rows = [row for row in rows if start_ms <= row["time"] <= end_ms and row[key] >= from_id]
    return rows[:limit] if from_id or "startTime" in given else rows[-limit:]
