"""What an account may do: orders, conditional orders, its trades, positions and settings."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from engine.venue.embedded import statements
from engine.venue.embedded.events import PositionState
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.orders import (
    BOTH,
    BUY,
    CONDITIONAL,
    EXPIRE_MAKER,
    LEGS,
    LIMIT,
    MARKET,
    PREVENTIONS,
    SELL,
    TRAILING_STOP_MARKET,
    AlgoOrder,
    Order,
    PlaceOrder,
    Refusal,
)
from engine.venue.embedded.parameters import Parameters, RefusedError, refuse

MS = 1_000_000
EVERYTHING = 10**9  # rows: the cut is made here, after the filters
SIDES = {"BUY": BUY, "SELL": SELL}
WORKING = ("CONTRACT_PRICE", "MARK_PRICE")
BAD_WORKING = (-4031, "Invalid parameter working type")
LIFETIMES = ("GTC", "IOC", "FOK", "GTX", "GTD")
BAD_MARGIN = (-1130, "Data sent for parameter 'marginType' is not valid.")
BAD_LEG = (-4060, "Invalid position side.")
BAD_PREVENTION = (-5039, "Invalid self trade prevention mode")
MOVED = (*CONDITIONAL, "STOP", "TAKE_PROFIT", "TRAILING_STOP_MARKET")
ABSENT = Refusal(-2013, "Order does not exist.")

Answer = Any
Row = TypeVar("Row")


class Trading:
    """The private half of REST; every method takes the account and the request's parameters."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    # -- orders ----------------------------------------------------------------

    def place(self, account: str, parameters: Parameters) -> Answer:
        """POST order."""
        answer = self._exchange.place(account, self._ordinary(parameters))
        if isinstance(answer, Refusal):
            raise RefusedError(answer)
        return self._order(answer)

    def _ordinary(self, parameters: Parameters) -> PlaceOrder:
        kind = parameters.text("type")
        if kind in MOVED:
            raise refuse(
                -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
            )
        if kind not in (LIMIT, MARKET):
            raise refuse(-1116, "Invalid orderType.")
        if kind == LIMIT:
            parameters.text("timeInForce")
            if not matches_price(parameters):
                parameters.text("price")
        parameters.text("quantity")
        return self._request(parameters, kind, parameters.client_id("newClientOrderId"))

    def check(self, account: str, parameters: Parameters) -> Answer:
        """POST order/test: everything that can be refused before the book and the margin are asked."""
        if objection := self._exchange.objection(account, self._ordinary(parameters)):
            raise RefusedError(objection)
        return {}

    def place_algo(self, account: str, parameters: Parameters) -> Answer:
        """POST algoOrder."""
        if parameters.text("algoType") != "CONDITIONAL":
            raise refuse(-1130, "Data sent for parameter 'algoType' is not valid.")
        kind = parameters.text("type")
        if kind not in CONDITIONAL:
            raise refuse(-1116, "Invalid orderType.")
        parameters.text("callbackRate" if kind == TRAILING_STOP_MARKET else "triggerPrice")
        request = self._request(parameters, kind, parameters.client_id("clientAlgoId"))
        answer = self._exchange.place(account, request)
        if isinstance(answer, Refusal):
            raise RefusedError(answer)
        return self._algo_order(answer)

    def _request(self, parameters: Parameters, kind: str, client_id: str) -> PlaceOrder:
        listing = parameters.listing()
        side = parameters.option("side", SIDES, (-1117, "Invalid side."))
        lifetime = "GTC"
        if "timeInForce" in parameters:
            lifetime = parameters.option("timeInForce", LIFETIMES, (-1115, "Invalid timeInForce."))
        return PlaceOrder(
            symbol=listing.id,
            side=SIDES[side],
            type=kind,
            quantity=parameters.number("quantity"),
            price=parameters.number("price"),
            trigger_price=parameters.number("activatePrice" if kind == TRAILING_STOP_MARKET else "triggerPrice"),
            time_in_force=lifetime,
            reduce_only=parameters.truth("reduceOnly"),
            close_position=parameters.truth("closePosition"),
            client_id=client_id,
            callback_rate=parameters.number("callbackRate"),
            leg=parameters.option("positionSide", LEGS, BAD_LEG) if "positionSide" in parameters else BOTH,
            prevention=(
                parameters.option("selfTradePreventionMode", PREVENTIONS, BAD_PREVENTION)
                if "selfTradePreventionMode" in parameters
                else EXPIRE_MAKER
            ),
            price_match=parameters.text("priceMatch") if matches_price(parameters) else "NONE",
            good_till_ms=parameters.integer("goodTillDate", 0),
            by_mark="workingType" in parameters
            and parameters.option("workingType", WORKING, BAD_WORKING) == "MARK_PRICE",
        )

    def query(self, account: str, parameters: Parameters) -> Answer:
        """GET order."""
        return self._order(_granted(self._exchange.order(account, *order_name(parameters))))

    def query_open(self, account: str, parameters: Parameters) -> Answer:
        """GET openOrder."""
        found = _granted(self._exchange.order(account, *order_name(parameters)))
        if not found.is_open:
            raise RefusedError(ABSENT)
        return self._order(found)

    def query_algo(self, account: str, parameters: Parameters) -> Answer:
        """GET algoOrder."""
        return self._algo_order(_granted(self._exchange.algo_order(account, *_algo_name(parameters))))

    def cancel(self, account: str, parameters: Parameters) -> Answer:
        """DELETE order."""
        return self._order(_granted(self._exchange.cancel(account, *order_name(parameters))))

    def cancel_algo(self, account: str, parameters: Parameters) -> Answer:
        """DELETE algoOrder."""
        gone = _granted(self._exchange.cancel_algo(account, *_algo_name(parameters)))
        return {"algoId": gone.algo_id, "clientAlgoId": gone.client_id, "code": "200", "msg": "success"}

    def cancel_all(self, account: str, parameters: Parameters) -> Answer:
        """DELETE allOpenOrders."""
        self._exchange.cancel_all(account, parameters.listing().id)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def cancel_all_algo(self, account: str, parameters: Parameters) -> Answer:
        """DELETE algoOpenOrders."""
        self._exchange.cancel_all_algo(account, parameters.listing().id)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def open_orders(self, account: str, parameters: Parameters) -> Answer:
        """GET openOrders, of one symbol or of all."""
        symbol = parameters.listing().id if "symbol" in parameters else None
        return [self._order(order) for order in self._exchange.open_orders(account, symbol)]

    def open_algo_orders(self, account: str, parameters: Parameters) -> Answer:
        """GET openAlgoOrders, of one symbol or of all."""
        symbol = parameters.listing().id if "symbol" in parameters else None
        return [self._algo_order(order) for order in self._exchange.open_algo_orders(account, symbol)]

    def all_orders(self, account: str, parameters: Parameters) -> Answer:
        """GET allOrders: from ``orderId`` or ``startTime`` on, else the newest."""
        symbol, first = parameters.listing().id, parameters.integer("orderId", 0)
        rows = self._exchange.all_orders(account, symbol, first, EVERYTHING)
        return [self._order(order) for order in page(rows, parameters, "orderId", lambda order: order.created_ns)]

    def all_algo_orders(self, account: str, parameters: Parameters) -> Answer:
        """GET allAlgoOrders: from ``algoId`` or ``startTime`` on, else the newest."""
        symbol, first = parameters.listing().id, parameters.integer("algoId", 0)
        rows = self._exchange.all_algo_orders(account, symbol, first, EVERYTHING)
        return [self._algo_order(order) for order in page(rows, parameters, "algoId", lambda order: order.created_ns)]

    # -- trades and money ------------------------------------------------------

    def user_trades(self, account: str, parameters: Parameters) -> Answer:
        """GET userTrades: from ``fromId`` or ``startTime`` on, else the newest."""
        listing = parameters.listing()
        rows = self._exchange.user_trades(account, listing.id, parameters.integer("fromId", 0), EVERYTHING)
        if "orderId" in parameters:
            wanted = parameters.integer("orderId")
            rows = [row for row in rows if row.order_id == wanted]
        return [statements.fill(listing, row) for row in page(rows, parameters, "fromId", lambda row: row.at_ns)]

    def income(self, account: str, parameters: Parameters) -> Answer:
        """GET income: profits and fees, oldest first."""
        kind = parameters.text("incomeType") if "incomeType" in parameters else None
        # Funding and transfers are asked for all the time, and no trade is one.
        rows = [
            entry
            for listing in (parameters.listings() if kind in (None, *statements.OF_TRADES) else ())
            for row in self._exchange.user_trades(account, listing.id, 0, EVERYTHING)
            for entry in statements.income(listing, row)
            if kind in (None, entry["incomeType"])
        ]
        wanted = {"", *(listing.id for listing in parameters.listings())}
        rows += [
            statements.payment(row, self._asset())
            for row in self._exchange.payments(account)
            if row.symbol in wanted and kind in (None, row.kind)
        ]
        rows.sort(key=lambda entry: (entry["time"], entry["tranId"]))
        return page(rows, parameters, "fromId", lambda entry: entry["time"] * MS)

    def balance(self, account: str, _: Parameters) -> Answer:
        """GET balance."""
        return statements.balances(self._exchange.account(account), self._asset(), self._exchange.now_ns)

    def account(self, account: str, _: Parameters) -> Answer:
        """GET account; its second version lists every position, the third only those that are held."""
        state, by_id, now_ns = self._exchange.account(account), self._exchange.by_id, self._exchange.now_ns
        rows = [statements.account_position(by_id[row.symbol], row, now_ns) for row in state.positions]
        return statements.account(state, self._asset(), now_ns, rows)

    def account_held(self, account: str, _: Parameters) -> Answer:
        """GET account, third version."""
        state, by_id, now_ns = self._exchange.account(account), self._exchange.by_id, self._exchange.now_ns
        held = [row for row in state.positions if row.lots]
        rows = [statements.account_position(by_id[row.symbol], row, now_ns) for row in held]
        return statements.account(state, self._asset(), now_ns, rows)

    def positions(self, account: str, parameters: Parameters) -> Answer:
        """GET positionRisk, second version: every contract."""
        return self._positions(parameters, self._exchange.account(account).positions)

    def positions_held(self, account: str, parameters: Parameters) -> Answer:
        """GET positionRisk, third version: contracts that are held."""
        held = [row for row in self._exchange.account(account).positions if row.lots]
        return self._positions(parameters, held)

    def _positions(self, parameters: Parameters, rows: Iterable[PositionState]) -> Answer:
        wanted = {listing.id for listing in parameters.listings()}
        by_id, now_ns = self._exchange.by_id, self._exchange.now_ns
        return [statements.position_risk(by_id[row.symbol], row, now_ns) for row in rows if row.symbol in wanted]

    # -- settings --------------------------------------------------------------

    def set_leverage(self, account: str, parameters: Parameters) -> Answer:
        """POST leverage."""
        listing = parameters.listing()
        leverage = _granted(self._exchange.set_leverage(account, listing.id, parameters.integer("leverage")))
        most = statements.largest(listing, leverage)
        return {"leverage": leverage, "maxNotionalValue": most, "symbol": listing.id}

    def set_margin_type(self, account: str, parameters: Parameters) -> Answer:
        """POST marginType: ISOLATED or CROSSED, of one contract."""
        listing = parameters.listing()
        kind = parameters.option("marginType", ("ISOLATED", "CROSSED"), BAD_MARGIN)
        if refusal := self._exchange.set_isolated(account, listing.id, kind == "ISOLATED"):
            raise RefusedError(refusal)
        return {"code": 200, "msg": "success"}

    def position_side(self, account: str, _: Parameters) -> Answer:
        """GET positionSide/dual: whether the account is hedged."""
        return {"dualSidePosition": self._exchange.is_hedged(account)}

    def set_position_side(self, account: str, parameters: Parameters) -> Answer:
        """POST positionSide/dual: hedged or one-way."""
        parameters.text("dualSidePosition")
        if refusal := self._exchange.set_hedged(account, parameters.truth("dualSidePosition")):
            raise RefusedError(refusal)
        return {"code": 200, "msg": "success"}

    def brackets(self, _: str, parameters: Parameters) -> Answer:
        """GET leverageBracket."""
        return [statements.leverage_bracket(listing) for listing in parameters.listings()]

    def symbol_configuration(self, account: str, parameters: Parameters) -> Answer:
        """GET symbolConfig."""
        return [
            {
                "symbol": listing.id,
                "marginType": "ISOLATED" if self._exchange.is_isolated(account, listing.id) else "CROSSED",
                "isAutoAddMargin": False,
                "leverage": self._exchange.leverage(account, listing.id),
                "maxNotionalValue": statements.largest(listing, self._exchange.leverage(account, listing.id)),
            }
            for listing in parameters.listings()
        ]

    def quantiles(self, account: str, parameters: Parameters) -> Answer:
        """GET adlQuantile: nobody is first in line."""
        wanted = {listing.id for listing in parameters.listings()}
        positions = self._exchange.account(account).positions
        held = dict.fromkeys(row.symbol for row in positions if row.lots and row.symbol in wanted)
        rows = [{"symbol": symbol, "adlQuantile": {"LONG": 0, "SHORT": 0, "BOTH": 0}} for symbol in held]
        return rows[0] if rows and "symbol" in parameters else rows

    def configuration(self, account: str, _: Parameters) -> Answer:
        """GET accountConfig."""
        return {
            "feeTier": 0,
            "canTrade": True,
            "canDeposit": True,
            "canWithdraw": True,
            "dualSidePosition": self._exchange.is_hedged(account),
            "updateTime": 0,
            "multiAssetsMargin": False,
            "tradeGroupId": -1,
        }

    def status(self, _: str, parameters: Parameters) -> Answer:
        """GET apiTradingStatus: no rule was broken."""
        parameters.listings()
        return {"indicators": {}, "updateTime": self._exchange.now_ns // MS}

    def _asset(self) -> str:
        return self._exchange.listings[0].quote

    def _order(self, order: Order | AlgoOrder) -> Answer:
        assert isinstance(order, Order), "this endpoint deals in ordinary orders"
        return statements.order(self._exchange.by_id[order.symbol], order)

    def _algo_order(self, order: Order | AlgoOrder) -> Answer:
        assert isinstance(order, AlgoOrder), "this endpoint deals in conditional orders"
        return statements.algo_order(self._exchange.by_id[order.symbol], order)


def _granted(answer: Row | Refusal) -> Row:
    if isinstance(answer, Refusal):
        raise RefusedError(answer)
    return answer


def matches_price(parameters: Parameters) -> bool:
    """Whether the book is to name the price."""
    return "priceMatch" in parameters and parameters.text("priceMatch") != "NONE"


def order_name(parameters: Parameters) -> tuple[str, int, str]:
    """Symbol, order id and client id that name an order; one of the ids is empty."""
    if "orderId" not in parameters and "origClientOrderId" not in parameters:
        raise refuse(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    symbol = parameters.listing().id
    if "orderId" in parameters:
        return symbol, parameters.integer("orderId"), ""
    return symbol, 0, parameters.client_id("origClientOrderId")


def _algo_name(parameters: Parameters) -> tuple[int, str]:
    if "algoId" in parameters:
        return parameters.integer("algoId"), ""
    if "clientAlgoId" not in parameters:
        raise refuse(-1102, "Param 'clientAlgoId' or 'algoId' must be sent, but both were empty/null!")
    return 0, parameters.client_id("clientAlgoId")


def page(rows: Sequence[Row], parameters: Parameters, first: str, time_ns: Callable[[Row], int]) -> list[Row]:
    """The rows within startTime and endTime: the oldest of them after a starting point, else the newest."""
    limit = parameters.limit(500, 1000)
    start_ns, end_ns = parameters.time_ns("startTime", 0), parameters.time_ns("endTime", 2**62)
    within = [row for row in rows if start_ns <= time_ns(row) < end_ns + MS]
    return within[:limit] if first in parameters or "startTime" in parameters else within[-limit:]
