"""Events of the market and of spot accounts as Binance spot writes them on its websockets."""

from typing import Any

from engine.venue.embedded.events import Candle, CandleUpdate, Quote, Trade
from engine.venue.embedded.listing import Listing, e8_text
from engine.venue.embedded.market import INTERVALS_NS
from engine.venue.embedded.orders import SIDES
from engine.venue.embedded.spot.orders import Balances, Execution, ListUpdate, Payment
from engine.venue.embedded.spot.statements import price, quantity

MS = 1_000_000
NOBODY = -1  # an id that does not apply

Message = dict[str, Any]
LevelsText = list[tuple[str, str]]


def kline(listing: Listing, update: CandleUpdate, interval: str, candle: Candle, closed: bool) -> Message:
    """A kline event; ``x`` says whether the candle is final."""
    open_ms = candle.open_ns // MS
    return {
        "e": "kline",
        "E": update.at_ns // MS,
        "s": listing.id,
        "k": {
            "t": open_ms,
            "T": open_ms + INTERVALS_NS[interval] // MS - 1,
            "s": listing.id,
            "i": interval,
            "f": NOBODY,
            "L": NOBODY,
            "o": price(listing, candle.open),
            "c": price(listing, candle.close),
            "h": price(listing, candle.high),
            "l": price(listing, candle.low),
            "v": e8_text(candle.volume_e8),
            "n": candle.trades,
            "x": closed,
            "q": e8_text(candle.quote_e4 * 10_000),
            "V": e8_text(candle.taker_volume_e8),
            "Q": e8_text(candle.taker_quote_e4 * 10_000),
            "B": "0",
        },
    }


def public_trade(listing: Listing, trade: Trade) -> Message:
    """A trade event; ``m`` is true when the buyer was the maker."""
    at_ms = trade.at_ns // MS
    return {
        "e": "trade",
        "E": at_ms,
        "s": listing.id,
        "t": trade.trade_id,
        "p": price(listing, trade.price_ticks),
        "q": e8_text(trade.volume_e8),
        "T": at_ms,
        "m": trade.taker_side < 0,
        "M": True,
    }


def aggregate_trade(listing: Listing, trade: Trade) -> Message:
    """An aggTrade event."""
    whole = public_trade(listing, trade)
    number = whole.pop("t")
    return whole | {"e": "aggTrade", "a": number, "f": number, "l": number}


def book_ticker(listing: Listing, quote: Quote) -> Message:
    """A bookTicker event, which on spot has neither name nor time."""
    return {
        "u": quote.update_id,
        "s": listing.id,
        "b": price(listing, quote.bid_ticks),
        "B": quantity(listing, quote.bid_lots),
        "a": price(listing, quote.ask_ticks),
        "A": quantity(listing, quote.ask_lots),
    }


