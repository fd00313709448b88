"""ccxt.pro on spot: candles, trades, book, orders, fills and balance by websocket, orders by websocket API."""

import asyncio
import json
import sys

import ccxt.pro as ccxt

GIVEN = json.loads(sys.argv[1])
SYMBOL = "BTC/USDT"


def opened():
    """A client with nothing but addresses changed; its spot streams are known by ``/stream`` in the address."""
    options = {"fetchMarkets": {"types": ["spot"]}}
    given = {"apiKey": GIVEN["key"], "secret": GIVEN["secret"], "options": options}
    exchange = ccxt.binance(given | ({"cafile": GIVEN["pem"]} if GIVEN["pem"] else {}))
    api = exchange.urls["api"]
    for name, url in api.items():
        if isinstance(url, str):
            api[name] = GIVEN["spot_http"] + "/" + url.split("://", 1)[1].partition("/")[2]
    api["ws"]["spot"] = GIVEN["spot_ws"] + "/stream-spot/ws"
    api["ws"]["ws-api"]["spot"] = GIVEN["spot_ws"] + "/ws-api/v3"
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
        candles = await exchange.watch_ohlcv(SYMBOL, "1m")
        assert candles[-1][4] > 0
        assert (await exchange.watch_trades(SYMBOL))[-1]["price"] > 0
        assert (await exchange.watch_ticker(SYMBOL))["last"] > 0
        for _ in range(5):
            book = await exchange.watch_order_book(SYMBOL)
        assert book["bids"][0][0] < book["asks"][0][0]
        quote = (await exchange.watch_bids_asks([SYMBOL]))[SYMBOL]
        orders = asyncio.ensure_future(
            until(lambda: exchange.watch_orders(SYMBOL), lambda one: one["status"] == "closed")
        )
        fills = asyncio.ensure_future(until(lambda: exchange.watch_my_trades(SYMBOL), lambda one: one["side"] == "buy"))
        balance = asyncio.ensure_future(exchange.watch_balance())
        await asyncio.sleep(1.0)
        bought = await exchange.create_order(SYMBOL, "market", "buy", 0.01)
        assert (await orders)["id"] == (await fills)["order"] == bought["id"]
        assert (await asyncio.wait_for(balance, 10))["BTC"]["free"] > 0
        price = exchange.price_to_precision(SYMBOL, quote["bid"] * 0.8)
        placed = await exchange.create_order_ws(SYMBOL, "limit", "buy", 0.01, price)
        assert (await exchange.fetch_order_ws(placed["id"], SYMBOL))["status"] == "open"
        assert (await exchange.cancel_order_ws(placed["id"], SYMBOL))["status"] == "canceled"
        # ccxt 4.5.90 leaves the balances of a spot answer unparsed in ``info``.
        assert (await exchange.fetch_balance_ws())["info"]["balances"]
        print("candles, trades, ticker, book, quotes, orders, fills, balance, websocket API")
    finally:
        await exchange.close()


asyncio.run(main())
print("done")
