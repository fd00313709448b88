"""The one compiled loop: any strategies, any instruments, no recompiling.

    MARKET ==> drain: for each minute of a lane (an instrument)
                 fold it into the higher timeframes
                 for each route (a strategy on that instrument)
                     read POSITIONS, hash what is read
                     call decide by its address, the longest closed timeframe first
                     ==> TARGETS     when there is an opinion
                     ==> DECISIONS   always

Nothing else enters: no clock (readings are stamped, never looked at), no chance, no I/O.
A lane is ``stale`` when its states do not follow from an unbroken run of candles: at the
start, after a hole, after a lap.  Then drain answers HISTORY before it decides, the
agent prepares the lane from table HISTORY, and the loop goes on; see brain/history.py.
"""

import math

import numpy as np

from brain.inputs import hash_inputs
from brain.strategies.base import WORKING
from brain.timeframes import FOLD, fold
from shm.atomics import copy_record, load_relaxed, monotonic_ns
from shm.doorbell import announce
from shm.jit import call5, inlined, kernel, record_at
from shm.records import DECISION, MARKET, POSITION, TARGET, MarketKind, Provenance, Reason, Unit
from shm.ring import EMPTY, LAPPED, publish, read
from shm.table import read_row

IDLE, BUSY, LOST, HISTORY = 0, 1, -1, 2
# a lane that is SHORT goes on with its minutes, but lacks a higher candle that HISTORY may have by now
SOUND, BROKEN, SHORT = 0, 1, 2
MINUTE_NS = 60_000_000_000
WAITS_KEPT = 4096
RISK_MOST = 1.0000005  # of the risk budget: all of it, rounding forgiven
RECENT = 16  # minutes of a spot: so far may it be ahead of its contract
FRAMES = 12  # timeframes of all strategies of a session, the minute included

# one row for each instrument
LANE = np.dtype(
    [
        ("first", "<i8"),  # its routes stand together in the route table
        ("end", "<i8"),
        ("tick_e8", "<i8"),
        ("folds", "<i8"),  # address of FRAMES records FOLD
        ("frames", "<i8"),  # bit k: some route wants timeframe k
        ("open_ns_last", "<i8"),
        ("prepared_ns", "<i8"),  # the minute that HISTORY was read for
        ("stale", "<i8"),  # SOUND, BROKEN or SHORT
        ("partner", "<i8"),  # row of the instrument whose candles its routes may look at; -1: none
        ("newest", MARKET),  # its last minutes, for whose partner it is
        ("before", MARKET),
        ("spot", "<i8"),  # row of the spot whose candles its routes may look at; -1: none
        ("recent_at", "<i8"),  # a spot's: address of its last RECENT minutes, by number; 0: nobody looks at it
    ],
    align=True,
)

# one row for each (instrument, strategy); *_at is an address
ROUTE = np.dtype(
    [
        ("decide", "<i8"),
        ("state_at", "<i8"),
        ("state_bytes", "<i8"),
        ("settings_at", "<i8"),
        ("target_at", "<i8"),  # WORKING: what stands
        ("waits_at", "<i8"),  # pairs of addresses: seen, settles
        ("waits", "<i8"),
        ("position_at", "<i8"),  # its row of POSITIONS
        ("other_at", "<i8"),  # MARKET in its state: where the partner's candle goes; 0: it wants none
        ("spot_at", "<i8"),  # the same for the candle of its spot
        ("instrument", "<i8"),
        ("strategy", "<i8"),
        ("frames", "<i8"),  # bit k: it wants timeframe k
        ("lowest", "<i8"),  # the timeframe whose answer counts
        ("unit", "<i8"),
        ("scale", "<f8"),  # of its amount: millionths, or lots
        ("settled", "<i8"),
        ("open_ns_last", "<i8"),  # of its newest decision
        ("target_id", "<i8"),
        ("hash", "<u8"),
    ],
    align=True,
)

