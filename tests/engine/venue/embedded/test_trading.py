"""Orders as a client words them."""

import pytest

from engine.venue.embedded.parameters import Parameters, RefusedError
from engine.venue.embedded.trading import Trading

MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
LIMIT = {**MARKET, "type": "LIMIT", "timeInForce": "GTC", "price": "30000"}
STOP = {**MARKET, "side": "SELL", "type": "STOP_MARKET", "algoType": "CONDITIONAL", "triggerPrice": "25000"}


@pytest.fixture
def desk(make_exchange):
    """Call a method of Trading with parameters."""
    exchange = make_exchange()
    exchange.advance()
    trading = Trading(exchange)
    return lambda name, given: getattr(trading, name)("paper", Parameters(given, exchange))


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("place", MARKET | {"type": "STOP_MARKET"}, -4120),
        ("place", MARKET | {"type": "DREAM"}, -1116),
        ("place", MARKET | {"side": "HOLD"}, -1117),
        ("place", MARKET | {"positionSide": "LONG"}, -4061),
        ("place", MARKET | {"positionSide": "LEFT"}, -4060),
        ("place", MARKET | {"selfTradePreventionMode": "EXPIRE_ALL"}, -5039),
        ("place", LIMIT | {"timeInForce": "GTD"}, -1102),
        ("place", LIMIT | {"timeInForce": "GTD", "goodTillDate": "1"}, -5040),
        ("place", LIMIT | {"timeInForce": "GTC", "goodTillDate": "1"}, -1106),
        ("place", LIMIT | {"priceMatch": "QUEUE"}, -1106),
        ("place", LIMIT | {"priceMatch": "BEST", "price": ""}, -5037),
        ("place", LIMIT | {"priceMatch": "QUEUE_20", "price": ""}, -5041),
        ("place", MARKET | {"priceMatch": "QUEUE"}, -5038),
        ("place_algo", STOP | {"workingType": "MOOD"}, -4031),
        ("place", MARKET | {"timeInForce": "SOON"}, -1115),
        ("place", MARKET | {"type": "LIMIT", "timeInForce": "GTC"}, -1102),
        ("place", MARKET | {"type": "LIMIT", "price": "30000"}, -1102),
        ("place", MARKET | {"quantity": ""}, -1102),
        ("check", MARKET | {"type": "STOP_MARKET"}, -4120),
        ("check", MARKET | {"type": "LIMIT", "price": "30000"}, -1102),
        ("check", MARKET | {"positionSide": "LONG"}, -4061),
        ("check", LIMIT | {"price": "90000"}, -4016),
        ("check", LIMIT | {"timeInForce": "GTD", "goodTillDate": "1"}, -5040),
        ("place_algo", STOP | {"algoType": "VP"}, -1130),
        ("place_algo", STOP | {"type": "MARKET"}, -1116),
        ("place_algo", STOP | {"triggerPrice": ""}, -1102),
        ("query", {"symbol": "BTCUSDT"}, -1102),
        ("query", {"symbol": "BTCUSDT", "orderId": "1"}, -2013),
        ("query_algo", {}, -1102),
        ("cancel", {"symbol": "BTCUSDT", "origClientOrderId": "none"}, -2011),
        ("set_leverage", {"symbol": "BTCUSDT", "leverage": "126"}, -4028),
        ("set_margin_type", {"symbol": "BTCUSDT", "marginType": "CROSSED"}, -4046),
        ("set_margin_type", {"symbol": "BTCUSDT", "marginType": "SHARED"}, -1130),
        ("set_position_side", {}, -1102),
        ("set_position_side", {"dualSidePosition": "false"}, -4059),
    ],
)
def test_each_refusal_has_its_code(desk, name, given, code):
    """
    What cannot be done is answered with the exchange's code.
    """
    with pytest.raises(RefusedError) as caught:
        desk(name, given)
    assert caught.value.refusal.code == code


