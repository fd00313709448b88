"""The websocket API of spot over a real socket."""

from tests.engine.venue.embedded.spot.visitor import signed, visited

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}


async def test_an_order_and_its_events_on_one_connection(make_exchange):
    """Subscribed by signature: the report and the balances arrive wrapped, until unsubscribed."""
    async with (
        visited(make_exchange()) as visitor,
        visitor.http.ws_connect(f"{visitor.socket_base}/ws-api/v3") as socket,
    ):

        async def said(method: str, wanted: int = 1, **params: object) -> list[dict[str, object]]:
            await socket.send_json({"id": "1", "method": method, "params": params})
            return [await socket.receive_json(timeout=30) for _ in range(wanted)]

        assert (await said("userDataStream.subscribe.signature", **signed()))[0]["result"] == {"subscriptionId": 0}
        assert (await said("userDataStream.subscribe.signature", **signed()))[0]["error"]["code"] == -2035
        told = await said("order.place", 3, **signed(**ORDER, price="20000.0"))
        assert [one["event"]["e"] for one in told[:2]] == ["executionReport", "outboundAccountPosition"]
        number = told[2]["result"]["orderId"]
        assert (await said("order.status", **signed(symbol="BTCUSDT", orderId=number)))[0]["status"] == 200
        gone = await said("order.cancel", 3, **signed(symbol="BTCUSDT", orderId=number))
        assert gone[0]["event"]["x"] == gone[2]["result"]["status"] == "CANCELED"
        ended = await said("userDataStream.unsubscribe", 2)
        assert ended[0]["event"]["e"] == "eventStreamTerminated"
        assert (await said("userDataStream.unsubscribe", subscriptionId=0))[0]["error"]["code"] == -2036


async def test_public_methods_and_errors(make_exchange):
    """Anybody may ask for the market; what is wrong has its code, and a wrong signature is refused."""
    async with (
        visited(make_exchange()) as visitor,
        visitor.http.ws_connect(f"{visitor.socket_base}/ws-api/v3") as socket,
    ):

        async def said(method: object, params: object = None) -> dict[str, object]:
            await socket.send_json({"id": 7, "method": method, "params": params})
            return await socket.receive_json(timeout=30)

        for method in ("ping", "time", "exchangeInfo", "ticker.price", "ticker.book", "ticker.24hr"):
            assert (await said(method))["status"] == 200, method
        assert len((await said("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 5}))["result"]) == 5
        assert (await said("order.fly"))["error"]["code"] == -1000
        assert (await said(5))["error"]["code"] == -1135
        assert (await said("account.status", signed() | {"signature": "0" * 64}))["error"]["code"] == -1022
        assert (await said("account.status"))["error"]["code"] == -2014
        assert (await said("userDataStream.subscribe"))["error"]["code"] == -2015


async def test_a_session_needs_no_more_signatures(make_exchange):
    """After session.logon the account is known, after session.logout it is not."""
    async with (
        visited(make_exchange()) as visitor,
        visitor.http.ws_connect(f"{visitor.socket_base}/ws-api/v3") as socket,
    ):

        async def said(method: str, **params: object) -> dict[str, object]:
            await socket.send_json({"id": "s", "method": method, "params": params})
            return await socket.receive_json(timeout=30)

        assert (await said("session.logon", **signed()))["result"]["apiKey"]
        now = signed()["timestamp"]
        assert (await said("account.status", timestamp=now, omitZeroBalances=True))["result"]["balances"]
        assert (await said("userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
        assert (await said("session.status"))["result"]["userDataStream"] is True
        assert (await said("session.logout"))["result"]["apiKey"] is None
        assert (await said("account.status", timestamp=now))["error"]["code"] == -2014
