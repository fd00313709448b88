"""What people do to an account goes through the exchange's own books."""

from engine.venue.embedded.faults.acts import Acts
from engine.venue.embedded.orders import BUY, MARKET, SELL, STOP_MARKET, PlaceOrder


def long_with_stop(exchange):
    """Hold 0.1 BTC with a stop below."""
    exchange.place("paper", PlaceOrder(symbol="BTCUSDT", side=BUY, type=MARKET, quantity="0.100"))
    stop = PlaceOrder(
        symbol="BTCUSDT", side=SELL, type=STOP_MARKET, quantity="0.100", trigger_price="20000", reduce_only=True
    )
    exchange.place("paper", stop)


def held(exchange):
    """Lots of BTC."""
    return exchange.account("paper").positions[0].lots


def test_a_human_trades_closes_and_cancels(make_exchange):
    """A quarter on top, then everything gone, then the stop."""
    exchange = make_exchange()
    exchange.advance()
    long_with_stop(exchange)
    acts = Acts(exchange)
    assert acts.perform("human_order", "paper", "BTCUSDT", "0.25")[1] == "FILLED, 25 lots filled"
    assert held(exchange) == 125
    assert acts.perform("human_close", "paper", "BTCUSDT", "")[1] == "FILLED, 125 lots filled"
    assert acts.perform("human_close", "paper", "BTCUSDT", "") == ("nothing is held", "nothing")
    assert acts.perform("human_cancel", "paper", "BTCUSDT", "")[1] == "CANCELED, 0 lots filled"
    assert acts.perform("human_cancel", "paper", "BTCUSDT", "") == ("no stop waits", "nothing")


def test_a_liquidation_leaves_nothing(make_exchange):
    """Orders cancelled, position closed, under a name that no engine would choose."""
    for kind, name in (("liquidation", "autoclose-1"), ("delisting", "settlement_autoclose-1")):
        exchange = make_exchange()
        exchange.advance()
        long_with_stop(exchange)
        done, came = Acts(exchange).perform(kind, "paper", "BTCUSDT", "")
        assert (done, came) == (f"{name}: market -100 lots", "FILLED, 100 lots filled")
        assert held(exchange) == 0
        assert exchange.open_algo_orders("paper") == []


def test_deleveraging_takes_a_share_and_leaves_the_orders(make_exchange):
    """A third of a hundred lots; with nothing held there is nothing to take."""
    exchange = make_exchange()
    exchange.advance()
    acts = Acts(exchange)
    assert acts.perform("deleveraging", "paper", "BTCUSDT", "0.33") == ("nothing is held", "nothing")
    long_with_stop(exchange)
    done, came = acts.perform("deleveraging", "paper", "BTCUSDT", "0.33")
    assert (done, came, held(exchange)) == ("adl_autoclose-1: market -33 lots", "FILLED, 33 lots filled", 67)
    assert len(exchange.open_algo_orders("paper")) == 1


def test_hands_on_a_hedged_account_find_its_legs(make_exchange):
    """A human adds to the larger leg; closing and liquidating end both."""
    for kind in ("human_close", "liquidation"):
        exchange = make_exchange()
        exchange.advance()
        exchange.set_hedged("paper", True)
        for side, leg, quantity in ((BUY, "LONG", "0.050"), (SELL, "SHORT", "0.100")):
            exchange.place("paper", PlaceOrder(symbol="BTCUSDT", side=side, type=MARKET, quantity=quantity, leg=leg))
        acts = Acts(exchange)
        assert acts.perform("human_order", "paper", "BTCUSDT", "0.25")[1] == "FILLED, 25 lots filled"
        legs = {row.leg: row.lots for row in exchange.account("paper").positions if row.symbol == "BTCUSDT"}
        assert legs == {"BOTH": 0, "LONG": 50, "SHORT": -125}
        assert acts.perform(kind, "paper", "BTCUSDT", "")[1] == "FILLED, 50 lots filled; FILLED, 125 lots filled"
        assert not any(row.lots for row in exchange.account("paper").positions)
