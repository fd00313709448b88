"""Orders that are changed, sent by the basket, or cancelled by a countdown."""

import asyncio

import orjson
import pytest

from engine.venue.embedded.amendments import Amendments, Baskets, Countdowns
from engine.venue.embedded.parameters import Parameters, RefusedError
from engine.venue.embedded.trading import Trading


class Counter:
    """An exchange at 100,000.0 and everything that changes orders on it."""

    def __init__(self, exchange) -> None:
        self.exchange = exchange
        trading = Trading(exchange)
        self.amendments = Amendments(exchange, trading)
        self.baskets = Baskets(exchange, trading, self.amendments)
        self.trading = trading

    def given(self, **values: str) -> Parameters:
        """Parameters about BTCUSDT."""
        return Parameters({"symbol": "BTCUSDT"} | values, self.exchange)

    def rest(self, price: str, **more: str) -> int:
        """Place a limit order to buy; its id."""
        order = {"side": "BUY", "type": "LIMIT", "quantity": "0.010", "price": price, "timeInForce": "GTC"} | more
        return self.trading.place("me", self.given(**order))["orderId"]


@pytest.fixture
def counter(opened):
    """A fresh one."""
    return Counter(opened())


def code(act) -> int:
    """Return the code that ``act`` is refused with."""
    with pytest.raises(RefusedError) as caught:
        act()
    return caught.value.refusal.code


def test_a_modified_order_keeps_its_id(counter):
    """
    Price and quantity change, once; the same again, a market order's and a stranger's are refused.
    """
    number = counter.rest("90000.0")
    wanted = counter.given(orderId=str(number), side="BUY", quantity="0.020", price="91000.0")
    after = counter.amendments.modify("me", wanted)
    assert (after["orderId"], after["price"], after["origQty"], after["status"]) == (number, "91000.0", "0.020", "NEW")
    assert [event.execution for event in counter.exchange.drain()] == ["NEW", "AMENDMENT"]
    assert [order.price_ticks for order in counter.exchange.open_orders("me")] == [910_000]
    assert code(lambda: counter.amendments.modify("me", wanted)) == -5027
    assert code(lambda: counter.amendments.modify("me", counter.given(orderId="1", quantity="1", price="1"))) == -2013
    (told,) = counter.amendments.history("me", counter.given(orderId=str(number)))
    assert told["amendment"]["price"] == {"before": "90000.0", "after": "91000.0"}


def test_an_order_modified_through_the_spread_trades(counter):
    """
    Moved above the ask it fills as taker at the ask; a post-only order is cancelled by it instead.
    """
    number, shy = counter.rest("90000.0"), counter.rest("90000.0", timeInForce="GTX")
    moved = {"side": "BUY", "quantity": "0.010", "price": "101000.0"}
    assert counter.amendments.modify("me", counter.given(orderId=str(number), **moved))["status"] == "FILLED"
    assert counter.amendments.modify("me", counter.given(orderId=str(shy), **moved))["status"] == "CANCELED"
    assert counter.exchange.open_orders("me") == []


def test_a_modification_that_margin_does_not_carry_changes_nothing(counter):
    """
    -2019, and the order rests as it was.
    """
    number = counter.rest("90000.0")
    huge = counter.given(orderId=str(number), side="BUY", quantity="100", price="90000.0")
    assert code(lambda: counter.amendments.modify("me", huge)) == -2019
    assert [order.lots for order in counter.exchange.open_orders("me")] == [10]


def test_a_modification_is_weighed_as_a_new_order_is(counter):
    """
    What only reduces is cut to the position; what the leverage does not allow is -2027; neither loses the order.
    """
    buy = {"side": "BUY", "type": "MARKET", "quantity": "0.100"}
    counter.trading.place("me", counter.given(**buy))
    number = counter.rest("101000.0", side="SELL", reduceOnly="true")
    wanted = counter.given(orderId=str(number), side="SELL", quantity="0.500", price="101000.0")
    assert counter.amendments.modify("me", wanted)["origQty"] == "0.100"
    counter.exchange.set_leverage("me", "BTCUSDT", 125)
    bid = counter.rest("90000.0")
    wanted = counter.given(orderId=str(bid), side="BUY", quantity="0.450", price="90000.0")
    assert code(lambda: counter.amendments.modify("me", wanted)) == -2027
    assert [order.lots for order in counter.exchange.open_orders("me")] == [100, 10]


def test_what_reduces_nothing_any_more_cannot_be_modified(counter):
    """
    The position is gone: -2022, and the order rests as it was.
    """
    counter.trading.place("me", counter.given(side="BUY", type="MARKET", quantity="0.100"))
    number = counter.rest("101000.0", side="SELL", reduceOnly="true")
    counter.trading.place("me", counter.given(side="SELL", type="MARKET", quantity="0.100"))
    wanted = counter.given(orderId=str(number), side="SELL", quantity="0.020", price="101000.0")
    assert code(lambda: counter.amendments.modify("me", wanted)) == -2022
    assert [order.lots for order in counter.exchange.open_orders("me")] == [10]


def test_a_basket_answers_order_by_order(counter):
    """
    Two orders and an error between them; more than five, or no list, is refused as a whole.
    """
    good = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": 0.01,
        "price": "90000",
    }
    rows = counter.baskets.place(
        "me", counter.given(batchOrders=orjson.dumps([good, good | {"side": "UP"}, good]).decode())
    )
    assert [row.get("code", row.get("status")) for row in rows] == ["NEW", -1117, "NEW"]
    ids = [rows[0]["orderId"], 7]
    gone = counter.baskets.cancel("me", counter.given(orderIdList=orjson.dumps(ids).decode()))
    assert [row.get("code", row.get("status")) for row in gone] == ["CANCELED", -2011]
    for bad, error in (("[]", -1130), ("7", -1130), ("{", -1130), ("[1]", -1130), ("[1,1,1,1,1,1]", -4082)):
        assert code(lambda bad=bad: counter.baskets.place("me", counter.given(batchOrders=bad))) == error
    assert code(lambda: counter.baskets.cancel("me", counter.given())) == -1102


async def test_a_countdown_cancels_unless_it_is_armed_again(counter):
    """
    Twenty milliseconds after the last call the contract's orders are gone, and told.
    """
    told = []
    countdowns = Countdowns(counter.exchange, told.extend)
    counter.rest("90000.0")
    assert countdowns.arm("me", counter.given(countdownTime="20")) == {"symbol": "BTCUSDT", "countdownTime": "20"}
    countdowns.arm("me", counter.given(countdownTime="0"))
    await asyncio.sleep(0.04)
    assert len(counter.exchange.open_orders("me")) == 1
    countdowns.arm("me", counter.given(countdownTime="20"))
    await asyncio.sleep(0.04)
    assert counter.exchange.open_orders("me") == []
    assert told[-1].execution == "CANCELED"
    countdowns.close()
