"""Market structure: what breaks, what is left behind, what is taken, and where in its range the price is.

    structure   swings -> break of structure, change of character, premium and discount
    gaps        fair value gaps, and how far they are filled
    blocks      order blocks, and how far they are mitigated
    sweeps      liquidity above tops and below bottoms, and who takes it
    smc         all of it in one record, over the same swings

Everything is said on the candle that proves it, once, and is never taken back.
"""

import math

from brain.indicators.indicator import LIMIT, NEVER, Indicator, state_of
from brain.indicators.swings import LEG, SWINGS, fits, is_sound, leg, swings
from brain.indicators.zones import ZONES, depth_of, empty, far_of, leave, leave_if, near_of, sweep, visit, visit_often
from shm.jit import inlined, kernel

STRUCTURE = state_of(("swing", SWINGS), ("rise", LEG), ("fall", LEG), ("trend", "<i8"))
BLOCKS = state_of(("structure", STRUCTURE), ("bullish", ZONES), ("bearish", ZONES))
SWEEPS = state_of(("swing", SWINGS), ("above", ZONES), ("below", ZONES))
GAPS = state_of(*("open_1", "close_1", "high_1", "low_1", "high_2", "low_2"), ("bullish", ZONES), ("bearish", ZONES))
SMC = state_of(
    *[("structure", STRUCTURE), ("gaps", GAPS)],
    *[("bullish", ZONES), ("bearish", ZONES), ("above", ZONES), ("below", ZONES)],
)

BREAK, CHARACTER = 1.0, 2.0


@kernel
def _forget(state, is_period):
    # a hole, or a period that does not fit, which is counted so that it is seen never to settle
    state.seen = 0 if is_period else state.seen + 1
    state.settles = NEVER
    return math.nan


@inlined
def structure(state, candle, before, after):
    """1.0 break of structure upwards, 2.0 change of character upwards, -1.0 and -2.0 downwards, 0.0; NaN before.

                       c > top                            trend up:   a close above the newest top
               *      /     1.0: the trend goes on                    is a break of structure
       *      / \\    /                                    trend down: the same close is a
      / \\    /   \\  /                                                 change of character
     /   \\  /     \\/
    /     \\/                        each top and bottom can be broken once
    """
    swung = swings(state.swing, candle, before, after)
    if state.swing.seen == 0 or not fits(before, after):
        return _forget(state, fits(before, after))
    now = state.swing.seen - 1
    up, down = state.swing.up, state.swing.down
    if now == 0:
        state.trend, state.settles = 0, NEVER
        state.rise.whole, state.fall.whole = 0, 0
    confirmed = now - after
    is_top = swung == swung and up.level_at == confirmed
    is_bottom = swung == swung and down.level_at == confirmed
    rose = leg(state.rise, up, down, is_top, candle.close, now)
    fell = leg(state.fall, down, up, is_bottom, -candle.close, now)
    state.seen = now + 1
    side = (1 if rose else 0) - (1 if fell else 0)
    event = 0.0
    if side != 0:
        event = side * (CHARACTER if state.trend * side < 0 else BREAK)
        state.trend = side
        if state.settles == NEVER and state.swing.settles != NEVER:
            # the next candle: what this break is called depends on the trend before it
            state.settles = state.seen + 1
    return event if swung == swung else math.nan


@kernel
def premium(state, close):
    """Where ``close`` lies in the dealing range, 0.0 to 1.0: below half is discount, above is premium; NaN before.

    ceiling ------ 1.0   the newest top, or what the price reached since
             premium
            ------ 0.5
             discount
    floor   ------ 0.0   the newest bottom, or what the price reached since
    """
    if state.swing.seen == 0 or state.swing.settles == NEVER:
        return math.nan
    ceiling, floor = state.rise.crest, -state.fall.crest
    return (close - floor) / (ceiling - floor) if ceiling > floor else 0.5


