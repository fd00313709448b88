"""Every path of spot answers over a real socket."""

from tests.engine.venue.embedded.spot.visitor import visited

PUBLIC = [
    "ping", "time", "exchangeInfo", "klines", "uiKlines", "depth", "trades", "historicalTrades", "aggTrades",
    "avgPrice", "ticker/24hr", "ticker/price", "ticker/bookTicker", "ticker/tradingDay", "ticker",
]  # fmt: skip
PRIVATE = ["account", "account/commission", "openOrders", "allOrders", "myTrades", "rateLimit/order", "openOrderList"]


async def test_every_path_answers(make_exchange):
    """Public ones anybody, private ones who signs."""
    async with visited(make_exchange()) as visitor:
        for path in PUBLIC:
            status, _ = await visitor.ask(
                "GET",
                f"/api/v3/{path}",
                signed=False,
                symbol="BTCUSDT",
                **({"interval": "1m"} if "lines" in path else {}),
            )
            assert status == 200, path
        for path in PRIVATE:
            assert (await visitor.ask("GET", f"/api/v3/{path}", symbol="BTCUSDT"))[0] == 200, path
            assert (await visitor.ask("GET", f"/api/v3/{path}", signed=False, symbol="BTCUSDT"))[0] == 400, path


async def test_an_order_lives_and_dies_over_rest(make_exchange):
    """Placed, found, cancelled, unknown."""
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    async with visited(make_exchange()) as visitor:
        status, placed = await visitor.ask("POST", "/api/v3/order", **order, price="20000.0")
        assert (status, placed["status"]) == (200, "NEW")
        of = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
        assert (await visitor.ask("GET", "/api/v3/order", **of))[1]["isWorking"]
        assert (await visitor.ask("DELETE", "/api/v3/order", **of))[1]["status"] == "CANCELED"
        assert (await visitor.ask("DELETE", "/api/v3/order", **of))[1]["code"] == -2011
        of["orderId"] = 1
        assert (await visitor.ask("GET", "/api/v3/order", **of))[1]["code"] == -2013
        assert (await visitor.ask("POST", "/api/v3/order/test", **order, price="20000.0"))[1] == {}


async def test_an_old_listen_key_still_opens_a_user_stream(make_exchange):
    """POST, PUT, DELETE userDataStream and /ws/<listen key>, as clients of before 2026 do."""
    async with visited(make_exchange()) as visitor:
        key = (await visitor.ask("POST", "/api/v3/userDataStream", signed=False))[1]["listenKey"]
        async with visitor.http.ws_connect(f"{visitor.socket_base}/ws/{key}") as mine:
            await visitor.ask("POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
            told = [(await mine.receive_json(timeout=30))["e"] for _ in range(4)]
        assert told == ["executionReport", "outboundAccountPosition"] * 2
        assert (await visitor.ask("DELETE", "/api/v3/userDataStream", signed=False, listenKey=key))[0] == 200
        assert (await visitor.ask("PUT", "/api/v3/userDataStream", signed=False, listenKey=key))[1]["code"] == -1125