CONTEXT = np.dtype(
    [
        *[(name, "<i8") for name in ("market", "market_mask", "market_seq")],
        *[(name, "<i8") for name in ("targets", "targets_mask", "targets_seq", "targets_bells")],
        *[(name, "<i8") for name in ("decisions", "decisions_mask", "decisions_seq", "decisions_bells")],
        *[(name, "<i8") for name in ("lanes_at", "lanes", "routes_at", "position_copies")],
        *[(name, "<i8") for name in ("candle_at", "position_at", "decision_at", "target_at")],  # scratch
        *[(name, "<i8") for name in ("epoch", "valid_ns", "lane_wanted")],
        ("frames_s", "<i8", (FRAMES,)),  # lengths of the timeframes, ascending; 0: no more of them
        *[
            (name, "<i8") for name in ("candles", "holes", "repeats", "corrections", "malformed", "gaps", "cold")
        ],  # counts
        ("waits_at", "<i8"),  # how long each of the last WAITS_KEPT decisions took from its candle's publication
    ],
    align=True,
)

_CANDLE, _MISSING, _CORRECTED = int(MarketKind.CANDLE), int(Provenance.MISSING), int(Provenance.CORRECTED)
_COLD, _HOLE, _FLAT, _HELD = int(Reason.COLD), int(Reason.HOLE), int(Reason.FLAT), int(Reason.HELD)
_MALFORMED, _REASON_LAST = int(Reason.MALFORMED), max(int(reason) for reason in Reason)
_RISK = int(Unit.RISK)
LANE_BYTES, ROUTE_BYTES, FOLD_BYTES, MARKET_BYTES = LANE.itemsize, ROUTE.itemsize, FOLD.itemsize, MARKET.itemsize
NEWEST, BEFORE = (LANE.fields[name][1] if LANE.fields else 0 for name in ("newest", "before"))
_FOLDED = FOLD.fields["candle"][1] if FOLD.fields else 0
WORD = np.dtype([("word", "<i8")])


@inlined
def ticks_of(price, tick_e8):
    """``price`` in ticks of ``tick_e8``, a half rounded up."""
    return np.int64(math.floor(price * 1e8 / tick_e8 + 0.5))


@kernel
def drain(context_at, limit):
    """Decide up to ``limit`` records: IDLE nothing left, BUSY more, LOST lapped, HISTORY ``lane_wanted`` is stale."""
    context = record_at(context_at, CONTEXT)
    candle = record_at(context.candle_at, MARKET)
    for _ in range(limit):
        found = read(context.market, context.market_mask, context.market_seq, context.candle_at)
        if found == EMPTY:
            return IDLE
        if found == LAPPED:
            return LOST
        if candle.kind == _CANDLE and candle.timeframe_s == 60 and candle.instrument < context.lanes:
            lane = record_at(context.lanes_at + LANE_BYTES * candle.instrument, LANE)
            if candle.provenance == _CORRECTED or (candle.revises >= 0 and candle.open_ns <= lane.open_ns_last):
                context.corrections += 1
            elif candle.open_ns <= lane.open_ns_last:
                context.repeats += 1
            elif candle.provenance == _MISSING:
                _pass_over(context, lane, candle)
            else:
                if candle.open_ns != lane.open_ns_last + MINUTE_NS:
                    lane.stale = BROKEN
                if lane.stale != SOUND and lane.prepared_ns != candle.open_ns:
                    context.lane_wanted = candle.instrument
                    return HISTORY
                _step(context, lane, candle)
        elif candle.kind == 0:
            context.gaps += 1
        context.market_seq += 1
    return BUSY


@kernel
def _pass_over(context, lane, candle):
    # a candle that is missing: no opinion, said once by each route
    lane.stale = BROKEN
    lane.open_ns_last = candle.open_ns
    context.holes += 1
    position = record_at(context.position_at, POSITION)
    for k in range(lane.first, lane.end):
        route = record_at(context.routes_at + ROUTE_BYTES * k, ROUTE)
        if candle.open_ns > route.open_ns_last:
            _read_position(context, route, position)
            route.hash = hash_inputs(route.hash, context.candle_at, position, 0, 0)
            _write(context, lane, route, candle, _HOLE)


@kernel
def _read_position(context, route, position):
    if read_row(route.position_at, context.position_copies, context.position_at) < 0:
        position.lots, position.entry_ticks, position.version, position.stopped_side = 0, 0, 0, 0


