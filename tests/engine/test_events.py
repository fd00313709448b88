"""What the journal records has one spelling."""

import msgspec
import pytest

from engine.events import Deposited, decode, encode


def test_an_event_survives_its_encoding():
    """The same event is the same bytes."""
    event = Deposited(account="main", venue="paper", amount=-(2**60), reference="d", wall_ns=1)
    assert decode(encode(event)) == event
    assert encode(decode(encode(event))) == encode(event)


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"type":"Dreamt"}', b'{"type":"Deposited","amount":1.5}'])
def test_anything_else_is_refused(payload):
    """No event is guessed."""
    with pytest.raises(msgspec.MsgspecError):
        decode(payload)
