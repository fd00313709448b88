"""binance-sdk-derivatives-trading-usds-futures, the exchange's own: REST, websocket API and streams of futures."""

import asyncio
import json
import sys

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import DerivativesTradingUsdsFutures

GIVEN = json.loads(sys.argv[1])
KEYS = {"api_key": GIVEN["key"], "api_secret": GIVEN["secret"]}


def opened():
    """A client with nothing but addresses changed."""
    return DerivativesTradingUsdsFutures(
        config_rest_api=ConfigurationRestAPI(**KEYS, base_path=GIVEN["http"]),
        config_ws_api=ConfigurationWebSocketAPI(**KEYS, stream_url=GIVEN["ws"] + "/ws-fapi/v1"),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=GIVEN["ws"] + "/stream"),
    )


def rest(api):
    """Market data and an order's life by REST; the last price."""
    assert api.exchange_information().data().symbols[0].symbol
    candles = api.kline_candlestick_data(symbol="BTCUSDT", interval="1m", limit=20).data()
    assert len(candles) == 20
    assert len(api.order_book(symbol="BTCUSDT", limit=5).data().bids) == 5
    last = float(candles[-1][4])
    placed = api.new_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.01, price=round(last * 0.8, 1)
    ).data()
    assert placed.status == "NEW"
    assert api.query_order(symbol="BTCUSDT", order_id=placed.order_id).data().status == "NEW"
    assert api.cancel_order(symbol="BTCUSDT", order_id=placed.order_id).data().status == "CANCELED"
    assert api.account_information_v3().data().assets[0].asset == "USDT"
    print("REST: info, klines, depth, orders, account")
    return last


async def streams(client):
    """A candle, a trade and the account's own events by stream."""
    loop = asyncio.get_running_loop()
    connection = await client.websocket_streams.create_connection()
    heard = {name: loop.create_future() for name in ("kline", "trade", "own")}

    def hear(name):
        return lambda message: heard[name].done() or heard[name].set_result(message)

    kline = await connection.kline_candlestick_streams(symbol="btcusdt", interval="1m")
    kline.on("message", hear("kline"))
    trade = await connection.aggregate_trade_streams(symbol="btcusdt")
    trade.on("message", hear("trade"))
    key = (await asyncio.to_thread(client.rest_api.start_user_data_stream)).data().listen_key
    own = await connection.user_data(key)
    own.on("message", hear("own"))
    await asyncio.sleep(0.5)
    place = client.rest_api.new_order
    bought = await asyncio.to_thread(lambda: place(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=0.01).data())
    assert bought.order_id
    candle, _, told = await asyncio.wait_for(asyncio.gather(*heard.values()), 20)
    assert candle.k.s == "BTCUSDT"
    assert told is not None
    await asyncio.to_thread(
        lambda: place(symbol="BTCUSDT", side="SELL", type="MARKET", quantity=0.01, reduce_only="true")
    )
    await connection.close_connection(close_session=True)
    print("streams: kline, aggTrade, user data")


async def main():
    """Both."""
    client = opened()
    await asyncio.to_thread(rest, client.rest_api)
    await streams(client)


asyncio.run(main())
print("done")
