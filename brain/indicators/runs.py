"""Windows over a block of inputs: to the last bit what windows.py says of them one by one.

    block       ..|  run: ``period`` inputs  |  run                     |..
                  from the front -->         one sum of the window of each input is so far,
                         <-- from behind     the other is for the windows of the run after

What is left of the last run, from behind, lies in the state; both directions of a run need nothing of one another
and are gone together.  The ends of a block, which are no whole runs, are taken one by one.  All windows are full,
all inputs sound, and nothing is counted.  ``spare`` is a table of four lines for what is needed in a block only.
"""

import numpy as np

from brain.indicators.indicator import LIMIT
from brain.indicators.windows import moments_of, slide_extremes, slide_moments, slide_totals
from shm.jit import fused, inlined


@inlined
def runs_end(slot, period, start, size):
    """Where the last of the whole runs that begin at ``start`` ends; ``start`` itself where there is none."""
    return start + (size - start) // period * period if slot == 0 else start


@inlined
def _take(spare, ring, period):
    # the first two spare lines are what a run begins with, the next two what it leaves; then they change places
    for n in range(np.uint64(period)):
        spare[0][n], spare[1][n] = ring[0][n], ring[1][n]
    return 0


@inlined
def _keep(ring, spare, at, period):
    for n in range(np.uint64(period)):
        ring[0][n], ring[1][n] = spare[at, n], spare[at + 1, n]


@inlined
def totals_over(state, inputs, period, sums, spare):
    """Both sums of ``totals`` for each pair of ``inputs``."""
    (xs, ys), (ones, twos) = inputs, sums
    n, size = 0, xs.size
    while n < size:
        end = runs_end(state.slot, period, n, size)
        if n == end:
            at = np.uint64(n)
            ones[at], twos[at] = slide_totals(state, xs[at], ys[at], period)
            n += 1
            continue
        old = _take(spare, (state.ones, state.twos), period)
        for start in range(n, end, period):
            _totals_run(inputs, (start, period), sums, spare, old)
            old = 2 - old
        _keep((state.ones, state.twos), spare, old, period)
        state.slot, state.one, state.two = 0, 0.0, 0.0
        n = end


@inlined
def _totals_run(inputs, run, sums, spare, old):
    (xs, ys), (ones, twos), (start, period) = inputs, sums, run
    one, two, one_behind, two_behind = 0.0, 0.0, 0.0, 0.0
    new, first, last = 2 - old, np.uint64(start), np.uint64(start + period - 1)
    for n in range(np.uint64(period - 1)):
        one += xs[first + n]
        two += ys[first + n]
        after = n + np.uint64(1)
        ones[first + n], twos[first + n] = one + spare[old, after], two + spare[old + 1, after]
        one_behind += xs[last - n]
        two_behind += ys[last - n]
        back = last - n - first
        spare[new, back], spare[new + 1, back] = one_behind, two_behind
    one_behind += xs[first]
    two_behind += ys[first]
    spare[new, 0], spare[new + 1, 0] = one_behind, two_behind
    ones[last], twos[last] = 0.0 + one_behind, 0.0 + two_behind


@inlined
def moments_over(state, xs, period, results, spare):
    """Mean and variance of ``moments`` for each of ``xs``."""
    means, variances = results
    n, size = 0, xs.size
    while n < size:
        end = runs_end(state.slot, period, n, size)
        if n == end:
            at = np.uint64(n)
            means[at], variances[at] = slide_moments(state, xs[at], period)
            n += 1
            continue
        old = _take(spare, (state.ones, state.twos), period)
        for start in range(n, end, period):
            state.origin = _moments_run(xs, (start, period, state.origin, state.share), results, spare, old)
            old = 2 - old
        _keep((state.ones, state.twos), spare, old, period)
        state.slot, state.one, state.two = 0, 0.0, 0.0
        n = end


@inlined
def _moments_run(xs, run, results, spare, old):
    (means, variances), (start, period, origin, share) = results, run
    one, two, one_behind, two_behind = 0.0, 0.0, 0.0, 0.0
    new, first, last = 2 - old, np.uint64(start), np.uint64(start + period - 1)
    origin_behind = xs[last]
    for n in range(np.uint64(period - 1)):
        off = xs[first + n] - origin
        one, two = one + off, fused(off, off, two)
        after = n + np.uint64(1)
        mean, variance = moments_of(one + spare[old, after], two + spare[old + 1, after], share, origin)
        means[first + n], variances[first + n] = mean, variance
        off = xs[last - n] - origin_behind
        one_behind, two_behind = one_behind + off, fused(off, off, two_behind)
        back = last - n - first
        spare[new, back], spare[new + 1, back] = one_behind, two_behind
    off = xs[first] - origin_behind
    one_behind, two_behind = one_behind + off, fused(off, off, two_behind)
    spare[new, 0], spare[new + 1, 0] = one_behind, two_behind
    means[last], variances[last] = moments_of(0.0 + one_behind, 0.0 + two_behind, share, origin_behind)
    return origin_behind


@inlined
def extremes_over(state, inputs, period, spans, spare):
    """Highest and lowest of ``extremes`` for each pair of highs and lows."""
    (highs, lows), (tops, bottoms) = inputs, spans
    n, size = 0, highs.size
    while n < size:
        end = runs_end(state.slot, period, n, size)
        if n == end:
            at = np.uint64(n)
            tops[at], bottoms[at] = slide_extremes(state, highs[at], lows[at], period)
            n += 1
            continue
        old = _take(spare, (state.highs, state.lows), period)
        for start in range(n, end, period):
            _extremes_run(inputs, (start, period), spans, spare, old)
            old = 2 - old
        _keep((state.highs, state.lows), spare, old, period)
        state.slot, state.top, state.bottom = 0, -LIMIT, LIMIT
        n = end


@inlined
def _extremes_run(inputs, run, spans, spare, old):
    (highs, lows), (tops, bottoms), (start, period) = inputs, spans, run
    top, bottom, top_behind, bottom_behind = -LIMIT, LIMIT, -LIMIT, LIMIT
    new, first, last = 2 - old, np.uint64(start), np.uint64(start + period - 1)
    for n in range(np.uint64(period - 1)):
        top, bottom = max(top, highs[first + n]), min(bottom, lows[first + n])
        after = n + np.uint64(1)
        tops[first + n], bottoms[first + n] = max(spare[old, after], top), min(spare[old + 1, after], bottom)
        top_behind, bottom_behind = max(highs[last - n], top_behind), min(lows[last - n], bottom_behind)
        back = last - n - first
        spare[new, back], spare[new + 1, back] = top_behind, bottom_behind
    top_behind, bottom_behind = max(highs[first], top_behind), min(lows[first], bottom_behind)
    spare[new, 0], spare[new + 1, 0] = top_behind, bottom_behind
    tops[last], bottoms[last] = max(top_behind, -LIMIT), min(bottom_behind, LIMIT)
