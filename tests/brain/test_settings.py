"""The brain's settings refuse what could not run."""

import pytest

from brain.settings import BrainSettings


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"strategies": ()}, "strategies: between 1 and 8, not 0"),
        ({"valid_candles": 0}, "valid_candles must be at least 1"),
        ({"spin_us": 5000}, "spin_us must be between 0 and 1000"),
        ({"sleep_ms": 0}, "sleep_ms must be between 1 and 1000"),
    ],
)
def test_a_bad_setting_is_named(chosen, said):
    """With the bound that it breaks."""
    with pytest.raises(ValueError, match=said):
        BrainSettings(**chosen)
