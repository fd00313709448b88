"""Market structure the slow, obvious way: lists of everything that ever was, looked through at every candle."""

import math

LIVE = 16


def is_top(x, p, before, after):
    """Higher than all before, no lower than all after."""
    return (
        p >= before
        and all(x[p] > x[p - k] for k in range(1, before + 1))
        and all(x[p] >= x[p + k] for k in range(1, after + 1))
    )


def sides(candles):
    """Highs, lows and closes for tops, and of the mirrored market for bottoms."""
    high, low, close = (candles[name].tolist() for name in ("high", "low", "close"))
    return (high, low, close), ([-v for v in low], [-v for v in high], [-v for v in close])


def slow_swings(candles, before, after):
    """Columns event, top, bottom."""
    (high, _, _), (deep, _, _) = sides(candles)
    rows, top, bottom = [], math.nan, math.nan
    for i in range(len(candles)):
        p = i - after
        is_high, is_deep = (p >= 0 and is_top(x, p, before, after) for x in (high, deep))
        top, bottom = high[p] if is_high else top, -deep[p] if is_deep else bottom
        event = (2.0 if is_high else -1.0) if is_deep else float(is_high)
        event = event if i >= before + after else math.nan
        rows.append((event, top, bottom))
    return tuple(zip(*rows, strict=True))


def slow_breaks(x, y, c, before, after):
    """For each candle: (breaks the newest top, where the block lies, highest since the top); one side."""
    rows, top, whole = [], None, False
    for i in range(len(x)):
        p = i - after
        if p >= 0 and is_top(x, p, before, after):
            top, whole = p, True
        if top is None:
            rows.append((False, None, math.nan))
            continue
        broke = whole and c[i] > x[top]
        whole = whole and not broke
        lowest = min(y[top + 1 : i + 1])
        last = max(k for k in range(top + 1, i + 1) if y[k] == lowest)
        rows.append((broke, (x[last], y[last]), max(x[top : i + 1])))
    return rows


def slow_structure(candles, before, after):
    """Columns event, trend, premium."""
    up, down = (slow_breaks(*side, before, after) for side in sides(candles))
    rows, trend = [], 0
    for i, close in enumerate(candles["close"].tolist()):
        side = int(up[i][0]) - int(down[i][0])
        event = 0.0 if i >= before + after else math.nan
        if side:
            event, trend = side * (2.0 if trend == -side else 1.0), side
        ceiling, floor = up[i][2], -down[i][2]
        share = (close - floor) / (ceiling - floor) if ceiling != floor else 0.5
        rows.append((event, trend if event == event else math.nan, share))
    return tuple(zip(*rows, strict=True))


class Zones:
    """Every zone of one side that was left behind: [near, far, born, lowest y since]."""

    def __init__(self, age):
        """Forget after ``age`` candles."""
        self.age, self.alive, self.dropped = age, [], 0

    def visit(self, y, now):
        """Let a candle that comes down to ``y`` pass; what it ends."""
        self.alive = [zone for zone in self.alive if now - zone[2] < self.age]
        ended = [zone for zone in self.alive if y <= zone[1]]
        self.alive = [zone for zone in self.alive if y > zone[1]]
        for zone in self.alive:
            zone[3] = min(zone[3], y)
        return ended

    def leave(self, near, far, now):
        """Add a zone; the oldest goes when there are too many."""
        far = max([far, *(zone[1] for zone in self.alive)])
        self.alive.append([near, far, now, math.inf])
        if len(self.alive) > LIVE:
            self.alive.pop(0)
            self.dropped += 1

    def shown(self):
        """What is left of the newest, and how deep it was entered."""
        if not self.alive:
            return math.nan, math.nan, math.nan
        near, far, _, deepest = self.alive[-1]
        return min(near, deepest), far, (near - deepest) / (near - far) if deepest < near and near > far else 0.0


def row_of(event, bullish, bearish):
    """A row as the gaps and the blocks show it."""
    (top, bottom, depth), (low, high, deep) = bullish.shown(), bearish.shown()
    return event, top, bottom, depth, -high, -low, deep


def slow_gaps(candles, least, age):
    """Columns as ``row_of``."""
    bullish, bearish, rows = Zones(age), Zones(age), []
    for i, third in enumerate(candles):
        bullish.visit(float(third["low"]), i)
        bearish.visit(-float(third["high"]), i)
        event = 0.0 if i >= 2 else math.nan
        if i >= 2:
            first, middle = candles[i - 2], candles[i - 1]
            rise, fall = float(third["low"] - first["high"]), float(first["low"] - third["high"])
            if middle["close"] > middle["open"] and rise > 0.0 and rise >= least:
                bullish.leave(float(third["low"]), float(first["high"]), i)
                event = 1.0
            if middle["close"] < middle["open"] and fall > 0.0 and fall >= least:
                bearish.leave(-float(third["high"]), -float(first["low"]), i)
                event = -1.0
        rows.append(row_of(event, bullish, bearish))
    return tuple(zip(*rows, strict=True))


def slow_blocks(candles, before, after, age):
    """Columns as ``row_of``."""
    up, down = (slow_breaks(*side, before, after) for side in sides(candles))
    events = slow_structure(candles, before, after)[0]
    bullish, bearish, rows = Zones(age), Zones(age), []
    for i, candle in enumerate(candles):
        for zones, way, y in ((bullish, up[i], float(candle["low"])), (bearish, down[i], -float(candle["high"]))):
            zones.visit(y, i)
            if way[0] and (not zones.alive or zones.alive[-1][1] < way[1][1]):
                zones.leave(*way[1], i)
        rows.append(row_of(events[i], bullish, bearish))
    return tuple(zip(*rows, strict=True))


def slow_sweeps(candles, before, after, age):
    """Columns event, above, below."""
    pools, rows = (Zones(age), Zones(age)), []
    for i in range(len(candles)):
        swept = []
        for pool, (x, _, c) in zip(pools, sides(candles), strict=True):
            swept.append(sum(c[i] <= -level[1] for level in pool.visit(-x[i], i)))
            if i >= after and is_top(x, i - after, before, after):
                pool.leave(-x[i - after], -x[i - after], i)
        above, below = (pool.alive[-1][1] if pool.alive else math.nan for pool in pools)
        rows.append((swept[1] - swept[0] if i >= before + after else math.nan, -above, below))
    return tuple(zip(*rows, strict=True))


def slow_smc(candles, before, after, age):
    """Columns event, gap, sweep, premium."""
    event, _, share = slow_structure(candles, before, after)
    swept = slow_sweeps(candles, before, after, age)[0]
    return event, slow_gaps(candles, 0.0, age)[0], swept, share


ORACLES = {
    "swings": slow_swings,
    "structure": slow_structure,
    "gaps": slow_gaps,
    "blocks": slow_blocks,
    "sweeps": slow_sweeps,
    "smc": slow_smc,
}
