"""What a strategy says: hold, go_flat, note."""

import numpy as np

from brain.strategies.base import EXIT, FLAT, HELD, LONG, SHORT, WORKING, go_flat, hold, note


def test_a_side_keeps_the_stop_that_it_was_opened_with():
    """Holding on changes nothing; turning round takes the new stop; flat takes it away."""
    target = np.zeros(1, WORKING)[0]
    said = [hold(target, 1.0, 90.0), hold(target, 1.0, 95.0)]
    assert (said, target["amount"], target["stop"]) == ([LONG, HELD], 1.0, 90.0)
    assert hold(target, -1.0, 110.0) == SHORT
    assert (target["amount"], target["stop"]) == (-1.0, 110.0)
    assert [go_flat(target), go_flat(target), hold(target, 0.0, 1.0)] == [EXIT, FLAT, FLAT]
    assert (target["amount"], target["stop"]) == (0.0, 0.0)


def test_a_note_is_what_the_decision_shows():
    """Three values, in the order of VALUES."""
    target = np.zeros(1, WORKING)[0]
    note(target, 1.0, 2.0, 3.0)
    assert target["values"].tolist() == [1.0, 2.0, 3.0]
