"""The printed lines are options that work."""

import asyncio
import json
import re

import ccxt.async_support
import ccxt.pro

from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from engine.venue.embedded.signing import Key, fresh_key
from engine.venue.embedded.synthetic import SyntheticMarket
from orchestrator import addresses

SYMBOL = "BTC/USDT:USDT"


async def test_the_line_for_ccxt_leads_to_orders_and_streams():
    """
    With nothing but the printed lines, ccxt.pro trades over REST and websocket, and hears candles and orders.
    """
    key, secret = fresh_key()
    exchange = Exchange(SyntheticMarket(1, 1_763_683_200 * 10**9), Settings())
    exchange.deposit("paper", 10_000 * 10**8)
    server = Server(exchange, Plan(keys={key: Key(secret, "paper")}, speed=Speed.parse("step")))
    ports = await server.start()
    printed = "\n".join(addresses.lines(ports.plain, ports.tls, (SYMBOL,)))
    text = printed.split("ccxt, ccxt.pro\n")[1].split("\npython-binance")[0]
    scope = {"ccxt": ccxt, "KEY": key, "SECRET": secret, "re": re, "json": json}
    exec("\n".join(line.strip() for line in text.splitlines()), scope)
    client = scope["exchange"]
    try:
        resting = await client.create_order(SYMBOL, "limit", "buy", 0.01, 20_000)
        changed = await client.edit_order(resting["id"], SYMBOL, "limit", "buy", 0.01, 21_000)
        assert (changed["id"], changed["price"]) == (resting["id"], 21_000)
        traded = await client.create_order_ws(SYMBOL, "market", "buy", 0.01)
        assert traded["status"] == "closed"
        gone = await client.cancel_order_ws(resting["id"], SYMBOL)
        assert gone["status"] == "canceled"
        hearing = asyncio.create_task(client.watch_ohlcv(SYMBOL, "1m"))
        for _ in range(50):
            await asyncio.sleep(0.05)
            server.pace.step(1)
            if hearing.done():
                break
        assert len(await hearing) >= 1
    finally:
        await client.close()
        await server.close()
