"""ccxt.pro on USDT-M futures: candles, trades, book, orders, balance and positions by websocket."""

import asyncio
import json
import sys

import ccxt.pro as ccxt

GIVEN = json.loads(sys.argv[1])
SYMBOL = "BTC/USDT:USDT"


def opened():
    """A client with nothing but addresses changed."""
    given = {"apiKey": GIVEN["key"], "secret": GIVEN["secret"]}
    exchange = ccxt.binanceusdm(given | ({"cafile": GIVEN["pem"]} if GIVEN["pem"] else {}))
    api = exchange.urls["api"]
    for name, url in api.items():
        if isinstance(url, str):
            base = GIVEN["http"] if "fapi" in url else GIVEN["spot_http"]
            api[name] = base + "/" + url.split("://", 1)[1].partition("/")[2]
    api["ws"]["linear"] = api["ws"]["future"] = GIVEN["ws"] + "/ws"
    api["ws"]["ws-api"]["future"] = GIVEN["ws"] + "/ws-fapi/v1"
    return exchange


async def until(watch, wanted):
    """The first of what ``watch`` brings that is wanted."""
    async with asyncio.timeout(20):
        while True:
            for found in await watch():
                if wanted(found):
                    return found


async def main():
    """Listen, trade, hear of it."""
    exchange = opened()
    try:
        await exchange.load_markets()
        assert (await exchange.watch_ohlcv(SYMBOL, "1m"))[-1][4] > 0
        assert (await exchange.watch_trades(SYMBOL))[-1]["price"] > 0
        for _ in range(5):
            book = await exchange.watch_order_book(SYMBOL)
        assert book["bids"][0][0] < book["asks"][0][0]
        orders = asyncio.ensure_future(
            until(lambda: exchange.watch_orders(SYMBOL), lambda one: one["status"] == "closed")
        )
        positions = asyncio.ensure_future(
            until(lambda: exchange.watch_positions([SYMBOL]), lambda one: one["contracts"])
        )
        balance = asyncio.ensure_future(exchange.watch_balance())
        await asyncio.sleep(1.0)
        bought = await exchange.create_order(SYMBOL, "market", "buy", 0.01)
        assert (await orders)["id"] == bought["id"]
        assert (await positions)["contracts"] >= 0.01
        assert (await asyncio.wait_for(balance, 10))["USDT"]["total"] > 0
        await exchange.create_order(SYMBOL, "market", "sell", 0.01, None, {"reduceOnly": True})
        print("candles, trades, book, orders, positions, balance")
    finally:
        await exchange.close()


asyncio.run(main())
print("done")
