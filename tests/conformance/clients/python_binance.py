"""python-binance: spot and USDT-M futures by REST and websocket; it has class attributes for addresses."""

import asyncio
import json
import sys

from binance import AsyncClient, BinanceSocketManager
from binance.base_client import BaseClient
from binance.exceptions import BinanceAPIException
from binance.ws.reconnecting_websocket import ReconnectingWebsocket

GIVEN = json.loads(sys.argv[1])
BaseClient.API_URL = GIVEN["spot_http"] + "/api"
BaseClient.MARGIN_API_URL = GIVEN["spot_http"] + "/sapi"
BaseClient.FUTURES_URL = GIVEN["http"] + "/fapi"
BaseClient.WS_API_URL = GIVEN["spot_ws"] + "/ws-api/v3"
BaseClient.WS_FUTURES_URL = GIVEN["ws"] + "/ws-fapi/v1"
BinanceSocketManager.STREAM_URL = GIVEN["spot_ws"] + "/"
BinanceSocketManager.FSTREAM_URL = GIVEN["ws"] + "/"
# It closes a socket only when a message comes or ten seconds were silent, and an account is silent: two such waits.
ReconnectingWebsocket.TIMEOUT = 3


async def first(socket, wanted):
    """The first message that is wanted."""
    async with asyncio.timeout(20):
        while True:
            message = await socket.recv()
            if wanted(message):
                return message


async def refusal(asked):
    """Code and message of what must be refused."""
    try:
        await asked
    except BinanceAPIException as error:
        return error.code, error.message
    return None


async def spot(client, manager):
    """Market data, orders and the user stream of spot."""
    assert (await client.get_symbol_info("BTCUSDT"))["baseAsset"] == "BTC"
    assert len(await client.get_klines(symbol="BTCUSDT", interval="1m", limit=20)) == 20
    last = float((await client.get_symbol_ticker(symbol="BTCUSDT"))["price"])
    async with manager.kline_socket("BTCUSDT") as candles, manager.trade_socket("BTCUSDT") as trades:
        assert (await first(candles, lambda one: one.get("e") == "kline"))["k"]["s"] == "BTCUSDT"
        assert float((await first(trades, lambda one: one.get("e") == "trade"))["p"]) > 0
    async with manager.depth_socket("BTCUSDT", depth="5") as book:
        assert len((await first(book, lambda one: "bids" in one))["bids"]) == 5
    async with manager.user_socket() as mine:
        placed = await client.order_limit_buy(symbol="BTCUSDT", quantity="0.010", price=f"{last * 0.8:.1f}")
        report = await first(mine, lambda one: one.get("e") == "executionReport" and one["i"] == placed["orderId"])
        assert report["X"] == "NEW"
        await client.cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])
        assert (await first(mine, lambda one: one.get("x") == "CANCELED"))["C"] == placed["clientOrderId"]
        await lists(client, mine, last)
    bought = await client.order_market_buy(symbol="BTCUSDT", quoteOrderQty="1000")
    assert bought["status"] == "FILLED"
    assert bought["fills"][0]["commissionAsset"] == "BTC"
    assert (await client.get_my_trades(symbol="BTCUSDT"))[-1]["orderId"] == bought["orderId"]
    assert await client.create_test_order(symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.010") == {}
    refused = await refusal(client.order_limit_buy(symbol="BTCUSDT", quantity="0.010", price=f"{last * 9:.1f}"))
    assert refused == (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE")
    account = await client.ws_get_account() if hasattr(client, "ws_get_account") else await client.get_account()
    assert {"asset", "free", "locked"} <= account["balances"][0].keys()
    print("spot: info, klines, streams, user stream, limit, market by quote, trades, test order, refusal, account")


async def lists(client, mine, last):
    """An OCO by REST, its listStatus on the user stream, an order by websocket API."""
    pair = {"aboveType": "LIMIT_MAKER", "abovePrice": f"{last * 1.2:.1f}", "belowType": "STOP_LOSS"}
    given = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.010", "belowStopPrice": f"{last * 0.8:.1f}"}
    one = await client.create_oco_order(**given, **pair)
    told = await first(mine, lambda event: event.get("e") == "listStatus")
    assert (told["g"], told["l"]) == (one["orderListId"], "EXEC_STARTED")
    assert [row["orderListId"] for row in await client.get_open_oco_orders()] == [one["orderListId"]]
    await client.v3_delete_order_list(symbol="BTCUSDT", orderListId=one["orderListId"])
    assert (await first(mine, lambda event: event.get("e") == "listStatus"))["L"] == "ALL_DONE"
    placed = await client.ws_create_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.010", price=f"{last * 0.8:.1f}"
    )
    assert (await client.ws_get_order(symbol="BTCUSDT", orderId=placed["orderId"]))["status"] == "NEW"
    assert (await client.ws_cancel_order(symbol="BTCUSDT", orderId=placed["orderId"]))["status"] == "CANCELED"


async def futures(client, manager):
    """Market data, orders and the user stream of futures."""
    assert len(await client.futures_klines(symbol="BTCUSDT", interval="1m", limit=20)) == 20
    async with manager.aggtrade_futures_socket("BTCUSDT") as trades:
        assert (await first(trades, lambda one: "data" in one))["data"]["e"] == "aggTrade"
    async with manager.futures_user_socket() as mine:
        bought = await client.futures_create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.010")
        update = await first(mine, lambda one: one.get("e") == "ORDER_TRADE_UPDATE" and one["o"]["x"] == "TRADE")
        assert update["o"]["i"] == bought["orderId"]
    positions = await client.futures_position_information(symbol="BTCUSDT")
    assert float(positions[0]["positionAmt"]) >= 0.01
    await client.futures_create_order(symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.010", reduceOnly="true")
    print("futures: klines, streams, user stream, orders, positions")


async def main():
    """Both markets."""
    client = await AsyncClient.create(GIVEN["key"], GIVEN["secret"])
    manager = BinanceSocketManager(client)
    try:
        await spot(client, manager)
        await futures(client, manager)
    finally:
        await client.close_connection()


asyncio.run(main())
print("done")
