"""Zones and pools: prices that the market left behind and may come back to, in one bounded stack.

    price                        newest
      |            .--.        [ ]==== near     zones of side UP lie below the price; the newest is the
      |     .-.   /    '       [ ]==== far      highest, because the price never came down to ``far`` of
      |    /   '-'      [ ]                     an older one.  So only the newest needs looking at:
      |   /  [ ]                                O(1) per candle, whatever is alive.
      +-------------------------

Zones of side DOWN lie above the price; they are the same in the mirrored market (see swings.py).
There is room for LIVE of them.  One too many drops the oldest and is counted, and what is older than
``age`` candles is forgotten, so that no zone depends on where the data began.
"""

import math

import numpy as np

from shm.jit import inlined, kernel

LIVE = 16  # a power of two
_MASK = LIVE - 1
_NEVER = 1 << 60

ZONES = np.dtype(
    [
        ("near", "<f8", (LIVE,)),
        ("far", "<f8", (LIVE,)),
        ("born", "<i8", (LIVE,)),
        ("met", "<f8", (LIVE,)),  # lowest y since, until a newer one came
        ("edge", "<f8"),  # far side of the newest
        ("deepest", "<f8"),  # lowest y since the newest came
        ("born_first", "<i8"),  # of the oldest
        ("oldest", "<i8"),
        ("alive", "<i8"),
        ("dropped", "<i8"),
    ],
    align=True,
)


@kernel
def empty(zones):
    """Forget all zones."""
    zones.alive, zones.oldest, zones.dropped = 0, 0, 0
    zones.edge, zones.deepest, zones.born_first = -math.inf, math.inf, _NEVER


@kernel
def leave(zones, near, far, now):
    """Leave a zone behind, from ``near`` the price down to ``far``, which is cut to lie no deeper than the newest."""
    if zones.alive > _MASK:
        zones.oldest = (zones.oldest + 1) & _MASK
        zones.alive -= 1
        zones.dropped += 1
    slot = (zones.oldest + zones.alive) & _MASK
    zones.met[(slot - 1) & _MASK] = zones.deepest
    far = max(far, zones.edge)
    zones.near[slot], zones.far[slot], zones.born[slot] = near, far, now
    zones.alive += 1
    zones.edge, zones.deepest, zones.born_first = far, math.inf, zones.born[zones.oldest]


@inlined
def visit(zones, y, now, age):
    """How many zones end because ``y`` comes down to their far side; the newest left is marked by how deep it is."""
    if y > zones.edge and now - zones.born_first < age:
        zones.deepest = min(zones.deepest, y)
        return 0
    return _end(zones, y, now, age)


@kernel
def _end(zones, y, now, age):
    # the oldest for their age, the newest for what they have been through
    alive, oldest, ended = zones.alive, zones.oldest, 0
    while alive > 0 and now - zones.born[oldest] >= age:
        oldest = (oldest + 1) & _MASK
        alive -= 1
    while alive > 0 and y <= zones.far[(oldest + alive - 1) & _MASK]:
        alive -= 1
        ended += 1
    zones.alive, zones.oldest = alive, oldest
    if alive == 0:
        zones.edge, zones.deepest, zones.born_first = -math.inf, math.inf, _NEVER
        return ended
    zones.edge, zones.born_first = zones.far[(oldest + alive - 1) & _MASK], zones.born[oldest]
    met = zones.met[(oldest + alive - 1) & _MASK] if ended > 0 else zones.deepest
    # what the newer ones met before they ended is above y
    zones.deepest = min(met, y)
    return ended


@inlined
def sweep(pools, x, c, now, age):
    """How many levels ``x`` takes that ``c`` does not keep: (swept, taken).  A pool lies at -far.

           x ,           levels taken by the high,
    -----  -/-\\--------  swept when the close comes back under them,
    ----- -/---\\-------  else broken
          /     c
    """
    taken = visit(pools, -x, now, age)
    if taken == 0:
        return 0, 0
    swept = 0
    for n in range(pools.alive, pools.alive + taken):
        swept += 1 if c <= -pools.far[(pools.oldest + n) & _MASK] else 0
    return swept, taken


@kernel
def rim_of(zones):
    """The near side of the newest zone as it was left; NaN when there is none."""
    return zones.near[(zones.oldest + zones.alive - 1) & _MASK] if zones.alive > 0 else math.nan


@kernel
def near_of(zones):
    """What is left of the newest zone, its side near the price; NaN when there is none."""
    rim = rim_of(zones)
    return min(rim, zones.deepest)


@kernel
def far_of(zones):
    """The far side of the newest zone; NaN when there is none."""
    return zones.edge if zones.alive > 0 else math.nan


@kernel
def depth_of(zones):
    """How much of the newest zone the price has come back into: 0.0 fresh, towards 1.0; NaN when there is none."""
    if zones.alive == 0:
        return math.nan
    rim = rim_of(zones)
    return (rim - zones.deepest) / (rim - zones.edge) if zones.deepest < rim and rim > zones.edge else 0.0


@kernel
def comes_back(zones, y, c):
    """1.0 when a candle reached into the newest zone and closed before its far side, else 0.0; after ``visit``."""
    return 1.0 if y <= rim_of(zones) and c > zones.edge else 0.0