@inlined
def gaps(state, candle, least, age):
    """1.0 where a bullish fair value gap of at least ``least`` opens, -1.0 a bearish one, else 0.0; NaN before.

     |                 | low of the third candle
    [ ]   |           [ ]
     |   [ ]   gap   - - - -   stamped on the third candle: nobody knew before.  A candle that
         [ ]         - - - -   comes back takes a part; at the far side the gap is filled.
     |   [ ]   |
    [ ]   |     high of the first candle
    """
    if not (is_sound(candle) and abs(candle.open) < LIMIT and age > 0):
        return _forget(state, age > 0)
    now = state.seen
    if now == 0:
        empty(state.bullish)
        empty(state.bearish)
    high, low = candle.high, candle.low
    visit_often(state.bullish, low, now, age)
    visit_often(state.bearish, -high, now, age)
    body, up, down = state.close_1 - state.open_1, low - state.high_2, state.low_2 - high
    is_bullish = (now >= 2) & (body > 0.0) & (up > 0.0) & (up >= least)
    is_bearish = (now >= 2) & (body < 0.0) & (down > 0.0) & (down >= least)
    leave_if(state.bullish, is_bullish, low, state.high_2, now)
    leave_if(state.bearish, is_bearish, -high, -state.low_2, now)
    event = 1.0 if is_bullish else 0.0
    event = -1.0 if is_bearish else event
    state.high_2, state.low_2 = state.high_1, state.low_1
    state.open_1, state.close_1, state.high_1, state.low_1 = candle.open, candle.close, high, low
    state.seen, state.settles = now + 1, age + 3
    return event if now >= 2 else math.nan


@inlined
def _mark_blocks(zones, structured, event, candle, age):
    # zones: bullish, bearish
    now = structured.seen - 1
    visit(zones[0], candle.low, now, age)
    visit(zones[1], -candle.high, now, age)
    if event > 0.0:
        _block(zones[0], structured.rise, now)
    elif event < 0.0:
        _block(zones[1], structured.fall, now)


@kernel
def _block(zones, way, now):
    # two breaks can go back to the same candle
    if zones.alive == 0 or far_of(zones) < way.pit:
        leave(zones, way.pit_rim, way.pit, now)


@kernel
def blocks(state, candle, before, after, age):
    """The structure's event, with its order blocks left behind in ``state``; NaN before.

             c breaks the top
      *     /
     / \\   /
    /   \\ /       the lowest candle between the top and its break is the
        [ ] near  bullish block; mitigated by what comes back into it,
        [ ] far   gone when the price reaches its far side
    """
    event = structure(state.structure, candle, before, after)
    if state.structure.seen == 0 or not fits(before, after) or age <= 0:
        return _forget(state, fits(before, after) and age > 0)
    if state.structure.seen == 1:
        empty(state.bullish)
        empty(state.bearish)
        state.settles = NEVER
    _mark_blocks((state.bullish, state.bearish), state.structure, event, candle, age)
    state.seen = state.structure.seen
    if state.settles == NEVER and state.structure.settles != NEVER:
        state.settles = state.structure.settles + age
    return event


@inlined
def _take_pools(pools, swing, candle, after, age):
    # pools: above, below; the signed number of levels swept
    now = swing.seen - 1
    above, _ = sweep(pools[0], candle.high, candle.close, now, age)
    below, _ = sweep(pools[1], -candle.low, -candle.close, now, age)
    if swing.up.level_at == now - after:
        leave(pools[0], -swing.up.level, -swing.up.level, now)
    if swing.down.level_at == now - after:
        leave(pools[1], -swing.down.level, -swing.down.level, now)
    return 1.0 * (below - above)


@kernel
def sweeps(state, candle, before, after, age):
    """Bottoms swept by this candle less tops swept by it: above 0.0 is bullish; NaN before.

    - - - - - - - -|- -   resting orders above the tops: the high takes them,
      *     *     [ ]     the close comes back under them
     / \\   / \\    [ ]
    /   \\ /   \\  / |     -2.0: two tops were swept
    """
    swung = swings(state.swing, candle, before, after)
    if state.swing.seen == 0 or not fits(before, after) or age <= 0:
        return _forget(state, fits(before, after) and age > 0)
    if state.swing.seen == 1:
        empty(state.above)
        empty(state.below)
    swept = _take_pools((state.above, state.below), state.swing, candle, after, age)
    state.seen, state.settles = state.swing.seen, before + after + age + 1
    return swept if swung == swung else math.nan


@kernel
def smc(state, candle, before, after, age):
    """All of it: (structure's event, gap's event, sweep, premium); NaN before."""
    event = structure(state.structure, candle, before, after)
    opened = gaps(state.gaps, candle, 0.0, age)
    if state.structure.seen == 0 or state.gaps.seen == 0 or not fits(before, after) or age <= 0:
        state.structure.seen, state.structure.swing.seen, state.gaps.seen = 0, 0, 0
        return _forget(state, fits(before, after) and age > 0), math.nan, math.nan, math.nan
    if state.structure.seen == 1:
        empty(state.bullish)
        empty(state.bearish)
        empty(state.above)
        empty(state.below)
        state.settles = NEVER
    _mark_blocks((state.bullish, state.bearish), state.structure, event, candle, age)
    swept = _take_pools((state.above, state.below), state.structure.swing, candle, after, age)
    state.seen = state.structure.seen
    if state.settles == NEVER and state.structure.settles != NEVER:
        state.settles = state.structure.settles + age
    return event, opened, swept if event == event else math.nan, premium(state.structure, candle.close)


