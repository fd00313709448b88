"""ccxt, asynchronous: spot and USDT-M futures by REST."""

import asyncio
import json
import sys

import ccxt.async_support as ccxt

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
    options = {"fetchMarkets": {"types": ["spot"]}} if kind == "binance" else {}
    given = {"apiKey": GIVEN["key"], "secret": GIVEN["secret"], "options": options}
    exchange = getattr(ccxt, kind)(given | ({"cafile": GIVEN["pem"]} if GIVEN["pem"] else {}))
    redirected(exchange.urls["api"], GIVEN["spot_http"], GIVEN["http"])
    return exchange


async def traded(exchange, symbol):
    """Several requests at once, then an order from birth to cancel."""
    try:
        await exchange.load_markets()
        ticker, candles, book = await asyncio.gather(
            exchange.fetch_ticker(symbol),
            exchange.fetch_ohlcv(symbol, "5m", limit=20),
            exchange.fetch_order_book(symbol, 10),
        )
        assert len(candles) == 20
        assert len(book["bids"]) == 10
        price = exchange.price_to_precision(symbol, ticker["last"] * 0.8)
        order = await exchange.create_order(symbol, "limit", "buy", 0.02, price)
        assert (await exchange.fetch_order(order["id"], symbol))["status"] == "open"
        await exchange.cancel_order(order["id"], symbol)
        assert (await exchange.fetch_order(order["id"], symbol))["status"] == "canceled"
        assert (await exchange.fetch_balance())["USDT"]["free"] > 0
        assert order["id"] not in [one["id"] for one in await exchange.fetch_open_orders(symbol)]
        print(symbol, "ticker, candles, book, order, balance")
    finally:
        await exchange.close()


async def main():
    """Both markets."""
    await traded(opened("binance"), "ETH/USDT")
    await traded(opened("binanceusdm"), "ETH/USDT:USDT")


asyncio.run(main())
print("done")
