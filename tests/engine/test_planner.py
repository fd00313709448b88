"""What may be reduced, at every pair of signs."""

import pytest

from engine.planner import reducing


@pytest.mark.parametrize(
    ("have", "want", "allowed"),
    [(0, 5, 0), (3, 5, 3), (5, 3, 3), (5, 0, 0), (5, -5, 0), (-3, -5, -3), (-5, -3, -3), (-5, 4, 0), (0, 0, 0)],
)
def test_reducing_never_adds_and_never_turns(have, want, allowed):
    """The part of the way that only makes the position smaller."""
    assert reducing(have, want) == allowed
