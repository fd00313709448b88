"""What the account's owner is told: orders, fills, balances and positions, as Binance answers."""

from collections.abc import Iterable
from typing import Any

from engine.venue.embedded.events import AccountState, PositionState
from engine.venue.embedded.listing import E8, Listing, e8_text
from engine.venue.embedded.messages import average_text
from engine.venue.embedded.orders import SIDES, TRAILING_STOP_MARKET, AlgoOrder, Fill, Order, Payment
from engine.venue.embedded.tiers import notional_max, tiers_of

MS = 1_000_000
OF_TRADES = ("REALIZED_PNL", "COMMISSION")  # kinds of income that a trade brings

Answer = dict[str, Any]


def order(listing: Listing, placed: Order) -> Answer:
    """An order as REST reports it."""
    return {
        "orderId": placed.order_id,
        "symbol": listing.id,
        "status": placed.status,
        "clientOrderId": placed.client_id,
        "price": listing.price_text(placed.price_ticks),
        "avgPrice": average_text(listing, placed.cost, placed.lots_filled),
        "origQty": listing.quantity_text(placed.lots),
        "executedQty": listing.quantity_text(placed.lots_filled),
        "cumQty": listing.quantity_text(placed.lots_filled),
        "cumQuote": e8_text(placed.cost * listing.unit),
        "timeInForce": placed.time_in_force,
        "type": placed.type,
        "reduceOnly": placed.reduce_only,
        "closePosition": placed.close_position,
        "side": SIDES[placed.side],
        "positionSide": placed.leg,
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": placed.type,
        "priceMatch": placed.price_match,
        "selfTradePreventionMode": placed.prevention,
        "goodTillDate": placed.good_till_ms,
        "time": placed.created_ns // MS,
        "updateTime": placed.updated_ns // MS,
    }


def algo_order(listing: Listing, placed: AlgoOrder) -> Answer:
    """A conditional order as REST reports it."""
    price, trails = listing.price_text(placed.trigger_ticks), placed.type == TRAILING_STOP_MARKET
    trailing = {"activatePrice": price, "callbackRate": f"{placed.trail_ppm / 10_000:g}"} if trails else {}
    return {
        "algoId": placed.algo_id,
        "clientAlgoId": placed.client_id,
        "algoType": "CONDITIONAL",
        "orderType": placed.type,
        "symbol": listing.id,
        "side": SIDES[placed.side],
        "positionSide": placed.leg,
        "timeInForce": placed.time_in_force,
        "quantity": listing.quantity_text(placed.lots),
        "algoStatus": placed.status,
        "actualOrderId": str(placed.order_id) if placed.order_id else "",
        "actualPrice": average_text(listing, placed.cost, placed.lots_filled),
        "actualQty": listing.quantity_text(placed.lots_filled),
        "triggerPrice": listing.price_text(0) if trails else price,
        "price": listing.price_text(placed.price_ticks),
        "icebergQuantity": None,
        "selfTradePreventionMode": placed.prevention,
        "workingType": "MARK_PRICE" if placed.by_mark else "CONTRACT_PRICE",
        "priceMatch": placed.price_match,
        "closePosition": placed.close_position,
        "priceProtect": False,
        "reduceOnly": placed.reduce_only,
        "createTime": placed.created_ns // MS,
        "updateTime": placed.updated_ns // MS,
        "triggerTime": placed.triggered_ns // MS,
        "goodTillDate": placed.good_till_ms,
        **trailing,
    }


def fill(listing: Listing, traded: Fill) -> Answer:
    """One of the account's trades."""
    return {
        "symbol": listing.id,
        "id": traded.trade_id,
        "orderId": traded.order_id,
        "side": SIDES[traded.side],
        "price": listing.price_text(traded.price_ticks),
        "qty": listing.quantity_text(traded.lots),
        "realizedPnl": e8_text(traded.realised),
        "marginAsset": listing.quote,
        "quoteQty": e8_text(traded.notional),
        "commission": e8_text(traded.fee),
        "commissionAsset": listing.quote,
        "time": traded.at_ns // MS,
        "positionSide": traded.leg,
        "buyer": traded.side > 0,
        "maker": traded.maker,
    }


def income(listing: Listing, traded: Fill) -> Iterable[Answer]:
    """What a fill did to the wallet: profit where it closed something, and the fee."""
    for kind, amount in zip(OF_TRADES, (traded.realised, -traded.fee), strict=True):
        if amount:
            yield {
                "symbol": listing.id,
                "incomeType": kind,
                "income": e8_text(amount),
                "asset": listing.quote,
                "info": str(traded.trade_id),
                "time": traded.at_ns // MS,
                "tranId": traded.trade_id,
                "tradeId": str(traded.trade_id),
            }


def balances(state: AccountState, asset: str, at_ns: int) -> list[Answer]:
    """The account's one balance."""
    return [
        {
            "accountAlias": "loop",
            "asset": asset,
            "balance": e8_text(state.wallet),
            "crossWalletBalance": e8_text(state.wallet),
            "crossUnPnl": e8_text(state.unrealised),
            "availableBalance": e8_text(state.available),
            "maxWithdrawAmount": e8_text(state.available),
            "marginAvailable": True,
            "updateTime": at_ns // MS,
        }
    ]


