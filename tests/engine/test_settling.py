"""Through which candle everything is done."""

from engine.settling import Settling

MINUTE, PATIENCE = 60, 100


def test_nothing_is_settled_before_the_brain_is_done():
    """A candle that was read but not decided on does not count."""
    settling = Settling(1, PATIENCE)
    settling.decided([(MINUTE, 0)], brain_seq=0, now_ns=0)
    assert settling.settle(is_quiet=True, now_ns=0) == 0
    settling.decided([(MINUTE, 0)], brain_seq=1, now_ns=0)
    assert settling.settle(is_quiet=True, now_ns=0) == MINUTE


def test_nothing_is_settled_while_something_is_pending():
    """An order under way holds the market back; what was settled stays settled."""
    settling = Settling(1, PATIENCE)
    settling.decided([(MINUTE, 0)], 1, 0)
    settling.settle(is_quiet=True, now_ns=0)
    settling.decided([(2 * MINUTE, 1)], 2, 0)
    assert settling.settle(is_quiet=False, now_ns=1) == MINUTE
    assert settling.settle(is_quiet=True, now_ns=2) == 2 * MINUTE


def test_the_slowest_instrument_decides_unless_it_had_no_candle():
    """A minute is over when every instrument's candle is done, or patience with a silent one is."""
    settling = Settling(2, PATIENCE)
    settling.decided([(MINUTE, 0), (MINUTE, 1)], 2, 0)
    settling.decided([(2 * MINUTE, 2), (MINUTE, 1)], 3, 10)
    assert settling.settle(is_quiet=True, now_ns=20) == MINUTE
    assert settling.settle(is_quiet=True, now_ns=10 + PATIENCE + 1) == 2 * MINUTE


def test_an_instrument_before_its_first_candle_counts_as_silent():
    """Sequence -1 is no candle."""
    settling = Settling(1, PATIENCE)
    settling.decided([(0, -1)], 5, 0)
    assert settling.settle(is_quiet=True, now_ns=0) == 0
