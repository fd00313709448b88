"""What anybody may ask: time, contracts, candles, trades, the book and statistics, as Binance answers."""

from decimal import Decimal
from typing import Any

import numpy as np

from engine.venue.embedded import funding
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.listing import Listing, e8_text, e8_texts
from engine.venue.embedded.market import INTERVALS_NS
from engine.venue.embedded.parameters import Parameters

MS = 1_000_000
KLINES_MAX = 1500
PRICES = ("open", "high", "low", "close")
ONBOARD_MS = 1_569_398_400_000
DELIVERY_MS = 4_133_404_800_000
CONTRACT_TYPES = ("PERPETUAL", "CURRENT_QUARTER", "NEXT_QUARTER", "TRADIFI_PERPETUAL")
ORDER_TYPES = ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"]

Answer = dict[str, Any]


def exchange_info(exchange: Exchange, wall_ms: int, limits: list[Answer]) -> Answer:
    """Every contract with its filters."""
    quotes = dict.fromkeys(listing.quote for listing in exchange.listings)
    return {
        "timezone": "UTC",
        "serverTime": wall_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": limits,
        "exchangeFilters": [],
        "assets": [{"asset": quote, "marginAvailable": True, "autoAssetExchange": "-10000"} for quote in quotes],
        "symbols": [_contract(listing) for listing in exchange.listings],
    }


def _contract(listing: Listing) -> Answer:
    return {
        "symbol": listing.id,
        "pair": listing.id,
        "contractType": "PERPETUAL",
        "deliveryDate": DELIVERY_MS,
        "onboardDate": ONBOARD_MS,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
        "marginAsset": listing.quote,
        "pricePrecision": listing.price_decimals,
        "quantityPrecision": listing.quantity_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.020000",
        "marketTakeBound": "0.30",
        "maxMoveOrderLimit": 10000,
        "filters": _filters(listing),
        "orderTypes": ORDER_TYPES,
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": ["GRID", "COPY"],
    }


def _filters(listing: Listing) -> list[Answer]:
    price, quantity = listing.price_text, listing.quantity_text
    least, step = quantity(listing.lots_min), quantity(1)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": price(listing.ticks_min),
            "maxPrice": price(listing.ticks_max),
            "tickSize": price(1),
        },
        {"filterType": "LOT_SIZE", "minQty": least, "maxQty": quantity(listing.lots_max), "stepSize": step},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": least,
            "maxQty": quantity(listing.market_lots_max),
            "stepSize": step,
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 100},
        {"filterType": "MIN_NOTIONAL", "notional": e8_text(listing.notional_min).rstrip("0").rstrip(".")},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500", "multiplierDecimal": "4"},
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]


def klines(exchange: Exchange, parameters: Parameters) -> list[list[Any]]:
    """Candles, oldest first; from ``startTime`` on where it is given, else the newest."""
    return _klines(exchange, parameters, parameters.listing())


def continuous_klines(exchange: Exchange, parameters: Parameters) -> list[list[Any]]:
    """Candles of a pair's contracts of one type, of which there is the perpetual one."""
    pair = parameters.listing("pair")
    parameters.option("contractType", CONTRACT_TYPES, (-1130, "Data sent for parameter 'contractType' is not valid."))
    return _klines(exchange, parameters, pair) if parameters.text("contractType") == "PERPETUAL" else []


