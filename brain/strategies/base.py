"""What a strategy is: one file that names its settings, its memory and how it decides.

A strategy is a Python module, ours or a file of yours, with

    Settings    a frozen dataclass of numbers, each with a default
    STATE       a numpy record: what it remembers, nested indicator states first of all
    decide      a kernel, called once per closed candle: (state, settings, candle, position, target) -> reason

and, where it wants them,

    TIMEFRAMES  ("1m",) by default; ("1m", "1h") also calls it with closed hours (candle.timeframe_s says which).
                When several close together the longest comes first and only the shortest one's answer counts.
    VALUES      up to three names for what ``note`` writes into every decision record
    LATE        names of STATE fields that decisions do not wait for (see below)
    PARTNER     the name of a MARKET record in STATE: before each minute the loop puts the closed minute *before* it of
                another instrument there (kind 0: there is none); the first two of a session are each other's partner
    SPOT        the name of a MARKET record in STATE: before each minute the loop puts the closed *same* minute of the
                instrument's spot there, in the contract's unit (kind 0: it has not come); it is looked at, never traded

What ``decide`` is given
    state       its own record, zero at the start, kept from candle to candle
    settings    the Settings, as a record
    candle      open_ns, timeframe_s, open, high, low, close, volume, quote_volume, taker_volume, taker_quote_volume
                and trades
    position    what it holds, read once per candle: lots (signed), entry_ticks, and stopped_side, the side (+1, -1)
                that a protective stop has just ended, until the next target
    target      what it wants, as it left it: amount (-1.0 to 1.0 of the risk budget) and stop (a price)

What it answers: a reason.  ``hold`` and ``go_flat`` write the target and give the right one; WARMING says "no opinion".
The list is closed (shm/records.py); a no-trade has one too:

    FLAT     nothing is held and the strategy is content      REGIME   the market is not of its kind
    QUIET    nothing that it waits for has happened           BIAS     the longer timeframe is against it
    WEAK     what speaks for it is not enough                 SPLIT    its opinions contradict one another
    HEATED   the move has run too far                         STOPPED  stopped out, waiting for the next turn

    @kernel
    def decide(state, settings, candle, position, target):
        average = ema(state.average, candle.close, settings.period)
        reach = atr(state.reach, candle, settings.period)
        if average != average or reach != reach:        # NaN: not defined yet
            return WARMING
        side = 1.0 if candle.close > average else -1.0
        return hold(target, side, candle.close - 2.0 * side * reach)

Of both no more is shown: all of it is in the inputs' hash and on the tape, so that a replay shows the same.

Rules that keep it honest
* It cannot see tomorrow: it is given one closed candle and its own state.
* No decision is taken before every indicator state in STATE has *settled*, i.e. has forgotten where the data began.
  States step with every candle, so call the indicators before any return.  A field named in LATE is not waited for:
  check it yourself with ``settled``.
* What must survive a restart is ``target``: state is rebuilt from history, target is restored from the last decision.
  So remember your side in target.amount, not in STATE.
* Use + - * / and math.sqrt; exp, log and pow differ between processors, and decisions are compared bit for bit.
* Memory must not grow: windows have a fixed capacity in the record and a period at run time.
"""

import numpy as np

from shm import records
from shm.jit import kernel
from shm.records import Reason

__all__ = [
    "BIAS", "EXIT", "FLAT", "HEATED", "HELD", "LONG", "MARKET", "QUIET", "REACHED", "REGIME", "SHORT", "SPLIT",
    "STOPPED", "WARMING", "WEAK", "WORKING", "clamp", "go_flat", "hold", "is_stopped", "kernel", "note", "settled",
]  # fmt: skip

WARMING = int(Reason.COLD)
FLAT = int(Reason.FLAT)
LONG = int(Reason.LONG)
SHORT = int(Reason.SHORT)
HELD = int(Reason.HELD)
HEATED = int(Reason.HEATED)
STOPPED = int(Reason.STOPPED)
EXIT = int(Reason.EXIT)
QUIET = int(Reason.QUIET)
REGIME = int(Reason.REGIME)
BIAS = int(Reason.BIAS)
WEAK = int(Reason.WEAK)
SPLIT = int(Reason.SPLIT)
REACHED = int(Reason.REACHED)


def _shown(record, *names):
    # a record of which a strategy sees only these fields: any other name does not compile
    fields = {name: record.fields[name] for name in names}
    formats, offsets = ([field[n] for field in fields.values()] for n in (0, 1))
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": record.itemsize}, align=True)


# what ``candle`` and ``position`` are
MARKET = _shown(
    records.MARKET,
    *("kind", "timeframe_s", "open_ns", "open", "high", "low", "close", "volume"),
    *("quote_volume", "taker_volume", "taker_quote_volume", "trades"),
)
POSITION = _shown(records.POSITION, "stopped_side", "lots", "entry_ticks")

# what ``target`` is: in, what stands; out, what is wanted
WORKING = np.dtype([("amount", "<f8"), ("stop", "<f8"), ("values", "<f8", (3,))], align=True)


@kernel
def hold(target, side, stop):
    """Want ``side`` (-1.0 to 1.0) of the risk budget, protected at price ``stop``; the reason.

    A side that is already held keeps the stop that it was opened with.
    """
    if side == target.amount:
        return HELD if side != 0.0 else FLAT
    if side == 0.0:
        return go_flat(target)
    target.amount = side
    target.stop = stop
    return LONG if side > 0.0 else SHORT


@kernel
def go_flat(target):
    """Want no position; the reason."""
    if target.amount == 0.0:
        return FLAT
    target.amount = 0.0
    target.stop = 0.0
    return EXIT


@kernel
def is_stopped(position, target):
    """True when a protective stop has ended what ``target`` wants."""
    return position.stopped_side * target.amount > 0.0


@kernel
def clamp(x, least, most):
    """``x`` between ``least`` and ``most``."""
    return least if x < least else min(x, most)


@kernel
def note(target, first, second, third):
    """Write the three values that mattered into the decision record; VALUES names them."""
    target.values[0] = first
    target.values[1] = second
    target.values[2] = third


@kernel
def settled(indicator_state):
    """True when the value of ``indicator_state`` no longer depends on where the data began."""
    return indicator_state.seen > 0 and indicator_state.seen >= indicator_state.settles
