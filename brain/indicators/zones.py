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

LIVE = 16
ROOM = 32  # a power of two above LIVE: what is written beyond the newest disturbs nobody
_MASK = ROOM - 1

ZONES = np.dtype(
    [
        ("near", "<f8", (ROOM,)),
        ("far", "<f8", (ROOM,)),
        ("born", "<i8", (ROOM,)),
        ("met", "<f8", (ROOM,)),  # lowest y since, until a newer one came
        ("edge", "<f8"),  # far side of the newest
        ("deepest", "<f8"),  # lowest y since the newest came
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
    zones.edge, zones.deepest = -math.inf, math.inf


@kernel
def leave(zones, near, far, now):
    """Leave a zone behind, from ``near`` the price down to ``far``, which is cut to lie no deeper than the newest."""
    leave_if(zones, True, near, far, now)


@inlined
def leave_if(zones, is_left, near, far, now):
    """Do so if ``is_left``; at most one is left a candle.  No branch: whether one is left cannot be predicted."""
    # beyond the newest: it counts only if the newest moves there
    zones.met[(zones.oldest + zones.alive - 1) & _MASK] = zones.deepest
    slot = (zones.oldest + zones.alive) & _MASK
    far = max(far, zones.edge)
    zones.near[slot], zones.far[slot], zones.born[slot] = near, far, now
    one = 1 if is_left else 0
    over = 1 if is_left & (zones.alive == LIVE) else 0
    zones.oldest = (zones.oldest + over) & _MASK
    zones.alive += one - over
    zones.dropped += over
    zones.edge = far if is_left else zones.edge
    zones.deepest = math.inf if is_left else zones.deepest


@inlined
def visit(zones, y, now, age):
    """How many zones end because ``y`` comes down to their far side; the newest left is marked by how deep it is.

    At most one a candle comes of age, the oldest.
    """
    if y > zones.edge and (zones.alive == 0 or now - zones.born[zones.oldest] < age):
        zones.deepest = min(zones.deepest, y)
        return 0
    return _end(zones, y, now, age)


@kernel
def _end(zones, y, now, age):
    return visit_often(zones, y, now, age)


@inlined
def visit_often(zones, y, now, age):
    """The same where about every other candle ends one: no branch for what cannot be predicted."""
    is_old = (zones.alive > 0) & (now - zones.born[zones.oldest] >= age)
    oldest = (zones.oldest + (1 if is_old else 0)) & _MASK
    alive = zones.alive - (1 if is_old else 0)
    edge = zones.edge if alive > 0 else -math.inf
    # the first without a branch: whether one ends cannot be predicted
    ended = 1 if y <= edge else 0
    alive -= ended
    newest = (oldest + alive - 1) & _MASK
    deepest = zones.met[newest] if ended > 0 else zones.deepest
    edge = zones.far[newest] if ended > 0 else edge
    edge = edge if alive > 0 else -math.inf
    while y <= edge:
        alive -= 1
        ended += 1
        newest = (oldest + alive - 1) & _MASK
        edge, deepest = zones.far[newest] if alive > 0 else -math.inf, zones.met[newest]
    zones.oldest, zones.alive, zones.edge = oldest, alive, edge
    # what the newer ones met before they ended is above y
    zones.deepest = min(deepest, y) if alive > 0 else math.inf
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
