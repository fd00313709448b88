"""Warming a lane up: its routes walk through the past, oldest close first; nothing is published.

1m   . x x x x x x x x x x x|            each candle when it closed, the longer one first where two close together
15m        x           x    |
1m of the partner  x x x x  |            shown one minute late, as in the loop
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
    MINUTE_NS,
    NEWEST,
    ROUTE,
    ROUTE_BYTES,
    WORD,
)
from brain.timeframes import FOLD, fold
from shm.atomics import copy_record
from shm.jit import call5, kernel, record_at
from shm.records import MARKET

MARKET_BYTES = MARKET.itemsize


@kernel
def prepare(context_at, number, runs, lengths, scratch_at):
    """Forget lane ``number`` and walk its routes through ``runs`` by time of close.

    ``runs`` are FRAMES addresses of candles, and the address of the partner's minutes.
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
        if frame == 0 and lane.partner >= 0:
            _show_partner(context, lane, candle_at, runs[FRAMES], lengths[FRAMES])
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
def _show_partner(context, lane, candle_at, run, length):
    # the run has no holes, so the place follows from the time
    place = np.int64(-1)
    if length > 0:
        wanted_ns = record_at(candle_at, MARKET).open_ns - MINUTE_NS
        place = (wanted_ns - record_at(run, MARKET).open_ns) // MINUTE_NS
    for k in range(lane.first, lane.end):
        route = record_at(context.routes_at + ROUTE_BYTES * k, ROUTE)
        if route.other_at != 0:
            if 0 <= place < length:
                copy_record(route.other_at, run + MARKET_BYTES * place)
            else:
                record_at(route.other_at, MARKET).kind = 0


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
