"""What is compiled before a session is what a session needs."""

from brain.kernels import compile_all
from brain.loop import drain
from brain.settings import BrainSettings
from brain.warming import prepare


def test_every_piece_is_named_before_it_is_compiled():
    """Progress counts up to the number of pieces, and the strategies come back."""
    said = []
    strategies = compile_all(BrainSettings(strategies=("trend",)), lambda *told: said.append(told))
    assert said == [(1, 2, "trend"), (2, 2, "loop")]
    assert [strategy.name for strategy in strategies] == ["trend"]


def test_the_loop_is_compiled_for_one_signature():
    """A second strategy or instrument never recompiles it."""
    compile_all(BrainSettings(strategies=("trend", "trend")), lambda *_: None)
    assert len(drain.signatures) == len(prepare.signatures) == 1