def depth(listing: Listing, at_ns: int, ids: tuple[int, int], bids: LevelsText, asks: LevelsText) -> Message:
    """A depthUpdate event; ``ids`` are its first and last update id."""
    first, last = ids
    return {"e": "depthUpdate", "E": at_ns // MS, "s": listing.id, "U": first, "u": last, "b": bids, "a": asks}


def partial_depth(update_id: int, bids: LevelsText, asks: LevelsText) -> Message:
    """The top of the book."""
    return {"lastUpdateId": update_id, "bids": bids, "asks": asks}


TICKER = {
    "p": "priceChange",
    "P": "priceChangePercent",
    "w": "weightedAvgPrice",
    "x": "prevClosePrice",
    "c": "lastPrice",
    "Q": "lastQty",
    "b": "bidPrice",
    "B": "bidQty",
    "a": "askPrice",
    "A": "askQty",
    "o": "openPrice",
    "h": "highPrice",
    "l": "lowPrice",
    "v": "volume",
    "q": "quoteVolume",
    "O": "openTime",
    "C": "closeTime",
    "F": "firstId",
    "L": "lastId",
    "n": "count",
}
MINI = ("s", "c", "o", "h", "l", "v", "q")


def ticker(statistics: Message, at_ns: int) -> Message:
    """A 24hrTicker event out of the REST statistics of the same symbol."""
    whole = {"e": "24hrTicker", "E": at_ns // MS, "s": statistics["symbol"]}
    return whole | {short: statistics[name] for short, name in TICKER.items()}


def mini_ticker(statistics: Message, at_ns: int) -> Message:
    """A 24hrMiniTicker event out of the same."""
    whole = ticker(statistics, at_ns)
    return {"e": "24hrMiniTicker", "E": at_ns // MS} | {name: whole[name] for name in MINI}


def average_price(listing: Listing, average_ticks: int, at_ns: int) -> Message:
    """An avgPrice event."""
    text, at_ms = price(listing, average_ticks), at_ns // MS
    return {"e": "avgPrice", "E": at_ms, "s": listing.id, "i": "5m", "w": text, "T": at_ms}


def execution(listing: Listing, told: Execution) -> Message:
    """An executionReport event."""
    order, fill, at_ms = told.order, told.fill, told.at_ns // MS
    name, before = order.client_id, ""
    if told.kind == "CANCELED":
        name, before = told.cancel_id or f"cancel-{order.order_id}", order.client_id
    elif told.kind == "REPLACED":
        before = told.cancel_id
    report: Message = {
        "e": "executionReport",
        "E": at_ms,
        "s": listing.id,
        "c": name,
        "S": SIDES[order.side],
        "o": order.type,
        "f": order.time_in_force,
        "q": quantity(listing, order.lots),
        "p": price(listing, order.price_ticks),
        "P": price(listing, order.stop_ticks),
        "F": "0.00000000",
        "g": order.list_id,
        "C": before,
        "x": told.kind,
        "X": order.status,
        "r": "NONE",
        "i": order.order_id,
        "l": quantity(listing, fill.lots if fill else 0),
        "z": quantity(listing, order.lots_filled),
        "L": price(listing, fill.price_ticks if fill else 0),
        "n": e8_text(fill.fee) if fill else "0",
        "N": fill.fee_asset if fill else None,
        "T": at_ms,
        "t": fill.trade_id if fill else NOBODY,
        "I": told.number,
        "w": order.is_working and order.is_open,
        "m": bool(fill and fill.maker),
        "M": fill is not None,
        "O": order.created_ns // MS,
        "Z": e8_text(order.cost * listing.unit),
        "Y": e8_text(fill.notional if fill else 0),
        "Q": e8_text(order.quote_wanted),
        "V": order.self_trade,
    }
    if order.trailing:
        report["d"] = order.trailing
        if order.trailing_ns:
            report["D"] = order.trailing_ns // MS
    if told.kind == "EXPIRED" and order.never_rests:
        report["eR"] = "INSUFFICIENT_LIQUIDITY"
    return report | ({"W": order.working_ns // MS} if order.is_working else {})


def list_status(told: ListUpdate) -> Message:
    """A listStatus event."""
    one, at_ms = told.list, told.at_ns // MS
    pairs = zip(one.order_ids, told.client_ids, strict=True)
    return {
        "e": "listStatus",
        "E": at_ms,
        "s": one.symbol,
        "g": one.list_id,
        "c": one.contingency,
        "l": told.kind,
        "L": "ALL_DONE" if one.is_done else "EXECUTING",
        "r": "NONE",
        "C": one.client_id,
        "T": at_ms,
        "O": [{"s": one.symbol, "i": order_id, "c": name} for order_id, name in pairs],
    }


def account_position(told: Balances) -> Message:
    """An outboundAccountPosition event."""
    at_ms = told.at_ns // MS
    held = [{"a": asset, "f": e8_text(free), "l": e8_text(locked)} for asset, (free, locked) in told.assets.items()]
    return {"e": "outboundAccountPosition", "E": at_ms, "u": at_ms, "B": held}


def balance_update(told: Payment) -> Message:
    """A balanceUpdate event."""
    at_ms = told.at_ns // MS
    return {"e": "balanceUpdate", "E": at_ms, "a": told.asset, "d": e8_text(told.amount), "T": at_ms}


def stream_terminated(wall_ms: int) -> Message:
    """An eventStreamTerminated event."""
    return {"e": "eventStreamTerminated", "E": wall_ms}


def listen_key_expired(key: str, wall_ms: int) -> Message:
    """A listenKeyExpired event of the old user streams."""
    return {"e": "listenKeyExpired", "E": wall_ms, "listenKey": key}
