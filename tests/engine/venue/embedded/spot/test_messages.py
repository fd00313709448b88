"""Events as spot writes them."""

from engine.venue.embedded.events import Quote, Trade
from engine.venue.embedded.listing import PUBLISHED, listing
from engine.venue.embedded.spot import messages
from engine.venue.embedded.spot.orders import Execution, Payment

CONTRACT = listing(0, "BTC", "USDT", PUBLISHED["BTCUSDT"])


def test_public_events_have_the_fields_of_spot():
    """aggTrade knows first and last, bookTicker neither name nor time."""
    trade = Trade("BTCUSDT", 5 * 10**6, 9, 1_000_000, 10**8, -1)
    assert messages.aggregate_trade(CONTRACT, trade) == {
        "e": "aggTrade", "E": 5, "s": "BTCUSDT", "a": 9, "p": "100000.00000000", "q": "1.00000000",
        "f": 9, "l": 9, "T": 5, "m": True, "M": True,
    }  # fmt: skip
    assert set(messages.book_ticker(CONTRACT, Quote("BTCUSDT", 5, 1, 10, 1, 11, 1))) == {"u", "s", "b", "B", "a", "A"}


def test_a_cancel_swaps_the_client_ids(opened, placed):
    """``c`` is the cancel's own, ``C`` the order's."""
    spot = opened()
    order = placed(spot, 1, "LIMIT", quantity="0.1", price="90000.0", time_in_force="GTC", client_id="mine")
    told = messages.execution(CONTRACT, Execution(1, "CANCELED", order, cancel_id="away"))
    assert (told["c"], told["C"], told["N"], told["t"]) == ("away", "mine", None, -1)


def test_a_deposit_is_a_balance_update():
    """With its amount."""
    told = messages.balance_update(Payment("me", 5 * 10**6, "BTC", 10**8))
    assert told == {"e": "balanceUpdate", "E": 5, "a": "BTC", "d": "1.00000000", "T": 5}
