"""Through which candle everything is done: what the exchange waits for while stepping.

MARKET   0  1  2  3  4          a candle of each instrument a minute
brain    -----------^           its pulse: all before it are decided, targets published
engine   read so far, nothing in flight, every fill booked, every stop acknowledged
"""

from collections.abc import Sequence


class Settling:
    """Market time up to which nothing is pending; it only grows."""

    def __init__(self, instruments: int, patience_ns: int) -> None:
        """``patience_ns``: an instrument that shows no candle for so long, while others do, had none."""
        self._decided_ns = [0] * instruments
        self._patience_ns = patience_ns
        self._changed_ns = 0
        self.settled_ns = 0

    def decided(self, closes: Sequence[tuple[int, int]], brain_seq: int, now_ns: int) -> None:
        """The newest candle of each instrument as (close time, sequence), and the brain's pulse."""
        for row, (close_ns, sequence) in enumerate(closes):
            if 0 <= sequence < brain_seq and close_ns > self._decided_ns[row]:
                self._decided_ns[row] = close_ns
                self._changed_ns = now_ns

    def settle(self, is_quiet: bool, now_ns: int) -> int:
        """Through which time all is done, given whether anything is pending; the answer as told last if so."""
        if is_quiet and self._decided_ns:
            is_late = now_ns - self._changed_ns > self._patience_ns
            through_ns = max(self._decided_ns) if is_late else min(self._decided_ns)
            self.settled_ns = max(self.settled_ns, through_ns)
        return self.settled_ns
