"""ccxt, synchronous: spot and USDT-M futures by REST."""

import json
import sys

import ccxt

GIVEN = json.loads(sys.argv[1])


def redirected(urls, spot, futures):
    """Every address replaced by its loopback one."""
    for name, url in urls.items():
        if isinstance(url, dict):
            redirected(url, spot, futures)
        elif isinstance(url, str) and "://" in url:
            path = url.split("://", 1)[1].partition("/")[2]
            urls[name] = f"{futures if 'fapi' in url else spot}/{path}"


def opened(kind):
    """A client with nothing but addresses changed."""
    keys = {"apiKey": GIVEN["key"], "secret": GIVEN["secret"], "requests_trust_env": True}
    exchange = getattr(ccxt, kind)(
        keys | {"options": {"fetchMarkets": {"types": ["spot"]}} if kind == "binance" else {}}
    )
    redirected(exchange.urls["api"], GIVEN["spot_http"], GIVEN["http"])
    return exchange


def spot():
    """Market data and the life of spot orders."""
    exchange = opened("binance")
    markets = exchange.load_markets()
    assert markets["BTC/USDT"]["spot"], "BTC/USDT is a spot market"
    candles = exchange.fetch_ohlcv("BTC/USDT", "1m", limit=50)
    assert len(candles) == 50
    assert all(row[3] <= row[4] <= row[2] for row in candles), "a close lies between low and high"
    book, last = exchange.fetch_order_book("BTC/USDT"), exchange.fetch_ticker("BTC/USDT")["last"]
    assert book["bids"][0][0] < book["asks"][0][0]
    before = exchange.fetch_balance()
    bought = exchange.create_order("BTC/USDT", "market", "buy", 0.01)
    assert (bought["status"], bought["filled"]) == ("closed", 0.01), bought
    resting = exchange.create_order(
        "BTC/USDT", "limit", "buy", 0.01, exchange.price_to_precision("BTC/USDT", last * 0.8)
    )
    assert resting["status"] == "open"
    assert resting["id"] in [order["id"] for order in exchange.fetch_open_orders("BTC/USDT")]
    assert exchange.fetch_balance()["USDT"]["used"] > 0
    edited = exchange.edit_order(
        resting["id"], "BTC/USDT", "limit", "buy", 0.02, exchange.price_to_precision("BTC/USDT", last * 0.7)
    )
    assert exchange.fetch_order(resting["id"], "BTC/USDT")["status"] == "canceled"
    assert exchange.cancel_order(edited["id"], "BTC/USDT")["status"] == "canceled"
    stop = exchange.create_order(
        "BTC/USDT",
        "limit",
        "sell",
        0.01,
        exchange.price_to_precision("BTC/USDT", last * 0.69),
        {"stopLossPrice": exchange.price_to_precision("BTC/USDT", last * 0.7)},
    )
    assert exchange.cancel_order(stop["id"], "BTC/USDT")["status"] == "canceled"
    assert exchange.fetch_my_trades("BTC/USDT")[-1]["fee"]["currency"] == "BTC", "a buyer pays in what he gets"
    after = exchange.fetch_balance()
    assert round(after["BTC"]["total"] - before["BTC"]["total"], 8) == 0.00999
    exchange.create_order("BTC/USDT", "market", "sell", 0.01)
    try:
        exchange.create_order("BTC/USDT", "limit", "sell", 5000, exchange.price_to_precision("BTC/USDT", last * 1.2))
    except (ccxt.InsufficientFunds, ccxt.ExchangeError) as error:
        print("refused:", type(error).__name__, error)
    else:
        raise AssertionError("sold what it does not have")
    print("spot: markets, candles, book, orders, stop, replace, balances, trades")


def futures():
    """Market data and the life of futures orders."""
    exchange = opened("binanceusdm")
    exchange.load_markets()
    symbol = "BTC/USDT:USDT"
    assert len(exchange.fetch_ohlcv(symbol, "1m", limit=50)) == 50
    last = exchange.fetch_ticker(symbol)["last"]
    bought = exchange.create_order(symbol, "market", "buy", 0.01)
    assert exchange.fetch_order(bought["id"], symbol)["status"] == "closed"
    assert exchange.fetch_positions([symbol])[0]["contracts"] == 0.01
    resting = exchange.create_order(symbol, "limit", "buy", 0.01, exchange.price_to_precision(symbol, last * 0.8))
    assert resting["id"] in [order["id"] for order in exchange.fetch_open_orders(symbol)]
    exchange.cancel_order(resting["id"], symbol)
    stop = exchange.create_order(
        symbol,
        "market",
        "sell",
        0.01,
        None,
        {"stopLossPrice": exchange.price_to_precision(symbol, last * 0.7), "reduceOnly": True},
    )
    exchange.cancel_order(stop["id"], symbol, {"trigger": True})
    exchange.create_order(symbol, "market", "sell", 0.01, None, {"reduceOnly": True})
    assert not [one for one in exchange.fetch_positions([symbol]) if one["contracts"]]
    assert exchange.fetch_balance()["USDT"]["total"] > 0
    print("futures: candles, ticker, orders, stop, positions, balance")


spot()
futures()
print("done")
