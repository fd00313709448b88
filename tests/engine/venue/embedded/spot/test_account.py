"""A book of spot orders."""

from engine.venue.embedded.spot.account import SpotAccount
from engine.venue.embedded.spot.orders import SpotOrder


def order(number: int, **given: object) -> SpotOrder:
    """A buy of 5 lots that binds 100 units."""
    fields = {"side": 1, "type": "LIMIT", "time_in_force": "GTC", "lots": 5, "price_ticks": 10, "locked": 100}
    own = {"order_id": number, "client_id": f"c{number}"}
    return SpotOrder(account="me", symbol="BTCUSDT", **(fields | own | given))


def test_orders_are_found_and_dropped_wherever_they_wait():
    """Resting orders and stops are one list by arrival."""
    account = SpotAccount("me")
    book = account.book("BTCUSDT")
    book.rest(order(2))
    book.stops.append(order(1, stop_ticks=20))
    assert [one.order_id for one in book.all()] == [1, 2]
    book.drop(1)
    book.drop(2)
    assert (book.all(), len(book.records)) == ([], 0)


def test_locked_is_what_open_orders_bind_of_an_asset():
    """Buys bind quote, sells base."""
    account = SpotAccount("me")
    account.book("BTCUSDT").rest(order(1))
    account.book("BTCUSDT").rest(order(2, side=-1, locked=7))
    pays = {"BTCUSDT": ("USDT", "BTC")}
    assert (account.locked("USDT", pays), account.locked("BTC", pays)) == (100, 7)


def test_the_newest_order_of_a_client_id_is_found():
    """A client id may be used again once its order is closed."""
    account = SpotAccount("me")
    account.keep(order(1, client_id="same"))
    account.keep(order(2, client_id="same"))
    found = account.find("BTCUSDT", 0, "same")
    assert found is not None
    assert found.order_id == 2
    assert account.find("ETHUSDT", 2, "") is None
