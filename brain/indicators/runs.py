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
from brain.indicators.windows import look_back, moments_of, slide_extremes, slide_moments, slide_totals
from shm.jit import fused, inlined, kernel
from shm.rows import BLOCK


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
def extremes_over(state, inputs, block, spans, spare):
    """Highest and lowest of ``extremes`` for each pair of highs and lows of a ``block`` (start, count, period).

    Here ``inputs`` are whole columns: a window reaches back to before the block.  Of these there is no rounding, so
    that a window is the extreme of four that cover it, and each of them of four again: no chain from row to row.
    """
    (highs, lows), (tops, bottoms), (start, count, period) = inputs, spans, block
    if period > min(start + 1, BLOCK):
        for n in range(np.uint64(count)):
            at = np.uint64(start) + n
            tops[n], bottoms[n] = slide_extremes(state, highs[at], lows[at], period)
        return
    first, end = start - period + 1, start + count
    _extreme_over(highs[first:end], tops[:count], period, spare, _highest)
    _extreme_over(lows[first:end], bottoms[:count], period, spare, _lowest)
    for n in range(np.uint64(period)):
        at = np.uint64(end - period) + n
        state.highs[n], state.lows[n] = highs[at], lows[at]
    state.slot, state.top, state.bottom = 0, -LIMIT, LIMIT
    look_back(state.highs, state.lows, period)


@inlined
def _extreme_over(xs, answers, period, spare, extreme):
    # two lines in turn, of two lines each: they hold what begins before the block too
    width, line = 1, 0
    while 4 * width < period:
        wider = spare[line : line + 2].reshape(2 * spare.shape[1])[: xs.size - 3 * width]
        extreme(xs, wider, (width, 2 * width, 3 * width))
        xs, width, line = wider, 4 * width, 2 - line
    last = period - width
    extreme(xs, answers, (min(width, last), min(2 * width, last), last))


@kernel
def _highest(xs, answers, offsets):
    # of the windows that begin at an input and so far after it
    one, two, three = offsets
    for n in range(np.uint64(answers.size)):
        answers[n] = max(xs[n], xs[n + np.uint64(one)], xs[n + np.uint64(two)], xs[n + np.uint64(three)])


@kernel
def _lowest(xs, answers, offsets):
    one, two, three = offsets
    for n in range(np.uint64(answers.size)):
        answers[n] = min(xs[n], xs[n + np.uint64(one)], xs[n + np.uint64(two)], xs[n + np.uint64(three)])
