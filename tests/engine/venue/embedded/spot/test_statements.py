"""What REST says of orders, fills and balances."""

from engine.venue.embedded.spot import statements


def test_an_order_is_told_with_eight_digits_and_every_field(opened, placed):
    """Exactly the fields of the exchange's documentation."""
    spot = opened()
    order = placed(spot, 1, "LIMIT", quantity="0.1", price="90000.0", time_in_force="GTC")
    told = statements.order(spot.by_id["BTCUSDT"], order)
    assert (told["price"], told["origQty"]) == ("90000.00000000", "0.10000000")
    assert set(told) == {
        "symbol", "orderId", "orderListId", "clientOrderId", "price", "origQty", "executedQty", "origQuoteOrderQty",
        "cummulativeQuoteQty", "status", "timeInForce", "type", "side", "stopPrice", "icebergQty", "time",
        "updateTime", "isWorking", "workingTime", "selfTradePreventionMode",
    }  # fmt: skip


def test_a_fill_names_the_asset_of_its_fee(opened, placed):
    """A buyer's fee is base."""
    spot = opened()
    placed(spot, 1, "MARKET", quantity="0.1")
    told = statements.fill(spot.by_id["BTCUSDT"], spot.fills("me", "BTCUSDT")[0])
    assert (told["commission"], told["commissionAsset"], told["isBuyer"]) == ("0.00010000", "BTC", True)


def test_an_account_lists_free_and_locked():
    """As text."""
    told = statements.account({"BTC": (1, 2)}, 1000, 0)
    assert told["balances"] == [{"asset": "BTC", "free": "0.00000001", "locked": "0.00000002"}]
    assert told["makerCommission"] == 10
