"""Numbers for what is named by text."""

from hypothesis import given
from hypothesis import strategies as st

from shm.numbering import EPOCH_MS, first_at, order_number, time_ms, trade_number

NOW_MS = 1_795_000_000_000
MOMENTS = st.integers(EPOCH_MS, EPOCH_MS + (1 << 39) - 1)


@given(at_ms=MOMENTS, later_ms=MOMENTS, names=st.tuples(st.text(), st.text()))
def test_numbers_of_trades_are_in_order_of_time(at_ms, later_ms, names):
    """Whatever the names are; each fits a signed word and tells its time."""
    first, second = trade_number(at_ms, names[0]), trade_number(later_ms, names[1])
    assert 0 <= first < 1 << 63
    assert time_ms(first) == at_ms
    assert at_ms >= later_ms or first < second
    assert first_at(at_ms) <= first < first_at(at_ms + 1)


def test_the_same_trade_has_one_number_and_another_has_another():
    """By its time and its name, in every life: the number is a part of the journal."""
    one = trade_number(NOW_MS, "0ab1bdf7-4219-438b-b30a-32ec863018f7")
    assert one == trade_number(NOW_MS, "0ab1bdf7-4219-438b-b30a-32ec863018f7") == 1525599227088234121
    assert one != trade_number(NOW_MS, "0ab1bdf7-4219-438b-b30a-32ec863018f8")


def test_trades_of_one_millisecond_rarely_share_a_number():
    """Ten thousand of them in one millisecond: a handful of pairs, as 24 bits promise."""
    numbers = {trade_number(NOW_MS, f"trade {index}") for index in range(10_000)}
    assert len(numbers) >= 9_985  # 10 000 squared over twice 2**24: three pairs are to be expected


def test_a_moment_before_the_first_number_asks_for_everything():
    """Zero is before every trade."""
    assert first_at(0) == 0 == first_at(EPOCH_MS)


def test_an_order_that_is_a_number_keeps_it():
    """Text becomes a number that a record can hold; nothing stays nothing."""
    assert (order_number("77"), order_number("")) == (77, 0)
    named = order_number("9aac161b-8ed6-450d-9cab-c5cc67c21784")
    assert 0 < named < 1 << 62
    assert named == order_number("9aac161b-8ed6-450d-9cab-c5cc67c21784") != order_number("9" * 30)
