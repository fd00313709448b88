"""Order lists over a real socket, as the documentation has them."""

from tests.engine.venue.embedded.spot.visitor import signed, visited

OCO = {
    "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", "aboveType": "LIMIT_MAKER", "abovePrice": "60000",
    "aboveClientOrderId": "up", "belowType": "STOP_LOSS_LIMIT", "belowStopPrice": "20000", "belowPrice": "19000",
    "belowTimeInForce": "GTC", "listClientOrderId": "pair",
}  # fmt: skip
REPORT = {
    "symbol", "orderId", "orderListId", "clientOrderId", "transactTime", "price", "origQty", "executedQty",
    "origQuoteOrderQty", "cummulativeQuoteQty", "status", "timeInForce", "type", "side", "workingTime",
    "selfTradePreventionMode",
}  # fmt: skip


async def test_an_oco_is_placed_found_amended_and_cancelled(make_exchange):
    """Every answer has the documented fields; both orders go together."""
    async with visited(make_exchange()) as visitor:
        status, placed = await visitor.ask("POST", "/api/v3/orderList/oco", **OCO, newOrderRespType="RESULT")
        assert status == 200, placed
        assert (placed["contingencyType"], placed["listStatusType"]) == ("OCO", "EXEC_STARTED")
        above, below = placed["orderReports"]
        assert set(above) == REPORT
        assert set(below) == REPORT | {"stopPrice"}
        assert (above["workingTime"] > 0, below["workingTime"]) == (True, -1)
        of = {"orderListId": placed["orderListId"]}
        found = (await visitor.ask("GET", "/api/v3/orderList", **of))[1]
        assert found == {name: value for name, value in placed.items() if name != "orderReports"}
        assert (await visitor.ask("GET", "/api/v3/openOrderList"))[1] == [found]
        amended = (
            await visitor.ask(
                "PUT", "/api/v3/order/amend/keepPriority", symbol="BTCUSDT", origClientOrderId="up", newQty="0.005"
            )
        )[1]
        assert amended["amendedOrder"]["qty"] == "0.00500000"
        assert amended["listStatus"]["orders"][0]["clientOrderId"] == amended["amendedOrder"]["clientOrderId"] != "up"
        history = (await visitor.ask("GET", "/api/v3/order/amendments", symbol="BTCUSDT", orderId=above["orderId"]))[1]
        assert [(row["origQty"], row["newQty"]) for row in history] == [("0.01000000", "0.00500000")]
        done = (await visitor.ask("DELETE", "/api/v3/orderList", symbol="BTCUSDT", listClientOrderId="pair"))[1]
        assert (done["listOrderStatus"], [row["status"] for row in done["orderReports"]]) == (
            "ALL_DONE",
            ["CANCELED", "CANCELED"],
        )
        gone = await visitor.ask("DELETE", "/api/v3/orderList", symbol="BTCUSDT", listClientOrderId="pair")
        assert gone[1]["code"] == -2011
        assert (await visitor.ask("GET", "/api/v3/allOrderList"))[1][-1]["listStatusType"] == "ALL_DONE"
        assert (await visitor.ask("GET", "/api/v3/orderList", orderListId=77))[1]["code"] == -2013
        assert (await visitor.ask("GET", "/api/v3/allOrderList", fromId=1, startTime=1))[1]["code"] == -1128


async def test_oto_otoco_and_the_old_oco_are_served(make_exchange):
    """Two, three and two orders; the old one knows which is above."""
    working = {
        "symbol": "BTCUSDT", "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "20000",
        "workingQuantity": "0.01", "workingTimeInForce": "GTC", "pendingSide": "SELL", "pendingQuantity": "0.01",
    }  # fmt: skip
    async with visited(make_exchange()) as visitor:
        one = (await visitor.ask("POST", "/api/v3/orderList/oto", **working, pendingType="MARKET"))[1]
        assert [row["status"] for row in one["orderReports"]] == ["NEW", "PENDING_NEW"]
        pair = {
            "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": "60000",
            "pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": "15000",
        }  # fmt: skip
        three = (await visitor.ask("POST", "/api/v3/orderList/otoco", **working, **pair, newOrderRespType="FULL"))[1]
        assert [(row["type"], row["status"]) for row in three["orderReports"]] == [
            ("LIMIT", "NEW"),
            ("LIMIT_MAKER", "PENDING_NEW"),
            ("STOP_LOSS", "PENDING_NEW"),
        ]
        old = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", "price": "60000", "stopPrice": "20000"}
        two = (await visitor.ask("POST", "/api/v3/order/oco", **old))[1]
        assert [row["type"] for row in two["orderReports"]] == ["LIMIT_MAKER", "STOP_LOSS"]
        assert (await visitor.ask("POST", "/api/v3/orderList/oto", **working))[1]["code"] == -1102
        every = (await visitor.ask("DELETE", "/api/v3/openOrders", symbol="BTCUSDT"))[1]
        assert [len(row["orders"]) for row in every] == [2, 3, 2]


async def test_the_websocket_api_places_lists_and_tells_of_them(make_exchange):
    """orderList.place.oco, and listStatus to whoever subscribed."""
    async with (
        visited(make_exchange()) as visitor,
        visitor.http.ws_connect(f"{visitor.socket_base}/ws-api/v3") as socket,
    ):
        for number, (method, given) in enumerate(
            (("userDataStream.subscribe.signature", {}), ("orderList.place.oco", OCO))
        ):
            await socket.send_json({"id": number, "method": method, "params": signed(**given)})
        told = [await socket.receive_json(timeout=30) for _ in range(7)]
        kinds = [one["event"]["e"] for one in told if "event" in one]
        assert kinds == ["executionReport", "outboundAccountPosition"] * 2 + ["listStatus"]
        (answer,) = (one for one in told if one.get("id") == 1)
        assert answer["result"]["orders"][0]["clientOrderId"] == "up"
