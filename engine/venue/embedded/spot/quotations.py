"""What anybody may ask of the spot market: symbols, candles, trades, the book and statistics, as Binance answers."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from engine.venue.embedded import quotations as futures
from engine.venue.embedded.listing import Listing
from engine.venue.embedded.parameters import Parameters, refuse
from engine.venue.embedded.spot import beside
from engine.venue.embedded.spot.exchange import AVERAGE_MINUTES, SpotExchange
from engine.venue.embedded.spot.filters import SELF_TRADE_MODES, described
from engine.venue.embedded.spot.orders import TYPES
from engine.venue.embedded.spot.statements import price, quantity

MS = 1_000_000
RATE_LIMITS = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200_000},
    {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61_000},
]
MINI = ("symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume", "openTime", "closeTime")
COUNTS = ("firstId", "lastId", "count")
OF_THE_BOOK = ("prevClosePrice", "lastQty", "bidPrice", "bidQty", "askPrice", "askQty")

Answer = dict[str, Any]


def symbols(spot: SpotExchange, given: Parameters) -> tuple[Sequence[Listing], bool]:
    """The listings of ``symbol`` or ``symbols``, or all; and whether it is one that was asked for."""
    if "symbol" in given:
        return (spot.by_id[given.listing().id],), True
    if "symbols" not in given:
        return spot.listings, False
    try:
        names = orjson.loads(given.text("symbols"))
    except orjson.JSONDecodeError:
        names = None
    if not isinstance(names, list) or not names:
        raise refuse(-1100, "Illegal characters found in parameter 'symbols'.")
    found = [spot.by_id.get(name) for name in names if isinstance(name, str)]
    if len(found) != len(names) or None in found:
        raise refuse(-1121, "Invalid symbol.")
    return [listing for listing in found if listing], False


def each(spot: SpotExchange, written: Callable[[SpotExchange, Listing], Any]) -> Callable[[str, Parameters], Any]:
    """An answer for every symbol that was asked for, a list unless it was one."""

    def answer(_: str, given: Parameters) -> Any:
        listings, alone = symbols(spot, given)
        rows = [written(spot, listing) for listing in listings]
        if "type" in given and given.option("type", ("FULL", "MINI"), (-1130, "Invalid type.")) == "MINI":
            rows = [{name: row[name] for name in (*MINI, *COUNTS)} for row in rows]
        return rows[0] if alone else rows

    return answer


def exchange_info(spot: SpotExchange, given: Parameters, wall_ms: int) -> Answer:
    """The symbols with their filters."""
    listings, _ = symbols(spot, given)
    return {
        "timezone": "UTC",
        "serverTime": wall_ms,
        "rateLimits": RATE_LIMITS,
        "exchangeFilters": [],
        "symbols": [_symbol(listing) for listing in listings],
    }


def _symbol(listing: Listing) -> Answer:
    can = dict.fromkeys(
        (
            "ocoAllowed",
            "otoAllowed",
            "quoteOrderQtyMarketAllowed",
            "allowTrailingStop",
            "cancelReplaceAllowed",
            "amendAllowed",
            "isSpotTradingAllowed",
        ),
        True,
    )
    cannot = dict.fromkeys(("icebergAllowed", "opoAllowed", "pegInstructionsAllowed", "isMarginTradingAllowed"), False)
    return {
        "symbol": listing.id,
        "status": "TRADING",
        "baseAsset": listing.base,
        "baseAssetPrecision": 8,
        "quoteAsset": listing.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": list(TYPES),
        **can,
        **cannot,
        "filters": described(listing),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": list(SELF_TRADE_MODES),
    }


def klines(spot: SpotExchange, given: Parameters) -> list[list[Any]]:
    """Candles, oldest first, with the eight digits of spot."""
    span = futures.span_of(given)
    rows = futures.candle_rows(*beside.candles(spot, given.listing().id, span), span[0])
    return [[row[0], *(_eight(text) for text in row[1:5]), *row[5:]] for row in rows]


def _eight(text: str) -> str:
    whole, _, part = text.partition(".")
    return f"{whole}.{part:0<8}"


def trades(spot: SpotExchange, given: Parameters) -> list[Answer]:
    """The newest trades, oldest first; with ``fromId`` those from there on."""
    rows = [row | {"price": _eight(row["price"]), "isBestMatch": True} for row in futures.trades(spot.market, given)]
    first = given.integer("fromId", 0)
    return [row for row in rows if row["id"] >= first]


def aggregate_trades(spot: SpotExchange, given: Parameters) -> list[Answer]:
    """The newest aggregate trades, oldest first; of the time or from the id that is asked for."""
    first, start_ms = given.integer("fromId", 0), given.integer("startTime", 0)
    end_ms = given.integer("endTime", 2**62)
    rows = [row | {"p": _eight(row["p"]), "M": True} for row in futures.aggregate_trades(spot.market, given)]
    return [row for row in rows if row["a"] >= first and start_ms <= row["T"] <= end_ms]


def average_price(spot: SpotExchange, given: Parameters) -> Answer:
    """The average price of the last minutes."""
    listing = spot.by_id[given.listing().id]
    text = price(listing, spot.average_ticks(listing.id))
    return {"mins": AVERAGE_MINUTES, "price": text, "closeTime": spot.market.now_ns // MS}


def last_price(spot: SpotExchange, listing: Listing) -> Answer:
    """The last price."""
    return {"symbol": listing.id, "price": price(*beside.last_ticks(spot, listing.id))}


def book_ticker(spot: SpotExchange, listing: Listing) -> Answer:
    """Best bid and ask."""
    quote = spot.market.book_ticker(listing.id)
    return {
        "symbol": listing.id,
        "bidPrice": price(listing, quote.bid_ticks),
        "bidQty": quantity(listing, quote.bid_lots),
        "askPrice": price(listing, quote.ask_ticks),
        "askQty": quantity(listing, quote.ask_lots),
    }


def day_statistics(spot: SpotExchange, listing: Listing) -> Answer:
    """The last 24 hours, and the book."""
    whole = futures.day_statistics(spot.market, listing)
    for name in ("priceChange", "lastPrice", "openPrice", "highPrice", "lowPrice", "lastQty"):
        whole[name] = _eight(whole[name])
    return whole | {"prevClosePrice": whole["openPrice"]} | book_ticker(spot, listing)


def window_statistics(spot: SpotExchange, listing: Listing) -> Answer:
    """The same of a rolling window or a trading day, without the book; every window is a day here."""
    whole = day_statistics(spot, listing)
    return {name: value for name, value in whole.items() if name not in OF_THE_BOOK}


def counts(used: int, made: int) -> list[Answer]:
    """The order limits with what was used of them."""
    orders = [limit for limit in RATE_LIMITS if limit["rateLimitType"] == "ORDERS"]
    return [limit | {"count": count} for limit, count in zip(orders, (used, made), strict=True)]
