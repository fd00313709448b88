"""The book of one account in one contract."""

import pytest

from engine import matching
from engine.venue.embedded.account import Account, Book, filled
from engine.venue.embedded.orders import AlgoOrder, Order

LIMIT = Order(
    account="me",
    symbol="X",
    order_id=7,
    client_id="a",
    side=1,
    type="LIMIT",
    time_in_force="GTC",
    lots=9,
    price_ticks=5,
)
STOP = AlgoOrder(
    account="me",
    symbol="X",
    algo_id=7,
    client_id="a",
    side=-1,
    type="STOP_MARKET",
    time_in_force="GTC",
    lots=0,
    trigger_ticks=3,
    close_position=True,
)


def test_records_and_orders_stand_side_by_side() -> None:
    """In order of arrival; two kinds may have the same id and are not confused; what is done leaves both."""
    book = Book()
    book.rest(LIMIT)
    book.rest(STOP)
    assert book.records["kind"].tolist() == [matching.LIMIT, matching.STOP]
    assert book.records["marks"].tolist() == [0, matching.WHOLE]
    assert (book.index(LIMIT), book.index(STOP)) == (0, 1)
    book.records["kind"][0] = matching.DONE
    book.sweep()
    assert book.waiting == [STOP]
    assert (book.index(LIMIT), len(book.records)) == (-1, 1)


def test_the_newest_order_of_a_client_id_is_the_one_that_is_found() -> None:
    """Reused ids lead to the last order, the earlier one is still there by its own id."""
    account = Account("me", 20)
    account.keep(LIMIT)
    again = Order(**{name: getattr(LIMIT, name) for name in Order.__slots__} | {"order_id": 8})
    account.keep(again)
    assert account.find("X", 0, "a") == again
    assert account.find("X", 7, "") == LIMIT
    assert account.find("Y", 7, "") is None


def test_fills_add_up_and_never_exceed_the_order() -> None:
    """Part, whole, and an assertion beyond."""
    part = filled(LIMIT, 5, 4, 1)
    whole = filled(part, 4, 5, 2)
    assert (part.status, whole.status, whole.cost, whole.updated_ns) == ("PARTIALLY_FILLED", "FILLED", 40, 2)
    with pytest.raises(AssertionError):
        filled(whole, 5, 1, 3)
