"""What numba says, in one line."""

from brain.diagnosis import cause, deepest, line_in

SAID = """Failed in nopython mode pipeline (step: nopython frontend)
Unknown attribute 'colse' of type Record
File "brain/indicators/trend.py", line 77:
def ema(state, close, period):
During: typing of call at /home/someone/my.py (12)

File "/home/someone/my.py", line 12:
def decide(state, settings, candle, position, target):
"""


def test_the_cause_is_the_first_line_that_says_something():
    """Passes, frames and overloads do not."""
    assert cause(SAID) == "Unknown attribute 'colse' of type Record"


def test_the_deepest_place_comes_first():
    """And the caller's line is found by its file."""
    assert deepest(SAID) == "brain/indicators/trend.py:77"
    assert line_in(SAID, "my.py") == 12
    assert line_in(SAID, "other.py") is None
    assert deepest("nothing of the kind") == ""
