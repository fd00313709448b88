"""What core and agent say to one another cannot be changed on the way."""

import dataclasses

import pytest

from engine.messages import Answer, Moment


def test_messages_are_frozen_and_an_empty_answer_asks_for_nothing():
    """No events, no actions."""
    moment = Moment(market_ns=1, wall_ns=2, monotonic_ns=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        moment.market_ns = 2
    assert Answer() == Answer((), ())
