"""Requests become orders and orders become answers."""

import pytest

from engine.venue.embedded.parameters import Parameters, RefusedError
from engine.venue.embedded.spot.trading import SpotTrading

REST = {
    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1", "price": "90000.0"
}  # fmt: skip


def asked(spot, **given: str) -> Parameters:
    """The parameters of a request."""
    return Parameters(given, spot.market)


def test_cancel_replace_tells_both_halves(opened):
    """Both, none, or one of two: 200, -2022, -2021 with what became of each."""
    spot = opened()
    trading = SpotTrading(spot)
    first = trading.place("me", asked(spot, **REST))
    more = REST | {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": str(first["orderId"])}
    done = trading.replace("me", asked(spot, **more | {"price": "91000.0"}))
    assert (done["cancelResult"], done["newOrderResponse"]["price"]) == ("SUCCESS", "91000.00000000")
    with pytest.raises(RefusedError) as failed:
        trading.replace("me", asked(spot, **more))
    assert (failed.value.refusal.code, failed.value.data["newOrderResult"]) == (-2022, "NOT_ATTEMPTED")
    with pytest.raises(RefusedError) as half:
        trading.replace("me", asked(spot, **more | {"cancelReplaceMode": "ALLOW_FAILURE"}))
    assert (half.value.status, half.value.data["newOrderResult"]) == (409, "SUCCESS")
    assert len(trading.open_orders("me", asked(spot))) == 2


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"side": "HOLD"}, -1117),
        ({"symbol": "NOPE"}, -1121),
        ({"quantity": "abc"}, -1100),
        ({"selfTradePreventionMode": "MAYBE"}, -1013),
        ({"quantity": "0"}, -1013),
    ],
)
def test_what_cannot_be_read_is_refused(opened, given, code):
    """Each with its code, before anything happens."""
    spot = opened()
    with pytest.raises(RefusedError) as refused:
        SpotTrading(spot).place("me", asked(spot, **REST | given))
    assert refused.value.refusal.code == code


def test_history_is_paged_by_id_and_time(opened):
    """From an id on, or the newest."""
    spot = opened()
    trading = SpotTrading(spot)
    ids = [trading.place("me", asked(spot, **REST))["orderId"] for _ in range(3)]
    of = {"symbol": "BTCUSDT"}
    assert [row["orderId"] for row in trading.all_orders("me", asked(spot, **of, orderId=str(ids[1])))] == ids[1:]
    assert [row["orderId"] for row in trading.all_orders("me", asked(spot, **of, limit="1"))] == ids[2:]
    assert trading.all_orders("me", asked(spot, **of, endTime="1")) == []
    assert len(trading.cancel_all("me", asked(spot, **of))) == 3


def test_an_ack_says_less_than_a_full_answer(opened):
    """newOrderRespType chooses; a market order's fills are in FULL."""
    spot = opened()
    market = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}
    full = SpotTrading(spot).place("me", asked(spot, **market))
    ack = SpotTrading(spot).place("me", asked(spot, **market, newOrderRespType="ACK"))
    assert (len(full["fills"]), "fills" in ack, "status" in ack) == (1, False, False)
