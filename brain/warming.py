"""Warming a lane up: its routes walk through the past, oldest close first; nothing is published.

1m   . x x x x x x x x x x x|            each candle when it closed, the longer one first where two close together
15m        x           x    |
1m of the partner  x x x x  |            shown one minute late, as in the loop
1m of the spot       x x x x|            shown with the minute of its own time
                            ^ instant
"""

import numpy as np

from brain.loop import (
    BEFORE,
    CONTEXT,
    FOLD_BYTES,
    FRAMES,
    LANE,
    LANE_BYTES,
    MARKET_BYTES,
    MINUTE_NS,
    NEWEST,
    RECENT,
    ROUTE,
    ROUTE_BYTES,
    WORD,
)
from brain.timeframes import FOLD, fold
from shm.atomics import copy_record
from shm.jit import call5, kernel, record_at
from shm.records import MARKET


@kernel
def prepare(context_at, number, runs, lengths, scratch_at):
    """Forget lane ``number`` and walk its routes through ``runs`` by time of close.

    ``runs`` are FRAMES addresses of candles, and those of the partner's minutes and of the spot's.
    ``scratch_at`` holds a WORKING and a POSITION record: what stands is not touched, and nothing is published.
    """
    context = record_at(context_at, CONTEXT)
    lane = record_at(context.lanes_at + LANE_BYTES * number, LANE)
    _clear(lane.folds, FRAMES * FOLD_BYTES)
    for k in range(lane.first, lane.end):
        route = record_at(context.routes_at + ROUTE_BYTES * k, ROUTE)
        _clear(route.state_at, route.state_bytes)
        route.settled = 0
    if lane.partner >= 0:
        _keep_newest(context, number, runs[0], lengths[0])
        _keep_newest(context, lane.partner, runs[FRAMES], lengths[FRAMES])
    if lane.spot >= 0:
        _keep_recent(context, lane.spot, runs[FRAMES + 1], lengths[FRAMES + 1])
    next_ones = np.zeros(FRAMES, np.int64)
    while True:
        frame, close_ns = -1, np.int64(1) << 62
        for k in range(FRAMES):
            if next_ones[k] < lengths[k]:
                candle = record_at(runs[k] + MARKET_BYTES * next_ones[k], MARKET)
                closes = candle.open_ns + context.frames_s[k] * 1_000_000_000
                if closes <= close_ns:
                    frame, close_ns = k, closes
        if frame < 0:
            return 0
        candle_at = runs[frame] + MARKET_BYTES * next_ones[frame]
        if frame == 0:
            _show_others(context, lane, candle_at, runs, lengths)
        _rehearse(context, lane, frame, candle_at, scratch_at)
        next_ones[frame] += 1


@kernel
def _keep_newest(context, number, run, length):
    # what the lane would have kept, had it walked to here
    if length < 2:
        return
    lane_at = context.lanes_at + LANE_BYTES * number
    last_at = run + MARKET_BYTES * (length - 1)
    if record_at(last_at, MARKET).open_ns > record_at(lane_at, LANE).newest.open_ns:
        copy_record(lane_at + BEFORE, last_at - MARKET_BYTES)
        copy_record(lane_at + NEWEST, last_at)


@kernel
def _keep_recent(context, number, run, length):
    # the same of a spot, which keeps some more
    recent_at = record_at(context.lanes_at + LANE_BYTES * number, LANE).recent_at
    for n in range(max(0, length - RECENT), length):
        one_at = run + MARKET_BYTES * n
        open_ns = record_at(one_at, MARKET).open_ns
        kept_at = recent_at + MARKET_BYTES * (open_ns // MINUTE_NS % RECENT)
        if record_at(kept_at, MARKET).open_ns < open_ns:
            copy_record(kept_at, one_at)


@kernel
def _show_others(context, lane, candle_at, runs, lengths):
    open_ns = record_at(candle_at, MARKET).open_ns
    for k in range(lane.first, lane.end):
        route = record_at(context.routes_at + ROUTE_BYTES * k, ROUTE)
        if route.other_at != 0:
            _show(route.other_at, open_ns - MINUTE_NS, runs[FRAMES], lengths[FRAMES])
        if route.spot_at != 0:
            _show(route.spot_at, open_ns, runs[FRAMES + 1], lengths[FRAMES + 1])


@kernel
def _show(to_at, open_ns, run, length):
    # the run has no holes, so the place follows from the time
    place = np.int64(-1)
    if length > 0:
        place = (open_ns - record_at(run, MARKET).open_ns) // MINUTE_NS
    if 0 <= place < length:
        copy_record(to_at, run + MARKET_BYTES * place)
    else:
        record_at(to_at, MARKET).kind = 0


@kernel
def _rehearse(context, lane, frame, candle_at, scratch_at):
    if frame == 0:
        for k in range(1, FRAMES):
            if lane.frames & (1 << k):
                fold(record_at(lane.folds + FOLD_BYTES * k, FOLD), record_at(candle_at, MARKET), context.frames_s[k])
    for k in range(lane.first, lane.end):
        route = record_at(context.routes_at + ROUTE_BYTES * k, ROUTE)
        if route.frames & (1 << frame):
            call5(route.decide, route.state_at, route.settings_at, candle_at, scratch_at + 128, scratch_at)


@kernel
def _clear(at, count):
    for n in range(count // 8):
        record_at(at + 8 * n, WORD).word = 0
