"""Events of the exchange as Binance USDT-M futures writes them on its websockets.

Every function takes an event and the listing of its symbol and returns what
goes on the wire; prices and quantities are decimal text, times milliseconds.
"""

from typing import Any

from engine.venue.embedded import funding
from engine.venue.embedded.events import AccountUpdate, AlgoUpdate, Candle, CandleUpdate, OrderUpdate, Quote, Trade
from engine.venue.embedded.listing import Listing, e8_text
from engine.venue.embedded.market import INTERVALS_NS
from engine.venue.embedded.orders import PRICED, SIDES, Order

MS = 1_000_000
TRADE_IDS = 16  # that a minute of the tape may take
Message = dict[str, Any]
LevelsText = list[tuple[str, str]]


def average_text(listing: Listing, cost: int, lots: int) -> str:
    """The average price of ``lots`` that cost ``cost`` ticks times lots."""
    return e8_text(cost * listing.tick_e8 // lots, 8) if lots else "0.00"


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
            "f": open_ms // 60_000 * TRADE_IDS,
            "L": _minutes_end_ms(update, open_ms, interval) // 60_000 * TRADE_IDS - 1,
            "o": listing.price_text(candle.open),
            "c": listing.price_text(candle.close),
            "h": listing.price_text(candle.high),
            "l": listing.price_text(candle.low),
            "v": e8_text(candle.volume_e8),
            "n": candle.trades,
            "x": closed,
            "q": e8_text(candle.quote_e4 * 10_000),
            "V": e8_text(candle.taker_volume_e8),
            "Q": e8_text(candle.taker_quote_e4 * 10_000),
            "B": "0",
        },
    }


