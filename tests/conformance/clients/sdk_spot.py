"""binance-sdk-spot, the exchange's own: REST, websocket API and streams of spot."""

import asyncio
import json
import sys

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_sdk_spot.spot import Spot

GIVEN = json.loads(sys.argv[1])
KEYS = {"api_key": GIVEN["key"], "api_secret": GIVEN["secret"]}


def opened():
    """A client with nothing but addresses changed."""
    return Spot(
        config_rest_api=ConfigurationRestAPI(**KEYS, base_path=GIVEN["spot_http"]),
        config_ws_api=ConfigurationWebSocketAPI(**KEYS, stream_url=GIVEN["spot_ws"] + "/ws-api/v3"),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=GIVEN["spot_ws"] + "/stream"),
    )


def rest(client):
    """Market data and an order's life by REST; the last price."""
    api = client.rest_api
    info = api.exchange_info(symbol="BTCUSDT").data()
    assert info.symbols[0].base_asset == "BTC"
    assert len(api.klines(symbol="BTCUSDT", interval="1m", limit=20).data()) == 20
    assert len(api.depth(symbol="BTCUSDT", limit=5).data().bids) == 5
    last = float(api.ticker_price(symbol="BTCUSDT").data().actual_instance.price)
    price = round(last * 0.8, 1)
    placed = api.new_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.01, price=price
    ).data()
    assert placed.status == "NEW"
    assert api.get_order(symbol="BTCUSDT", order_id=placed.order_id).data().is_working
    assert api.delete_order(symbol="BTCUSDT", order_id=placed.order_id).data().status == "CANCELED"
    resting = api.new_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.02, price=price
    ).data()
    amended = api.order_amend_keep_priority(symbol="BTCUSDT", order_id=resting.order_id, new_qty=0.01).data()
    assert amended.amended_order.qty == "0.01000000"
    api.delete_order(symbol="BTCUSDT", order_id=resting.order_id)
    bought = api.new_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=0.01).data()
    assert bought.status == "FILLED"
    assert api.get_account(omit_zero_balances=True).data().balances[0].asset
    assert api.my_trades(symbol="BTCUSDT").data()[-1].order_id == bought.order_id
    print("REST: info, klines, depth, price, orders, amendment, account, trades")
    return last


async def streams(client):
    """A candle and a trade by stream."""
    connection = await client.websocket_streams.create_connection()
    heard = {name: asyncio.get_running_loop().create_future() for name in ("kline", "trade")}

    def hear(name):
        return lambda message: heard[name].done() or heard[name].set_result(message)

    kline = await connection.kline(symbol="btcusdt", interval="1m")
    kline.on("message", hear("kline"))
    trade = await connection.trade(symbol="btcusdt")
    trade.on("message", hear("trade"))
    candle, traded = await asyncio.wait_for(asyncio.gather(heard["kline"], heard["trade"]), 20)
    assert candle.k.s == "BTCUSDT"
    assert float(traded.p) > 0
    await connection.close_connection(close_session=True)
    print("streams: kline, trade")


async def dialogue(client, last):
    """Orders and the account's events by websocket API."""
    connection = await client.websocket_api.create_connection()
    reports = asyncio.Queue()
    answer = await connection.user_data_stream_subscribe_signature()
    answer.stream.on("message", reports.put_nowait)
    placed = (
        await connection.order_place(
            symbol="BTCUSDT", side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.01, price=round(last * 0.8, 1)
        )
    ).data()
    assert placed.result.order_id
    report = (await asyncio.wait_for(reports.get(), 20)).actual_instance
    assert (type(report).__name__, report.X) == ("ExecutionReport", "NEW"), report
    status = (await connection.order_status(symbol="BTCUSDT", order_id=placed.result.order_id)).data()
    assert status.result.status == "NEW"
    pair = {"above_type": "LIMIT_MAKER", "above_price": round(last * 1.2, 1), "below_type": "STOP_LOSS"}
    oco = (
        await connection.order_list_place_oco(
            symbol="BTCUSDT", side="SELL", quantity=0.01, below_stop_price=round(last * 0.8, 1), **pair
        )
    ).data()
    assert oco.result.contingency_type == "OCO"
    names = set()
    while "ListStatus" not in names:
        names.add(type((await asyncio.wait_for(reports.get(), 20)).actual_instance).__name__)
    assert names == {"ExecutionReport", "OutboundAccountPosition", "ListStatus"}
    done = await connection.order_list_cancel(symbol="BTCUSDT", order_list_id=oco.result.order_list_id)
    assert done.data().result.list_order_status == "ALL_DONE"
    gone = (await connection.order_cancel(symbol="BTCUSDT", order_id=placed.result.order_id)).data()
    assert gone.result is not None
    assert (await connection.account_status()).data().result.balances
    assert (await connection.time()).data().result.server_time
    await connection.user_data_stream_unsubscribe()
    await connection.close_connection(close_session=True)
    print("websocket API: user stream, order place, status, cancel, OCO, account, time")


async def main():
    """All three."""
    client = opened()
    last = await asyncio.to_thread(rest, client)
    await streams(client)
    await dialogue(client, last)


asyncio.run(main())
print("done")
