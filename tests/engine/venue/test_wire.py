"""What an order carries beside symbol, side and quantity, by the table of facts; what cannot be read is in doubt."""

import pytest

from engine import errors
from engine.order import OrderType
from engine.venue.facts import FACTS
from engine.venue.live import WIRES
from engine.venue.wire import Wire, order_params, read
from tests.engine.venue.bybit_hall import approved
from tests.engine.venue.test_bybit import BTC


@pytest.mark.parametrize("exchange", WIRES)
def test_every_wire_answers_everything_and_has_its_facts(exchange):
    """A method that is missing would be found on the day that it is needed."""
    assert exchange in FACTS
    assert not WIRES[exchange].__abstractmethods__
    assert issubclass(WIRES[exchange], Wire)


@pytest.mark.parametrize("exchange", FACTS)
@pytest.mark.parametrize("order_type", OrderType)
def test_every_order_is_named_and_only_stops_have_triggers(exchange, order_type):
    """Our id in the exchange's own field; a stop watches the last price; post-only is said."""
    facts = FACTS[exchange]
    is_stop = order_type in (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET)
    intent = approved(1, order_type, stop_ticks=490_000 if is_stop else 0, reduce_only=is_stop).intent
    params = order_params(facts, intent, BTC)
    assert params[facts.client_id_conditional if is_stop else facts.client_id] == intent.client_id
    assert facts.extras.items() <= params.items()
    assert params.get("postOnly", False) is (order_type is OrderType.POST_ONLY)
    assert params.get("reduceOnly", False) is is_stop
    triggers = [params[name] for name in ("stopLossPrice", "takeProfitPrice") if name in params]
    assert triggers == (["49000.0"] if is_stop else [])
    name, value = facts.trigger_by_last
    assert (params.get(name) == value) is is_stop


def test_an_answer_that_cannot_be_read_is_in_doubt():
    """It says nothing: neither that the order is there nor that it is not."""
    with pytest.raises(errors.Unknown, match="unreadable answer"):
        read(lambda row: row["orderId"], {"words": "<html>"})
