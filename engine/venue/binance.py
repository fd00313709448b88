"""Binance's USDT-M messages as our values: pure, so that recorded frames can test it.

ORDER_TRADE_UPDATE --> TradeSeen (of a trade, first), OrderSeen
ALGO_UPDATE ---------> OrderSeen, conditional
ACCOUNT_UPDATE ------> WalletSeen, PositionSeen
REST rows -----------> OrderSeen, TradeSeen, PositionSeen, WalletSeen
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from engine.order import CONDITIONAL, Event, Intent
from engine.venue.base import Modes, ModesChanged, News, OrderSeen, Permissions, PositionSeen, TradeSeen, WalletSeen
from shm.instruments import Instrument, minor, minor_rounded

Row = Mapping[str, Any]
Find = Callable[[str], Instrument | None]  # by the venue's own name, e.g. BTCUSDT

PRIVATE = ("ORDER_TRADE_UPDATE", "ALGO_UPDATE", "ACCOUNT_UPDATE", "TRADE_LITE", "MARGIN_CALL", "ACCOUNT_CONFIG_UPDATE")
EXPIRED_KEY = "listenKeyExpired"

ORDER_EVENTS = {
    "NEW": Event.ACK,
    "PARTIALLY_FILLED": Event.FILL_SOME,
    "FILLED": Event.FILL_ALL,
    "CANCELED": Event.CANCEL_CONFIRMED,
    "EXPIRED": Event.EXPIRE,
    "EXPIRED_IN_MATCH": Event.EXPIRE,
    "REJECTED": Event.REJECT,
}
ALGO_EVENTS = {
    "NEW": Event.ACK,
    "TRIGGERING": Event.ACK,
    "TRIGGERED": Event.ACK,
    "CANCELED": Event.CANCEL_CONFIRMED,
    "EXPIRED": Event.EXPIRE,
    "REJECTED": Event.EXPIRE,  # refused when it triggered; it was accepted before
}
SIDES = {"BUY": 1, "SELL": -1}
NS_OF_MS = 1_000_000


def instrument(info: Row, row: int, names: tuple[str, str, str]) -> Instrument:
    """The trading rules in a symbol of ``exchangeInfo``; ``names`` is symbol, venue and account."""
    filters = {entry["filterType"]: entry for entry in info["filters"]}
    lot = filters["LOT_SIZE"]
    market_lot = filters.get("MARKET_LOT_SIZE", lot)
    return Instrument.from_filters(
        row,
        names,
        tick=filters["PRICE_FILTER"]["tickSize"],
        lot=lot["stepSize"],
        quantity_min=lot["minQty"],
        quantity_max=lot["maxQty"],
        market_quantity_max=market_lot["maxQty"],
        notional_min=filters.get("MIN_NOTIONAL", {}).get("notional", "0"),
        status=int(info.get("status") == "TRADING"),
    )


def news_of(message: Row, find: Find) -> Iterator[News]:
    """What a message of the private stream tells; nothing about instruments that we do not follow."""
    kind = message["e"]
    if kind == "ACCOUNT_UPDATE":
        yield from _account_news(message, find)
        return
    if kind == "ACCOUNT_CONFIG_UPDATE":
        yield ModesChanged(text=str(message.get("ac") or message.get("ai") or ""))
        return
    if kind not in ("ORDER_TRADE_UPDATE", "ALGO_UPDATE"):
        return
    order = message["o"]
    instrument = find(order["s"])
    if instrument is None:
        return
    at_ns = int(message.get("T") or message["E"]) * NS_OF_MS
    if kind == "ALGO_UPDATE":
        yield _algo_told(order, instrument, at_ns)
        return
    if order["x"] == "TRADE":
        yield _trade_told(order, instrument)
    yield _order_told(order, instrument, at_ns)


def _order_told(order: Row, instrument: Instrument, at_ns: int) -> OrderSeen:
    return OrderSeen(
        symbol=instrument.symbol,
        client_id=order["c"],
        venue_order_id=str(order["i"]),
        child_order_id="",
        is_conditional=False,
        event=ORDER_EVENTS.get(order["X"], Event.ACK),
        side=SIDES[order["S"]],
        lots=instrument.lots(Decimal(order["q"])),
        lots_filled=instrument.lots(Decimal(order["z"])),
        price_ticks=_ticks(instrument, order["p"]),
        stop_ticks=_ticks(instrument, order.get("sp")),
        reduce_only=bool(order.get("R", False)),
        market_ns=at_ns,
        text=order["x"],
    )


def _trade_told(order: Row, instrument: Instrument) -> TradeSeen:
    return TradeSeen(
        symbol=instrument.symbol,
        trade_id=int(order["t"]),
        venue_order_id=str(order["i"]),
        client_id=order["c"],
        side=SIDES[order["S"]],
        lots=instrument.lots(Decimal(order["l"])),
        price_ticks=_ticks(instrument, order["L"]),
        fee=minor(order.get("n") or "0"),
        fee_asset=order.get("N") or "",
        is_maker=bool(order["m"]),
        market_ns=int(order["T"]) * NS_OF_MS,
    )


def _algo_told(order: Row, instrument: Instrument, at_ns: int) -> OrderSeen:
    lots, filled = (instrument.lots(Decimal(order.get(name) or "0")) for name in ("q", "aq"))
    return OrderSeen(
        symbol=instrument.symbol,
        client_id=order["caid"],
        venue_order_id=str(order["aid"]),
        child_order_id=_child(order.get("ai")),
        is_conditional=True,
        event=algo_event(order["X"], lots, filled),
        side=SIDES[order["S"]],
        lots=lots,
        lots_filled=filled,
        price_ticks=_ticks(instrument, order.get("p")),
        stop_ticks=_ticks(instrument, order.get("tp")),
        reduce_only=bool(order.get("R", False)),
        market_ns=at_ns,
        text=order["X"] if order["X"] not in ("EXPIRED", "REJECTED") else f"{order['X']}: {order.get('rm', '')}",
    )


def _account_news(message: Row, find: Find) -> Iterator[News]:
    update = message["a"]
    at_ns = int(message.get("T") or message["E"]) * NS_OF_MS
    positions = update.get("P", ())
    funded = positions[0]["s"] if len(positions) == 1 else ""
    instrument = find(funded) if funded else None
    for balance in update.get("B", ()):
        yield WalletSeen(
            asset=balance["a"],
            wallet=minor(balance["wb"]),
            reason=update.get("m", ""),
            change=minor(balance.get("bc") or "0"),
            symbol=instrument.symbol if instrument is not None else "",
            market_ns=at_ns,
        )
    for position in positions:
        held = find(position["s"])
        if held is not None and position.get("ps", "BOTH") == "BOTH":
            yield PositionSeen(symbol=held.symbol, lots=held.lots(Decimal(position["pa"])))


def order_row(row: Row, instrument: Instrument) -> OrderSeen:
    """A row of ``order`` or ``openOrders``."""
    return OrderSeen(
        symbol=instrument.symbol,
        client_id=row["clientOrderId"],
        venue_order_id=str(row["orderId"]),
        child_order_id="",
        is_conditional=False,
        event=ORDER_EVENTS.get(row["status"], Event.ACK),
        side=SIDES[row["side"]],
        lots=instrument.lots(Decimal(row["origQty"])),
        lots_filled=instrument.lots(Decimal(row["executedQty"])),
        price_ticks=_ticks(instrument, row.get("price")),
        stop_ticks=_ticks(instrument, row.get("stopPrice")),
        reduce_only=_truth(row.get("reduceOnly")),
        market_ns=int(row.get("updateTime") or row.get("time") or 0) * NS_OF_MS,
        text=row["status"],
    )


def algo_row(row: Row, instrument: Instrument) -> OrderSeen:
    """A row of ``algoOrder`` or ``openAlgoOrders``."""
    lots, filled = (instrument.lots(Decimal(row.get(name) or "0")) for name in ("quantity", "actualQty"))
    return OrderSeen(
        symbol=instrument.symbol,
        client_id=row["clientAlgoId"],
        venue_order_id=str(row["algoId"]),
        child_order_id=_child(row.get("actualOrderId")),
        is_conditional=True,
        event=algo_event(row["algoStatus"], lots, filled),
        side=SIDES[row["side"]],
        lots=lots,
        lots_filled=filled,
        price_ticks=_ticks(instrument, row.get("price")),
        stop_ticks=_ticks(instrument, row.get("triggerPrice")),
        reduce_only=_truth(row.get("reduceOnly")),
        market_ns=int(row.get("updateTime") or row.get("createTime") or 0) * NS_OF_MS,
        text=row["algoStatus"],
    )


def rows_of(rows: Iterable[Row], read: Callable[[Row, Instrument], OrderSeen], find: Find) -> Iterator[OrderSeen]:
    """The rows of an answer about all instruments that concern us."""
    for row in rows:
        instrument = find(row["symbol"])
        if instrument is not None:
            yield read(row, instrument)


def trade_row(row: Row, instrument: Instrument) -> TradeSeen:
    """A row of ``userTrades``."""
    return TradeSeen(
        symbol=instrument.symbol,
        trade_id=int(row["id"]),
        venue_order_id=str(row["orderId"]),
        client_id="",
        side=SIDES[row["side"]],
        lots=instrument.lots(Decimal(row["qty"])),
        price_ticks=_ticks(instrument, row["price"]),
        fee=minor(row["commission"]),
        fee_asset=row["commissionAsset"],
        is_maker=_truth(row["maker"]),
        market_ns=int(row["time"]) * NS_OF_MS,
    )


def named(intent: Intent) -> dict[str, Any]:
    """The parameters that name an order by our own id."""
    if intent.type in CONDITIONAL:
        return {"clientAlgoId": intent.client_id, "trigger": True}
    return {"origClientOrderId": intent.client_id}


def row_reader(intent: Intent) -> Callable[[Row, Instrument], OrderSeen]:
    """What reads the answer to a request about ``intent``."""
    return algo_row if intent.type in CONDITIONAL else order_row


def algo_event(status: str, lots: int, filled: int) -> Event:
    """What the status of a conditional order says, with its lots and those filled."""
    # FINISHED says that the order it became is over, not how: the count of filled lots does.
    if status == "FINISHED":
        return Event.FILL_ALL if filled >= lots > 0 else Event.EXPIRE
    return ALGO_EVENTS.get(status, Event.ACK)


def _child(order_id: object) -> str:
    return "" if order_id in (None, "", 0, "0") else str(order_id)


def _ticks(instrument: Instrument, text: str | None) -> int:
    return instrument.ticks(Decimal(text)) if text and Decimal(text) > 0 else 0


def _truth(value: object) -> bool:
    return value is True or value == "true"


def position_rows(rows: Iterable[Row], find: Find) -> Iterator[PositionSeen]:
    """The rows of ``positionRisk`` that concern us."""
    for row in rows:
        instrument = find(row["symbol"])
        if instrument is not None and row.get("positionSide", "BOTH") == "BOTH":
            yield PositionSeen(
                symbol=instrument.symbol,
                lots=instrument.lots(Decimal(row["positionAmt"])),
                entry_ticks=_rounded(instrument, row.get("entryPrice", "0")),
                cost=minor_rounded(abs(Decimal(row["positionAmt"]) * Decimal(row.get("entryPrice", "0")))),
            )


def modes(account: Row, symbols: Iterable[Row], find: Find) -> Modes:
    """Answers of ``accountConfig`` and ``symbolConfig``."""
    return Modes(
        is_hedged=_truth(account["dualSidePosition"]),
        is_multi_asset=_truth(account["multiAssetsMargin"]),
        may_trade=_truth(account["canTrade"]),
        margins=tuple(
            (one.symbol, "cross" if row["marginType"].upper().startswith("CROSS") else "isolated", int(row["leverage"]))
            for row in symbols
            if (one := find(row["symbol"])) is not None
        ),
    )


def permissions(row: Row, burn: Row) -> Permissions:
    """Answers of ``apiRestrictions`` and ``feeBurn``."""
    return Permissions(
        may_trade=_truth(row["enableFutures"]),
        may_withdraw=_truth(row["enableWithdrawals"]),
        is_bound_to_address=_truth(row["ipRestrict"]),
        burns_coin=_truth(burn["feeBurn"]),
    )


def _rounded(instrument: Instrument, price: str) -> int:
    """An average price lies between two ticks; the nearest will do."""
    return int((Decimal(price).scaleb(8) / instrument.tick_e8).to_integral_value())


def wallet_row(account: Row, asset: str) -> WalletSeen:
    """Cash of ``asset`` in an answer of ``account``; nothing where it is not listed."""
    row = next((row for row in account["assets"] if row["asset"] == asset), {"walletBalance": "0"})
    return WalletSeen(asset=asset, wallet=minor(row["walletBalance"]), reason="", change=0, symbol="", market_ns=0)