def account(state: AccountState, asset: str, at_ns: int, positions: list[Answer]) -> Answer:
    """The whole account."""
    money = _money(state)
    totals = {f"total{name[0].upper()}{name[1:]}": text for name, text in money.items() if name not in UNTOTALLED}
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
        **totals,
        "availableBalance": money["availableBalance"],
        "maxWithdrawAmount": money["maxWithdrawAmount"],
        "assets": [{"asset": asset, **money, "marginAvailable": True, "updateTime": at_ns // MS}],
        "positions": positions,
    }


UNTOTALLED = ("availableBalance", "maxWithdrawAmount")


def _money(state: AccountState) -> dict[str, str]:
    maintenance = sum(position.maintenance for position in state.positions)
    return {
        "walletBalance": e8_text(state.wallet),
        "unrealizedProfit": e8_text(state.unrealised),
        "marginBalance": e8_text(state.equity),
        "maintMargin": e8_text(maintenance),
        "initialMargin": e8_text(state.position_margin + state.order_margin),
        "positionInitialMargin": e8_text(state.position_margin),
        "openOrderInitialMargin": e8_text(state.order_margin),
        "crossWalletBalance": e8_text(state.wallet),
        "crossUnPnl": e8_text(state.unrealised),
        "availableBalance": e8_text(state.available),
        "maxWithdrawAmount": e8_text(state.available),
    }


def account_position(listing: Listing, position: PositionState, at_ns: int) -> Answer:
    """A position within the account."""
    return {
        "symbol": listing.id,
        "positionSide": position.leg,
        "positionAmt": listing.quantity_text(position.lots),
        "entryPrice": e8_text(position.entry_e8),
        "breakEvenPrice": e8_text(position.entry_e8),
        "unrealizedProfit": e8_text(position.unrealised),
        "isolated": position.is_isolated,
        "isolatedMargin": e8_text(position.isolated + position.unrealised if position.is_isolated else 0),
        "isolatedWallet": e8_text(position.isolated),
        "notional": e8_text(listing.notional(position.mark_ticks, position.lots)),
        "initialMargin": e8_text(position.margin),
        "maintMargin": e8_text(position.maintenance),
        "positionInitialMargin": e8_text(position.margin),
        "openOrderInitialMargin": "0",
        "leverage": str(position.leverage),
        "maxNotional": largest(listing, position.leverage),
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": at_ns // MS,
    }


def position_risk(listing: Listing, position: PositionState, at_ns: int) -> Answer:
    """A position as positionRisk reports it; the fields of its second and third version together."""
    return {
        "symbol": listing.id,
        "positionSide": position.leg,
        "positionAmt": listing.quantity_text(position.lots),
        "entryPrice": e8_text(position.entry_e8),
        "breakEvenPrice": e8_text(position.entry_e8),
        "markPrice": listing.price_text(position.mark_ticks),
        "unRealizedProfit": e8_text(position.unrealised),
        "liquidationPrice": "0",
        "isolatedMargin": e8_text(position.isolated + position.unrealised if position.is_isolated else 0),
        "notional": e8_text(listing.notional(position.mark_ticks, position.lots)),
        "marginAsset": listing.quote,
        "isolatedWallet": e8_text(position.isolated),
        "initialMargin": e8_text(position.margin),
        "maintMargin": e8_text(position.maintenance),
        "positionInitialMargin": e8_text(position.margin),
        "openOrderInitialMargin": "0",
        "adl": 1,
        "bidNotional": "0",
        "askNotional": "0",
        "leverage": str(position.leverage),
        "maxNotionalValue": largest(listing, position.leverage),
        "marginType": "isolated" if position.is_isolated else "cross",
        "isAutoAddMargin": "false",
        "updateTime": at_ns // MS,
    }


def largest(listing: Listing, leverage: int) -> str:
    """The largest notional that the leverage allows."""
    return str(notional_max(listing.id, leverage) // E8)


def leverage_bracket(listing: Listing) -> Answer:
    """The contract's tiers."""
    return {
        "symbol": listing.id,
        "notionalCoef": 1.0,
        "brackets": [
            {
                "bracket": tier.number,
                "initialLeverage": min(tier.leverage_max, listing.leverage_max),
                "notionalCap": tier.cap // E8,
                "notionalFloor": tier.floor // E8,
                "maintMarginRatio": tier.rate_ppm / 1_000_000,
                "cum": tier.cut / E8,
            }
            for tier in tiers_of(listing.id)
        ],
    }


def payment(row: Payment, asset: str) -> Answer:
    """Money that moved without a trade, as a row of income."""
    return {
        "symbol": row.symbol,
        "incomeType": row.kind,
        "income": e8_text(row.amount),
        "asset": asset,
        "info": row.kind,
        "time": row.at_ns // MS,
        "tranId": row.number,
        "tradeId": "",
    }