def mark_klines(exchange: Exchange, parameters: Parameters, name: str) -> list[list[Any]]:
    """Candles of the mark or the index, both the last price: no volume, and seconds where trades would be."""
    rows = _klines(exchange, parameters, parameters.listing(name))
    return [[*row[:5], "0", row[6], "0", (row[6] + 1 - row[0]) // 1000, "0", "0", "0"] for row in rows]


def premium_klines(exchange: Exchange, parameters: Parameters) -> list[list[Any]]:
    """Candles of the premium of the mark over the index: there is none."""
    return [[row[0], *["0.00000000"] * 4, *row[5:]] for row in mark_klines(exchange, parameters, "symbol")]


def _klines(exchange: Exchange, parameters: Parameters, listing: Listing) -> list[list[Any]]:
    span = span_of(parameters)
    return candle_rows(listing, exchange.klines(listing.id, *span), span[0])


def span_of(parameters: Parameters) -> tuple[str, int | None, int | None, int]:
    """Which candles are asked for: interval, from, to, how many."""
    interval = parameters.interval()
    limit = parameters.limit(500, KLINES_MAX)
    start_ns = parameters.time_ns("startTime", 0) if "startTime" in parameters else None
    end_ns = parameters.time_ns("endTime", 0) if "endTime" in parameters else None
    return interval, start_ns, end_ns, limit


def candle_rows(listing: Listing, found: np.ndarray, interval: str) -> list[list[Any]]:
    """CANDLE records as they are written."""
    length_ms = INTERVALS_NS[interval] // MS
    opens_ms = (found["open_ns"] // MS).tolist()
    columns = [
        opens_ms,
        *(
            e8_texts((ticks * listing.tick_e8 for ticks in found[name].tolist()), listing.price_decimals)
            for name in PRICES
        ),
        e8_texts(found["volume_e8"].tolist()),
        [open_ms + length_ms - 1 for open_ms in opens_ms],
        e8_texts(quote_e4 * 10_000 for quote_e4 in found["quote_e4"].tolist()),
        found["trades"].tolist(),
        e8_texts(found["taker_volume_e8"].tolist()),
        e8_texts(quote_e4 * 10_000 for quote_e4 in found["taker_quote_e4"].tolist()),
        ["0"] * len(opens_ms),
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def trades(exchange: Exchange, parameters: Parameters) -> list[Answer]:
    """The newest trades, oldest first."""
    listing = parameters.listing()
    return [
        {
            "id": trade.trade_id,
            "price": listing.price_text(trade.price_ticks),
            "qty": e8_text(trade.volume_e8),
            "quoteQty": e8_text(trade.volume_e8 * trade.price_ticks * listing.tick_e8 // 10**8),
            "time": trade.at_ns // MS,
            "isBuyerMaker": trade.taker_side < 0,
        }
        for trade in exchange.recent_trades(listing.id, parameters.limit(500, 1000))
    ]


def aggregate_trades(exchange: Exchange, parameters: Parameters) -> list[Answer]:
    """The newest aggregate trades, oldest first."""
    listing = parameters.listing()
    return [
        {
            "a": trade.trade_id,
            "p": listing.price_text(trade.price_ticks),
            "q": e8_text(trade.volume_e8),
            "f": trade.trade_id,
            "l": trade.trade_id,
            "T": trade.at_ns // MS,
            "m": trade.taker_side < 0,
        }
        for trade in exchange.recent_trades(listing.id, parameters.limit(500, 1000))
    ]


def funding_rates(exchange: Exchange, parameters: Parameters) -> list[Answer]:
    """Funding that was charged, oldest first: from ``startTime`` on where it is given, else the newest."""
    limit = parameters.limit(100, 1000)
    start_ns, end_ns = parameters.time_ns("startTime", 0), parameters.time_ns("endTime", 2**62)
    paid = [(rate, listing) for listing in parameters.listings() for rate in exchange.funding_rates(listing.id)]
    rows = [
        {
            "symbol": listing.id,
            "fundingTime": rate.at_ns // MS,
            "fundingRate": e8_text(rate.rate_e8),
            "markPrice": listing.price_text(rate.mark_ticks),
        }
        for rate, listing in sorted(paid, key=lambda one: one[0].at_ns)
        if start_ns <= rate.at_ns <= end_ns
    ]
    return rows[:limit] if "startTime" in parameters else rows[-limit:]


def constituents(exchange: Exchange, parameters: Parameters) -> Answer:
    """What the index is made of: this exchange alone."""
    listing = parameters.listing()
    last = listing.price_text(exchange.last_ticks(listing.id))
    one = {"exchange": "binance", "symbol": listing.id, "price": last, "weight": "1.00000000"}
    return {"symbol": listing.id, "time": exchange.now_ns // MS, "constituents": [one]}


def book_ticker(exchange: Exchange, listing: Listing) -> Answer:
    """Best bid and ask."""
    quote = exchange.book_ticker(listing.id)
    return {
        "symbol": listing.id,
        "bidPrice": listing.price_text(quote.bid_ticks),
        "bidQty": listing.quantity_text(quote.bid_lots),
        "askPrice": listing.price_text(quote.ask_ticks),
        "askQty": listing.quantity_text(quote.ask_lots),
        "time": quote.at_ns // MS,
        "lastUpdateId": quote.update_id,
    }


def price(exchange: Exchange, listing: Listing) -> Answer:
    """The last price."""
    last = listing.price_text(exchange.last_ticks(listing.id))
    return {"symbol": listing.id, "price": last, "time": exchange.now_ns // MS}


def premium_index(exchange: Exchange, listing: Listing) -> Answer:
    """Mark and index, and the rate that would be paid now: the exchange's lastFundingRate runs ahead, so does ours."""
    marks = exchange.marks(listing.id)
    index, is_charged = listing.price_text(marks.index_ticks), exchange.settings.pays_funding
    return {
        "symbol": listing.id,
        "markPrice": listing.price_text(marks.mark_ticks),
        "indexPrice": index,
        "estimatedSettlePrice": index,
        "lastFundingRate": e8_text(marks.rate_e8),
        "interestRate": e8_text(funding.INTEREST_E8 if is_charged else 0),
        "nextFundingTime": funding.next_ns(exchange.now_ns) // MS,
        "time": exchange.now_ns // MS,
    }


def day_statistics(exchange: Exchange, listing: Listing) -> Answer:
    """The last 24 hours, from hourly candles."""
    rows = exchange.klines(listing.id, "1h", None, None, 24)
    last = exchange.last_ticks(listing.id)
    first = int(rows["open"][0]) if len(rows) else last
    volume_e8, quote_e4 = int(rows["volume_e8"].sum()), int(rows["quote_e4"].sum())
    weighted = Decimal(quote_e4) * 10_000 / volume_e8 if volume_e8 else Decimal(0)
    change = last - first
    percent = Decimal(100 * change) / first if first else Decimal(0)
    open_ns = int(rows["open_ns"][0]) if len(rows) else exchange.now_ns
    return {
        "symbol": listing.id,
        "priceChange": ("-" if change < 0 else "") + listing.price_text(abs(change)),
        "priceChangePercent": f"{percent:.3f}",
        "weightedAvgPrice": f"{weighted:.8f}",
        "lastPrice": listing.price_text(last),
        "lastQty": listing.quantity_text(1),
        "openPrice": listing.price_text(first),
        "highPrice": listing.price_text(int(rows["high"].max()) if len(rows) else last),
        "lowPrice": listing.price_text(int(rows["low"].min()) if len(rows) else last),
        "volume": e8_text(volume_e8),
        "quoteVolume": e8_text(quote_e4 * 10_000),
        "openTime": open_ns // MS,
        "closeTime": exchange.now_ns // MS,
        "firstId": 0,
        "lastId": 0,
        "count": int(rows["trades"].sum()),
    }