def _minutes_end_ms(update: CandleUpdate, open_ms: int, interval: str) -> int:
    """End of the newest minute in a candle."""
    return min(update.candle.open_ns // MS + 60_000, open_ms + INTERVALS_NS[interval] // MS)


def continuous_kline(message: Message) -> Message:
    """A continuous_kline event out of the perpetual contract's kline event."""
    candle = {name: value for name, value in message["k"].items() if name != "s"}
    return {"e": "continuous_kline", "E": message["E"], "ps": message["s"], "ct": "PERPETUAL", "k": candle}


def aggregate_trade(listing: Listing, trade: Trade) -> Message:
    """An aggTrade event; ``m`` is true when the buyer was the maker."""
    at_ms = trade.at_ns // MS
    return {
        "e": "aggTrade",
        "E": at_ms,
        "a": trade.trade_id,
        "s": listing.id,
        "p": listing.price_text(trade.price_ticks),
        "q": e8_text(trade.volume_e8, max(listing.quantity_decimals, 3)),
        "f": trade.trade_id,
        "l": trade.trade_id,
        "T": at_ms,
        "m": trade.taker_side < 0,
    }


def public_trade(listing: Listing, trade: Trade) -> Message:
    """A trade event."""
    at_ms = trade.at_ns // MS
    return {
        "e": "trade",
        "E": at_ms,
        "T": at_ms,
        "s": listing.id,
        "t": trade.trade_id,
        "p": listing.price_text(trade.price_ticks),
        "q": e8_text(trade.volume_e8, max(listing.quantity_decimals, 3)),
        "X": "MARKET",
        "m": trade.taker_side < 0,
    }


def book_ticker(listing: Listing, quote: Quote) -> Message:
    """A bookTicker event."""
    at_ms = quote.at_ns // MS
    return {
        "e": "bookTicker",
        "u": quote.update_id,
        "s": listing.id,
        "b": listing.price_text(quote.bid_ticks),
        "B": listing.quantity_text(quote.bid_lots),
        "a": listing.price_text(quote.ask_ticks),
        "A": listing.quantity_text(quote.ask_lots),
        "T": at_ms,
        "E": at_ms,
    }


def mark_price(listing: Listing, at_ns: int, marks: funding.Marks) -> Message:
    """A markPriceUpdate event: mark, index and the funding rate as they stand."""
    index = listing.price_text(marks.index_ticks)
    return {
        "e": "markPriceUpdate",
        "E": at_ns // MS,
        "s": listing.id,
        "p": listing.price_text(marks.mark_ticks),
        "i": index,
        "P": index,
        "r": e8_text(marks.rate_e8),
        "T": funding.next_ns(at_ns) // MS,
    }


def depth(listing: Listing, at_ns: int, ids: tuple[int, int, int], bids: LevelsText, asks: LevelsText) -> Message:
    """A depthUpdate event; ``ids`` are first, last and previous last update id."""
    at_ms = at_ns // MS
    first, last, previous = ids
    return {
        "e": "depthUpdate",
        "E": at_ms,
        "T": at_ms,
        "s": listing.id,
        "U": first,
        "u": last,
        "pu": previous,
        "b": bids,
        "a": asks,
    }


def ticker(statistics: Message, at_ns: int) -> Message:
    """A 24hrTicker event out of the REST statistics of the same symbol."""
    return {
        "e": "24hrTicker",
        "E": at_ns // MS,
        "s": statistics["symbol"],
        "p": statistics["priceChange"],
        "P": statistics["priceChangePercent"],
        "w": statistics["weightedAvgPrice"],
        "c": statistics["lastPrice"],
        "Q": statistics["lastQty"],
        "o": statistics["openPrice"],
        "h": statistics["highPrice"],
        "l": statistics["lowPrice"],
        "v": statistics["volume"],
        "q": statistics["quoteVolume"],
        "O": statistics["openTime"],
        "C": statistics["closeTime"],
        "F": statistics["firstId"],
        "L": statistics["lastId"],
        "n": statistics["count"],
    }


def mini_ticker(statistics: Message, at_ns: int) -> Message:
    """A 24hrMiniTicker event out of the same."""
    whole = ticker(statistics, at_ns)
    return {"e": "24hrMiniTicker"} | {name: whole[name] for name in ("E", "s", "c", "o", "h", "l", "v", "q")}


def order_update(listing: Listing, update: OrderUpdate) -> Message:
    """An ORDER_TRADE_UPDATE event."""
    order, fill, at_ms = update.order, update.fill, update.at_ns // MS
    body: Message = {
        "s": listing.id,
        "c": order.client_id,
        "S": SIDES[order.side],
        "o": order.type,
        "f": order.time_in_force,
        "q": listing.quantity_text(order.lots),
        "p": listing.price_text(order.price_ticks),
        "ap": average_text(listing, order.cost, order.lots_filled),
        "sp": "0",
        "x": update.execution,
        "X": order.status,
        "i": order.order_id,
        "l": listing.quantity_text(fill.lots if fill else 0),
        "z": listing.quantity_text(order.lots_filled),
        "L": listing.price_text(fill.price_ticks) if fill else "0",
        "n": e8_text(fill.fee) if fill else "0",
        "N": listing.quote,
        "T": at_ms,
        "t": fill.trade_id if fill else 0,
        "b": _open_notional(listing, order, 1),
        "a": _open_notional(listing, order, -1),
        "m": bool(fill and fill.maker),
        "R": order.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": order.type,
        "ps": order.leg,
        "cp": order.close_position,
        "rp": e8_text(fill.realised) if fill else "0",
        "pP": False,
        "si": order.algo_id,
        "ss": 0,
        "V": order.prevention,
        "pm": order.price_match,
        "gtd": order.good_till_ms,
        "er": str(order.expiry),
    }
    return {"e": "ORDER_TRADE_UPDATE", "E": at_ms, "T": at_ms, "o": body}


def trade_lite(listing: Listing, update: OrderUpdate) -> Message:
    """A TRADE_LITE event: the fill alone, told before the order's own update."""
    order, fill, at_ms = update.order, update.fill, update.at_ns // MS
    assert fill is not None, "only fills are told that way"
    return {
        "e": "TRADE_LITE",
        "E": at_ms,
        "T": at_ms,
        "s": listing.id,
        "q": listing.quantity_text(order.lots),
        "p": listing.price_text(order.price_ticks),
        "m": fill.maker,
        "c": order.client_id,
        "S": SIDES[order.side],
        "L": listing.price_text(fill.price_ticks),
        "l": listing.quantity_text(fill.lots),
        "t": fill.trade_id,
        "i": order.order_id,
    }


def forced_order(listing: Listing, update: OrderUpdate) -> Message:
    """A forceOrder event: somebody's liquidation."""
    order, at_ms = update.order, update.at_ns // MS
    body: Message = {
        "s": listing.id,
        "S": SIDES[order.side],
        "o": order.type,
        "f": order.time_in_force,
        "q": listing.quantity_text(order.lots),
        "p": listing.price_text(order.price_ticks),
        "ap": average_text(listing, order.cost, order.lots_filled),
        "X": order.status,
        "l": listing.quantity_text(update.fill.lots if update.fill else 0),
        "z": listing.quantity_text(order.lots_filled),
        "T": at_ms,
    }
    return {"e": "forceOrder", "E": at_ms, "o": body}


def algo_update(listing: Listing, update: AlgoUpdate) -> Message:
    """An ALGO_UPDATE event."""
    order, at_ms = update.order, update.at_ns // MS
    body: Message = {
        "caid": order.client_id,
        "aid": order.algo_id,
        "at": "CONDITIONAL",
        "o": order.type,
        "s": listing.id,
        "S": SIDES[order.side],
        "ps": order.leg,
        "f": order.time_in_force,
        "q": listing.quantity_text(order.lots),
        "X": order.status,
        "ai": str(order.order_id) if order.order_id else "",
        "ap": average_text(listing, order.cost, order.lots_filled),
        "aq": listing.quantity_text(order.lots_filled),
        "act": ("LIMIT" if order.type in PRICED else "MARKET") if order.order_id else "0",
        "tp": listing.price_text(order.trigger_ticks),
        "p": listing.price_text(order.price_ticks) if order.price_ticks else "0",
        "V": order.prevention,
        "wt": "MARK_PRICE" if order.by_mark else "CONTRACT_PRICE",
        "pm": order.price_match,
        "cp": order.close_position,
        "pP": False,
        "R": order.reduce_only,
        "tt": order.triggered_ns // MS,
        "gtd": order.good_till_ms,
        "rm": order.reason,
    }
    return {"e": "ALGO_UPDATE", "T": at_ms, "E": at_ms, "o": body}


def account_update(listing: Listing | None, update: AccountUpdate) -> Message:
    """An ACCOUNT_UPDATE event: the wallet and the position that changed."""
    at_ms = update.at_ns // MS
    wallet = e8_text(update.wallet)
    positions: list[Message] = []
    if update.position is not None and listing is not None:
        position = update.position
        positions.append(
            {
                "s": listing.id,
                "pa": listing.quantity_text(position.lots),
                "ep": e8_text(position.entry_e8),
                "bep": e8_text(position.entry_e8),
                "cr": "0",
                "up": e8_text(position.unrealised),
                "mt": "isolated" if position.is_isolated else "cross",
                "iw": e8_text(position.isolated),
                "ps": position.leg,
                "ma": listing.quote,
            }
        )
    quote = listing.quote if listing is not None else "USDT"
    balance = {"a": quote, "wb": wallet, "cw": wallet, "bc": e8_text(update.change)}
    return {
        "e": "ACCOUNT_UPDATE",
        "T": at_ms,
        "E": at_ms,
        "a": {"m": update.reason, "B": [balance], "P": positions},
    }


def listen_key_expired(key: str, wall_ms: int) -> Message:
    """A listenKeyExpired event."""
    return {"e": "listenKeyExpired", "E": wall_ms, "listenKey": key}


def server_shutdown(wall_ms: int) -> Message:
    """A serverShutdown event: connect anew, this connection is about to end."""
    return {"e": "serverShutdown", "E": wall_ms}


def _open_notional(listing: Listing, order: Order, side: int) -> str:
    if order.side != side or not order.is_open:
        return "0"
    return e8_text(listing.notional(order.price_ticks, order.lots_left))