@kernel
def _step(context, lane, candle):
    # one minute of one instrument through all of its routes
    closed = 1
    for k in range(1, FRAMES):
        if lane.frames & (1 << k):
            making = record_at(lane.folds + FOLD_BYTES * k, FOLD)
            if fold(making, candle, context.frames_s[k]):
                if making.candle.missing != 0:
                    lane.stale = SHORT
                closed |= 1 << k
    if lane.stale == SHORT:
        closed = 1  # an hour after a hole would look like the hour after the last
    lane.open_ns_last = candle.open_ns
    context.candles += 1
    position = record_at(context.position_at, POSITION)
    for k in range(lane.first, lane.end):
        route = record_at(context.routes_at + ROUTE_BYTES * k, ROUTE)
        _read_position(context, route, position)
        told = candle.open_ns <= route.open_ns_last  # before a restart; only the state has to follow
        target = record_at(route.target_at, WORKING)
        if route.target_id == 0 and not told:
            _take_over(position, target)
        amount, stop, target_id = target.amount, target.stop, route.target_id
        if route.other_at != 0:
            _show_partner(context, lane, route, candle.open_ns - MINUTE_NS)
        if route.spot_at != 0:
            _show_spot(context, lane, route, candle.open_ns)
        reason = _ask(context, lane, route, closed)
        if told:
            target.amount, target.stop = amount, stop
            continue
        route.hash = hash_inputs(route.hash, context.candle_at, position, route.other_at, route.spot_at)
        reason = _judge(context, lane, route, candle, reason, amount)
        if reason in (_COLD, _MALFORMED):
            target.amount, target.stop, route.target_id = amount, stop, target_id
        _write(context, lane, route, candle, reason)
    if lane.partner >= 0:
        lane_at = context.lanes_at + LANE_BYTES * candle.instrument
        copy_record(lane_at + BEFORE, lane_at + NEWEST)
        copy_record(lane_at + NEWEST, context.candle_at)
    if lane.recent_at != 0:
        copy_record(lane.recent_at + MARKET_BYTES * (candle.open_ns // MINUTE_NS % RECENT), context.candle_at)


@kernel
def _take_over(position, target):
    # before its first target a strategy stands where its position does: what an earlier session left, or a person gave
    if position.lots != 0:
        target.amount = 1.0 if position.lots > 0 else -1.0
    else:
        target.amount = 1.0 * position.stopped_side


@kernel
def _show_partner(context, lane, route, open_ns):
    # the minute before: whether this one's has come yet depends on the network
    lane_at = context.lanes_at + LANE_BYTES * lane.partner
    partner, other = record_at(lane_at, LANE), record_at(route.other_at, MARKET)
    if partner.newest.open_ns == open_ns:
        copy_record(route.other_at, lane_at + NEWEST)
    elif partner.before.open_ns == open_ns:
        copy_record(route.other_at, lane_at + BEFORE)
    else:
        other.kind = 0


@kernel
def _show_spot(context, lane, route, open_ns):
    # the same minute: the feed puts a spot's before its contract's, or has waited for it in vain
    recent_at = record_at(context.lanes_at + LANE_BYTES * lane.spot, LANE).recent_at
    found_at = recent_at + MARKET_BYTES * (open_ns // MINUTE_NS % RECENT)
    if record_at(found_at, MARKET).open_ns == open_ns:
        copy_record(route.spot_at, found_at)
    else:
        record_at(route.spot_at, MARKET).kind = 0


@kernel
def _ask(context, lane, route, closed):
    # the longest timeframe first; only the shortest one's answer and target count
    target = record_at(route.target_at, WORKING)
    amount, stop = target.amount, target.stop
    reason = _HELD if amount != 0.0 else _FLAT
    for back in range(FRAMES):
        k = FRAMES - 1 - back
        if route.frames & closed & (1 << k):
            at = context.candle_at if k == 0 else lane.folds + FOLD_BYTES * k + _FOLDED
            answer = call5(route.decide, route.state_at, route.settings_at, at, context.position_at, route.target_at)
            if k == route.lowest:
                reason = answer
            else:
                target.amount, target.stop = amount, stop
    return reason


@kernel
def _judge(context, lane, route, candle, reason, amount_before):
    # is it settled, well-formed, a change of mind?  Then what stands is what the records say.
    if not route.settled:
        if not _has_settled(route):
            return _COLD
        route.settled = 1
    if reason == _COLD:
        return _COLD
    target = record_at(route.target_at, WORKING)
    # a comparison with NaN is false, so NaN is malformed without being named
    if not (
        1 <= reason <= _REASON_LAST
        and abs(target.amount) < (RISK_MOST if route.unit == _RISK else 1e9)
        and 0.0 <= target.stop * 1e8 / lane.tick_e8 < 9e18
    ):
        context.malformed += 1
        return _MALFORMED
    amount = math.floor(target.amount * route.scale + 0.5)
    stop_ticks = ticks_of(target.stop, lane.tick_e8)
    if amount != math.floor(amount_before * route.scale + 0.5):
        away = (ticks_of(candle.close, lane.tick_e8) - stop_ticks) * (1 if amount > 0.0 else -1)
        if route.unit == _RISK and amount != 0.0 and (away <= 0 or target.stop == 0.0):
            context.malformed += 1  # nothing between price and stop: a risk that cannot be sized
            return _MALFORMED
        route.target_id = context.market_seq + 1
    # rounded, so that a restart, which only has the records, goes on from the same numbers
    target.amount = amount / route.scale
    target.stop = stop_ticks * float(lane.tick_e8) / 1e8
    return reason


@kernel
def _has_settled(route):
    for n in range(route.waits):
        seen = load_relaxed(load_relaxed(route.waits_at + 16 * n))
        if seen == 0 or seen < load_relaxed(load_relaxed(route.waits_at + 16 * n + 8)):
            return False
    return True


@kernel
def _write(context, lane, route, candle, reason):
    # the target first, so that a decision on record means that its target is out
    working = record_at(route.target_at, WORKING)
    position = record_at(context.position_at, POSITION)
    amount = np.int64(math.floor(working.amount * route.scale + 0.5))
    stop_ticks = ticks_of(working.stop, lane.tick_e8)
    now_ns = monotonic_ns()
    if route.target_id != 0 and reason != _COLD and reason != _HOLE and reason != _MALFORMED:
        target = record_at(context.target_at, TARGET)
        target.kind, target.unit, target.reason = 1, route.unit, reason
        target.instrument, target.strategy, target.epoch = route.instrument, route.strategy, context.epoch
        target.target_id, target.market_seq = route.target_id, context.market_seq
        target.open_ns = candle.open_ns
        target.valid_until_ns = candle.open_ns + MINUTE_NS + context.valid_ns
        target.amount, target.stop_ticks = amount, stop_ticks
        target.reference_ticks = ticks_of(candle.close, lane.tick_e8)
        target.position_version = position.version
        target.received_ns, target.decided_ns = candle.received_ns, now_ns
        target.inputs_hash = route.hash
        publish(context.targets, context.targets_mask, context.targets_seq, context.target_at)
        context.targets_seq += 1
        announce(context.targets, context.targets_bells)
    out = record_at(context.decision_at, DECISION)
    out.kind, out.reason, out.stopped_side = 1, reason, position.stopped_side
    out.instrument, out.strategy, out.epoch = route.instrument, route.strategy, context.epoch
    out.market_seq, out.open_ns, out.timeframe_s = context.market_seq, candle.open_ns, 60
    out.inputs_hash = route.hash
    out.position_lots, out.entry_ticks = position.lots, position.entry_ticks
    out.position_version = position.version
    out.amount, out.stop_ticks, out.target_id = amount, stop_ticks, route.target_id
    for n in range(3):
        out["values"][n] = working["values"][n]
    out.decided_ns = now_ns
    if reason == _COLD:
        context.cold += 1
    waited = record_at(context.waits_at + 8 * (context.decisions_seq % WAITS_KEPT), WORD)
    waited.word = now_ns - candle.published_ns
    publish(context.decisions, context.decisions_mask, context.decisions_seq, context.decision_at)
    context.decisions_seq += 1
    announce(context.decisions, context.decisions_bells)
    route.open_ns_last = candle.open_ns