@kernel
def _structure_step(state, settings, candle, out):
    out.event = structure(state, candle, settings.before, settings.after)
    out.premium = premium(state, candle.close)
    out.trend = state.trend if out.event == out.event else math.nan


@kernel
def _show(out, bullish, bearish):
    out.bull_top, out.bull_bottom, out.bull_depth = near_of(bullish), far_of(bullish), depth_of(bullish)
    out.bear_top, out.bear_bottom, out.bear_depth = -far_of(bearish), -near_of(bearish), depth_of(bearish)


@kernel
def _gaps_step(state, settings, candle, out):
    out.event = gaps(state, candle, settings.least, settings.age)
    if state.seen > 0:
        _show(out, state.bullish, state.bearish)


@kernel
def _blocks_step(state, settings, candle, out):
    out.event = blocks(state, candle, settings.before, settings.after, settings.age)
    if state.seen > 0:
        _show(out, state.bullish, state.bearish)


@kernel
def _sweeps_step(state, settings, candle, out):
    out.event = sweeps(state, candle, settings.before, settings.after, settings.age)
    if state.seen > 0:
        out.above, out.below = -near_of(state.above), near_of(state.below)


@kernel
def _smc_step(state, settings, candle, out):
    event, opened, swept, share = smc(state, candle, settings.before, settings.after, settings.age)
    out.event, out.gap, out.sweep, out.premium = event, opened, swept, share


BARS = ("open", "high", "low", "close")
ZONE_OUTPUTS = ("event", "bull_top", "bull_bottom", "bull_depth", "bear_top", "bear_bottom", "bear_depth")
SIZE = {"before": 5, "after": 5}

STRUCTURE_INDICATOR = Indicator(
    name="structure",
    title="break of structure, change of character, premium and discount",
    state=STRUCTURE,
    step=_structure_step,
    inputs=("high", "low", "close"),
    outputs=("event", "trend", "premium"),
    parameters=SIZE,
    first=lambda before, after: (before + after, before + after, None),
    settled=None,
    origin="smart money concepts",
    difference="an event is stamped on the close that breaks; the library marks the swing, after the fact",
)

GAPS_INDICATOR = Indicator(
    name="gaps",
    title="fair value gaps, what is left of the newest, and how deep it was filled",
    state=GAPS,
    step=_gaps_step,
    inputs=BARS,
    outputs=ZONE_OUTPUTS,
    parameters={"least": 0.0, "age": 288},
    first=lambda least, age: (2, *[None] * 6),
    settled=lambda least, age: age + 2,
    origin="smart money concepts",
    difference="stamped on the third candle, one later than the library, which labels the second",
)

BLOCKS_INDICATOR = Indicator(
    name="blocks",
    title="order blocks, and how deep the newest was mitigated",
    state=BLOCKS,
    step=_blocks_step,
    inputs=("high", "low", "close"),
    outputs=ZONE_OUTPUTS,
    parameters={**SIZE, "age": 288},
    first=lambda before, after, age: (before + after, *[None] * 6),
    settled=None,
    origin="smart money concepts",
    difference="of the swings known at the break; the library drops swings that later ones overtake",
)

SWEEPS_INDICATOR = Indicator(
    name="sweeps",
    title="liquidity swept, and the nearest that is left above and below",
    state=SWEEPS,
    step=_sweeps_step,
    inputs=("high", "low", "close"),
    outputs=("event", "above", "below"),
    parameters={**SIZE, "age": 288},
    first=lambda before, after, age: (before + after, None, None),
    settled=lambda before, after, age: before + after + age,
    origin="smart money concepts",
    difference="each unbroken swing is a pool; the library joins swings within a share of the whole file's range",
)

SMC_INDICATOR = Indicator(
    name="smc",
    title="structure, gaps, blocks and sweeps over the same swings",
    state=SMC,
    step=_smc_step,
    inputs=BARS,
    outputs=("event", "gap", "sweep", "premium"),
    parameters={**SIZE, "age": 288},
    first=lambda before, after, age: (before + after, 2, before + after, None),
    settled=None,
    origin="smart money concepts",
)
