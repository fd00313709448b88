"""The two words that many write, by compare-and-swap: the kill word and the rate budget.

segment WORDS
+0     KILL          records.Kill; it only rises
+128   RATE_BUDGET   window number << 24 | weight spent in it
"""

from shm.atomics import compare_swap, load_acquire
from shm.jit import kernel
from shm.records import Kill
from shm.topology import WORDS

LINE = 128
WORDS_BYTES = LINE * len(WORDS)
_SPENT_BITS = 24
_SPENT_MASK = (1 << _SPENT_BITS) - 1


@kernel
def word_at(address: int) -> int:
    """The word at ``address``."""
    return load_acquire(address)  # type: ignore[no-any-return]


@kernel
def raise_word(address: int, level: int) -> int:
    """Raise the word to ``level``, never lower it; what it is now."""
    while True:
        found = load_acquire(address)
        if found >= level:
            return found  # type: ignore[no-any-return]
        if compare_swap(address, found, level):
            return level


@kernel
def spend(address: int, weight: int, weight_max: int, window: int) -> bool:
    """Take ``weight`` out of the budget of ``window``; False, and nothing taken, where it is spent."""
    while True:
        found = load_acquire(address)
        # A window that is over gives its rest to nobody; a late caller pays into the newest.
        current = max(window, found >> _SPENT_BITS)
        spent = found & _SPENT_MASK if found >> _SPENT_BITS == current else 0
        if spent + weight > weight_max:
            return False
        if compare_swap(address, found, (current << _SPENT_BITS) | (spent + weight)):
            return True


@kernel
def learn(address: int, spent: int, window: int) -> None:
    """Somebody who knows says that ``spent`` is gone of ``window``: never less than we counted."""
    while True:
        found = load_acquire(address)
        if window < found >> _SPENT_BITS or (window == found >> _SPENT_BITS and spent <= found & _SPENT_MASK):
            return
        if compare_swap(address, found, (window << _SPENT_BITS) | spent):
            return


class Words:
    """The words of a session, at address ``words``."""

    def __init__(self, words: int, *, retain: object = None) -> None:
        self._kill = words + LINE * WORDS.index("KILL")
        self._budget = words + LINE * WORDS.index("RATE_BUDGET")
        self.retain = retain

    def raise_kill(self, level: Kill) -> Kill:
        """Raise the kill word to ``level``; it never falls.  What it is now."""
        return Kill(raise_word(self._kill, int(level)))

    def kill_level(self) -> Kill:
        """The kill word."""
        return Kill(word_at(self._kill))

    def spend_weight(self, weight: int, weight_max: int, window: int) -> bool:
        """Take request ``weight`` out of the budget of time ``window`` (e.g. the minute); False when it is spent."""
        assert 0 <= weight <= weight_max <= _SPENT_MASK, "a weight fits the word"
        return bool(spend(self._budget, weight, weight_max, window))

    def learn_weight(self, spent: int, window: int) -> None:
        """Take over what the exchange counted for ``window``, where that is more than we did."""
        learn(self._budget, min(spent, _SPENT_MASK), window)

    def weight_spent(self, window: int) -> int:
        """Weight taken out of the budget of ``window`` so far."""
        found = int(word_at(self._budget))
        return found & _SPENT_MASK if found >> _SPENT_BITS == window else 0
