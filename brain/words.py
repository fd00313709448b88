"""A decision in words, for people: the first minute, ``why``, the dashboard."""

from collections.abc import Sequence
from decimal import Decimal
from math import isfinite
from typing import Any

from shm.records import Reason

WORDS = {
    Reason.COLD: "no opinion, the indicators have not settled",
    Reason.HOLE: "no opinion, a candle is missing: the indicators start again",
    Reason.FLAT: "no trade, trend flat",
    Reason.LONG: "go long",
    Reason.SHORT: "go short",
    Reason.HELD: "stay",
    Reason.HEATED: "no trade, the move has run too far",
    Reason.STOPPED: "no trade, stopped out: waiting for the next turn",
    Reason.MALFORMED: "no opinion, the strategy's answer is not a number that can be traded",
    Reason.EXIT: "close the position",
    Reason.QUIET: "no trade, nothing to act on",
    Reason.REGIME: "no trade, the market is not of the right kind",
    Reason.BIAS: "no trade, the longer timeframe is against it",
    Reason.WEAK: "no trade, too little speaks for it",
    Reason.SPLIT: "no trade, the opinions contradict one another",
    Reason.REACHED: "close the position, the move has arrived",
}
assert WORDS.keys() == set(Reason), "every reason has its words"


def explain(decision: Any, symbol: str, values: Sequence[str], tick: Decimal) -> str:
    """Return ``decision`` (a DECISION record) in one line.

    ``values`` are the names that the strategy gives its values, ``tick`` is the price of one tick.

    >>> "BTC: no trade, trend flat (fast 64012.1, slow 64011.8, band 12.3)"
    """
    reason = Reason(int(decision["reason"]))
    words = WORDS[reason]
    amount, stop_ticks = int(decision["amount"]), int(decision["stop_ticks"])
    if reason is Reason.HELD and amount:
        words = "stay long" if amount > 0 else "stay short"
    if stop_ticks and reason in (Reason.LONG, Reason.SHORT):
        words += f", stop {stop_ticks * tick:f}"
    numbers = [
        f"{name} {value:.{_places(tick)}f}"
        for name, value in zip(values, decision["values"].tolist(), strict=False)
        if isfinite(value)
    ]
    known = bool(numbers) and reason not in (Reason.COLD, Reason.HOLE)
    return f"{symbol.partition('/')[0]}: {words}" + (f" ({', '.join(numbers)})" if known else "")


def _places(tick: Decimal) -> int:
    # one more than prices have: an average falls between ticks
    exponent = tick.normalize().as_tuple().exponent
    return max(0, -int(exponent)) + 1