def test_an_order_is_found_by_either_id(desk):
    """
    By order id and by client id it is the same order, and openOrder forgets it when it is filled.
    """
    placed = desk("place", MARKET | {"newClientOrderId": "mine"})
    by_id = desk("query", {"symbol": "BTCUSDT", "orderId": str(placed["orderId"])})
    by_name = desk("query", {"symbol": "BTCUSDT", "origClientOrderId": "mine"})
    assert by_id == by_name == placed
    assert placed["status"] == "FILLED"
    with pytest.raises(RefusedError, match="-2013"):
        desk("query_open", {"symbol": "BTCUSDT", "origClientOrderId": "mine"})
    assert [order["orderId"] for order in desk("all_orders", {"symbol": "BTCUSDT"})] == [placed["orderId"]]


def test_a_conditional_order_lives_apart(desk):
    """
    It is among the algo orders, not among the orders; cancelling all orders leaves it.
    """
    placed = desk("place_algo", STOP | {"clientAlgoId": "stop"})
    assert desk("open_orders", {}) == []
    desk("cancel_all", {"symbol": "BTCUSDT"})
    assert desk("open_algo_orders", {}) == [placed]
    gone = desk("cancel_algo", {"clientAlgoId": "stop"})
    assert (gone["algoId"], gone["code"]) == (placed["algoId"], "200")
    assert desk("query_algo", {"algoId": str(placed["algoId"])})["algoStatus"] == "CANCELED"
    assert [order["algoId"] for order in desk("all_algo_orders", {"symbol": "BTCUSDT"})] == [placed["algoId"]]
    desk("cancel_all_algo", {"symbol": "BTCUSDT"})


def test_settings_are_told(desk):
    """
    Leverage is kept for each contract; brackets and configuration name each of them.
    """
    assert desk("set_leverage", {"symbol": "BTCUSDT", "leverage": "7"})["leverage"] == 7
    assert [row["leverage"] for row in desk("symbol_configuration", {})] == [7, 20]
    assert [row["symbol"] for row in desk("brackets", {})] == ["BTCUSDT", "ETHUSDT"]


def test_a_trial_changes_nothing(desk):
    """
    order/test answers with nothing, leaves no order, and refuses a client id that an open order has.
    """
    assert desk("check", LIMIT | {"price": "29000"}) == {}
    assert desk("open_orders", {}) == []
    desk("place", LIMIT | {"price": "29000", "newClientOrderId": "mine"})
    with pytest.raises(RefusedError, match="-4116"):
        desk("check", LIMIT | {"price": "29000", "newClientOrderId": "mine"})


def test_the_largest_position_follows_from_the_leverage(desk):
    """
    maxNotionalValue is that of the tiers: 100 million at 20x, fifty thousand at 125x, in each answer that has it.
    """
    desk("place", MARKET)
    assert {row["maxNotionalValue"] for row in desk("positions_held", {"symbol": "BTCUSDT"})} == {"100000000"}
    told = desk("set_leverage", {"symbol": "BTCUSDT", "leverage": "125"})
    assert told["maxNotionalValue"] == "50000"
    assert {row["maxNotionalValue"] for row in desk("positions_held", {"symbol": "BTCUSDT"})} == {"50000"}
    assert desk("symbol_configuration", {})[0]["maxNotionalValue"] == "50000"
    assert desk("account", {})["positions"][0]["maxNotional"] == "50000"


def test_a_trailing_stop_tells_where_it_begins_and_how_far_it_trails(desk):
    """
    activatePrice and callbackRate are in its statement, and it has no trigger price; other kinds have neither.
    """
    trailing = STOP | {"type": "TRAILING_STOP_MARKET", "triggerPrice": "", "callbackRate": "1.5"}
    placed = desk("place_algo", trailing | {"activatePrice": "31000"})
    assert (placed["activatePrice"], placed["callbackRate"], placed["triggerPrice"]) == ("31000.0", "1.5", "0.0")
    assert desk("query_algo", {"algoId": str(placed["algoId"])}) == placed
    assert "activatePrice" not in desk("place_algo", STOP)
