"""What a spot account's owner is told: orders, fills and balances, as Binance answers on REST and websocket API."""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.venue.embedded.listing import Listing, e8_text
from engine.venue.embedded.orders import SIDES
from engine.venue.embedded.spot.orders import OrderList, SpotFill, SpotOrder

MS = 1_000_000
UID = 354_937_868

Answer = dict[str, Any]


def price(listing: Listing, ticks: int) -> str:
    """A price with the eight digits of spot."""
    return e8_text(ticks * listing.tick_e8)


def quantity(listing: Listing, lots: int) -> str:
    """A quantity with the eight digits of spot."""
    return e8_text(lots * listing.lot_e8)


def _numbers(listing: Listing, order: SpotOrder) -> Answer:
    """What every kind of answer about an order says."""
    numbers: Answer = {
        "price": price(listing, order.price_ticks),
        "origQty": quantity(listing, order.lots),
        "executedQty": quantity(listing, order.lots_filled),
        "origQuoteOrderQty": e8_text(order.quote_wanted),
        "cummulativeQuoteQty": e8_text(order.cost * listing.unit),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": SIDES[order.side],
    }
    if order.stop_ticks:
        numbers["stopPrice"] = price(listing, order.stop_ticks)
    if order.trailing:
        numbers["trailingDelta"] = order.trailing
        numbers["trailingTime"] = order.trailing_ns // MS if order.trailing_ns else -1
    return numbers


def order(listing: Listing, placed: SpotOrder) -> Answer:
    """An order as queries report it."""
    return {
        "symbol": listing.id,
        "orderId": placed.order_id,
        "orderListId": placed.list_id,
        "clientOrderId": placed.client_id,
        **_numbers(listing, placed),
        "stopPrice": price(listing, placed.stop_ticks),
        "icebergQty": "0.00000000",
        "time": placed.created_ns // MS,
        "updateTime": placed.updated_ns // MS,
        "isWorking": placed.is_working,
        "workingTime": placed.working_ns // MS,
        "selfTradePreventionMode": placed.self_trade,
    }


def placed(listing: Listing, order: SpotOrder, fills: Iterable[SpotFill], shape: str) -> Answer:
    """The answer to a new order: ACK, RESULT or FULL."""
    answer: Answer = {
        "symbol": listing.id,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_id,
        "transactTime": order.updated_ns // MS,
    }
    if shape == "ACK":
        return answer
    answer |= _numbers(listing, order)
    answer |= {"workingTime": order.working_ns // MS, "selfTradePreventionMode": order.self_trade}
    if shape == "FULL":
        answer["fills"] = [
            {
                "price": price(listing, fill.price_ticks),
                "qty": quantity(listing, fill.lots),
                "commission": e8_text(fill.fee),
                "commissionAsset": fill.fee_asset,
                "tradeId": fill.trade_id,
            }
            for fill in fills
        ]
    return answer


def cancelled(listing: Listing, order: SpotOrder, cancel_id: str, at_ns: int) -> Answer:
    """The answer to a cancel."""
    return {
        "symbol": listing.id,
        "origClientOrderId": order.client_id,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": cancel_id or f"cancel-{order.order_id}",
        "transactTime": at_ns // MS,
        **_numbers(listing, order),
        "selfTradePreventionMode": order.self_trade,
    }


def order_list(one: OrderList, orders: Iterable[SpotOrder], at_ns: int) -> Answer:
    """An order list as queries report it; answers to orders and cancels add ``orderReports``."""
    return {
        "orderListId": one.list_id,
        "contingencyType": one.contingency,
        "listStatusType": "ALL_DONE" if one.is_done else "EXEC_STARTED",
        "listOrderStatus": "ALL_DONE" if one.is_done else "EXECUTING",
        "listClientOrderId": one.client_id,
        "transactionTime": at_ns // MS,
        "symbol": one.symbol,
        "orders": [{"symbol": one.symbol, "orderId": x.order_id, "clientOrderId": x.client_id} for x in orders],
    }


def amended(listing: Listing, order: SpotOrder, one: tuple[OrderList, list[SpotOrder]] | None) -> Answer:
    """The answer to an amendment; with its list where the order has one."""
    last = order.amended[-1]
    told = {
        "symbol": listing.id,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "origClientOrderId": last.client_id_before,
        "clientOrderId": last.client_id,
        "price": price(listing, order.price_ticks),
        "qty": quantity(listing, order.lots),
        "executedQty": quantity(listing, order.lots_filled),
        "preventedQty": quantity(listing, 0),
        "quoteOrderQty": e8_text(order.quote_wanted),
        "cumulativeQuoteQty": e8_text(order.cost * listing.unit),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": SIDES[order.side],
    }
    if order.is_working:
        told["workingTime"] = order.working_ns // MS
    told["selfTradePreventionMode"] = order.self_trade
    answer: Answer = {"transactTime": last.at_ns // MS, "executionId": last.execution, "amendedOrder": told}
    if one is not None:
        whole = order_list(*one, last.at_ns)
        answer["listStatus"] = {
            name: value for name, value in whole.items() if name not in ("listStatusType", "transactionTime")
        }
    return answer


def amendments(listing: Listing, order: SpotOrder) -> list[Answer]:
    """How an order was amended, oldest first."""
    return [
        {
            "symbol": listing.id,
            "orderId": order.order_id,
            "executionId": one.execution,
            "origClientOrderId": one.client_id_before,
            "newClientOrderId": one.client_id,
            "origQty": quantity(listing, one.lots_before),
            "newQty": quantity(listing, one.lots),
            "time": one.at_ns // MS,
        }
        for one in order.amended
    ]


def fill(listing: Listing, traded: SpotFill) -> Answer:
    """One of the account's trades."""
    return {
        "symbol": listing.id,
        "id": traded.trade_id,
        "orderId": traded.order_id,
        "orderListId": traded.list_id,
        "price": price(listing, traded.price_ticks),
        "qty": quantity(listing, traded.lots),
        "quoteQty": e8_text(traded.notional),
        "commission": e8_text(traded.fee),
        "commissionAsset": traded.fee_asset,
        "time": traded.at_ns // MS,
        "isBuyer": traded.side > 0,
        "isMaker": traded.maker,
        "isBestMatch": True,
    }


def account(held: Mapping[str, tuple[int, int]], fee_ppm: int, at_ns: int) -> Answer:
    """The whole account."""
    rate = e8_text(fee_ppm * 100)
    return {
        "makerCommission": fee_ppm // 100,
        "takerCommission": fee_ppm // 100,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": rate, "taker": rate, "buyer": "0.00000000", "seller": "0.00000000"},
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": at_ns // MS,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": e8_text(free), "locked": e8_text(locked)} for asset, (free, locked) in held.items()
        ],
        "permissions": ["SPOT"],
        "uid": UID,
    }
