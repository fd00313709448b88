"""The published EURUSD results of smart-money-concepts: reproduced, and each difference explained by definition.

What the library labels on a candle is known only later: a swing five candles later, a gap one candle
later, a break when the level is broken.  Ours is stamped when it is known, so each comparison says how late.
"""

import csv
import gzip
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from brain.indicators.indicator import catalogue, walked
from brain.indicators.structure import BLOCKS, blocks
from shm.jit import kernel
from shm.records import MARKET
from tests.brain.market import DATA, marked

HOME = DATA / "reference" / "smart_money_concepts" / "EURUSD"
BEFORE, AFTER, AGE = 4, 5, 60_000  # their window of ten: four before, itself, five after
ROUNDED = 1e-6  # their levels went through single precision


@cache
def published(name):
    """Return a table of theirs, column by column; NaN where it is empty."""
    path = HOME / f"{name}.csv.gz"
    if not path.is_file():
        pytest.skip("no smart_money_concepts reference under RINGMASTER_DATA")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return {key: np.array([float(row[key] or "nan") for row in rows]) for key in rows[0] if key != "Date"}


@cache
def quarters():
    """Return the candles; the weekends are left out of the count, as theirs."""
    table = published("EURUSD_15M")
    candles = np.zeros(len(table["Close"]), MARKET)
    candles["open_ns"] = np.arange(len(candles)) * 900 * 10**9
    for name in ("open", "high", "low", "close"):
        candles[name] = table[name.capitalize()]
    return marked(candles, 900)


def stamped(name, **parameters):
    """Return where indicator ``name`` says something, and what."""
    event = walked(catalogue()[name], quarters(), parameters)[0]["event"]
    both = {2.0: (1.0, -1.0)}
    return [
        (int(at), sign)
        for at in np.flatnonzero((event != 0.0) & (event == event))
        for sign in both.get(float(event[at]), (float(event[at]),))
    ]


def alternating(marks):
    """Of tops in a row keep the highest, of bottoms the lowest: what the library does once it knows all of them."""
    high, low = quarters()["high"], quarters()["low"]
    while True:
        gone = set()
        for (p, one), (q, two) in pairwise(marks):
            if one == two == 1.0:
                gone.add(p if high[p] < high[q] else q)
            elif one == two == -1.0:
                gone.add(p if low[p] > low[q] else q)
        if not gone:
            return marks
        marks = [mark for mark in marks if mark[0] not in gone]


@kernel
def _broken(states, candles, out):
    for n in range(candles.size):
        event = blocks(states[0], candles[n], BEFORE, AFTER, AGE)
        structured = states[0].structure
        out[n, 0] = event
        out[n, 1] = structured.swing.up.level if event > 0.0 else -structured.swing.down.level
        way = structured.rise if event > 0.0 else structured.fall
        out[n, 2], out[n, 3], out[n, 4] = way.pit_at, way.pit, way.pit_rim


@cache
def breaks():
    """Return for each candle: our event, the level broken, and the block behind it: candle, pit, rim."""
    out = np.zeros((len(quarters()), 5))
    _broken(np.zeros(1, BLOCKS), quarters(), out)
    return out


def test_every_gap_is_theirs_one_candle_later():
    """All 5,020: direction, top and bottom; ours is stamped on the third candle, theirs on the second."""
    theirs = published("fvg_result_data")
    ours, _ = walked(catalogue()["gaps"], quarters(), {"age": AGE})
    event = np.where(ours["event"] != 0.0, ours["event"], np.nan)
    assert np.count_nonzero(event == event) == 5020
    assert np.array_equal(event[1:], theirs["FVG"][:-1], equal_nan=True)
    for sign, side in ((1.0, "bull"), (-1.0, "bear")):
        at = np.flatnonzero(event == sign)
        for edge in ("top", "bottom"):
            differs = np.flatnonzero(ours[f"{side}_{edge}"][at] != theirs[edge.capitalize()][at - 1])
            # after a jump between two candles a gap would overlap the one before: ours is cut there
            assert len(differs) == (2 if (side, edge) == ("bear", "top") else 0)


def test_a_gap_is_first_entered_where_they_say():
    """Their mitigation is our first touch, wherever the gap was still the newest of its side."""
    theirs, candles = published("fvg_result_data"), quarters()
    ours, _ = walked(catalogue()["gaps"], candles, {"age": AGE})
    checked = 0
    for sign, near, far, y in ((1.0, "bull_top", "bull_bottom", "low"), (-1.0, "bear_bottom", "bear_top", "high")):
        born = np.flatnonzero(ours["event"] == sign)
        for n, next_one in zip(born, [*born[1:], len(candles)], strict=True):
            end = int(theirs["MitigatedIndex"][n - 1])
            if not n < end < next_one:
                continue
            checked += 1
            assert (ours[near][n:end] == ours[near][n]).all(), "nothing is taken of it before"
            assert (ours[far][n:end] == ours[far][n]).all()
            gone = ours[far][end] != ours[far][n]
            assert gone or (candles[y][end] - ours[near][n]) * sign <= 0.0
    assert checked == 3203


def test_every_swing_is_theirs_five_candles_later_but_for_ties_and_what_they_add():
    """2,708 of theirs: our 3,302, alternating as they do with hindsight, and equal highs counted as they do."""
    theirs = published("swing_highs_lows_result_data")["HighLow"]
    x = {1.0: quarters()["high"], -1.0: -quarters()["low"]}
    ours = {(at - AFTER, sign) for at, sign in stamped("swings", before=BEFORE, after=AFTER)}
    # their rule for equal highs: none of the window is higher
    loose = [
        (p, sign)
        for p in range(2 * AFTER - 1, len(theirs) - AFTER)
        for sign in (1.0, -1.0)
        if x[sign][p] == x[sign][p - BEFORE : p + AFTER + 1].max()
    ]
    for p, sign in set(loose) ^ {mark for mark in ours if mark[0] >= 2 * AFTER - 1}:
        assert x[sign][p] in x[sign][p - BEFORE : p], "only an equal price before it makes a difference"
    # a candle that is both is only a top to them
    tops = {p for p, sign in loose if sign == 1.0}
    found = dict(alternating([(p, sign) for p, sign in loose if sign == 1.0 or p not in tops]))
    # their first and last candle are marked without being swings
    expected = {int(p): theirs[p] for p in np.flatnonzero(theirs == theirs) if p not in (0, len(theirs) - 1)}
    assert len(ours) == 3302
    assert found == expected


def test_their_breaks_are_ours_where_the_level_was_still_the_newest():
    """965 of their 1,129 are the same candle and level; the rest: a newer swing, single precision, equal prices."""
    theirs, ours, candles = published("bos_choch_result_data"), breaks(), quarters()
    swung = stamped("swings", before=BEFORE, after=AFTER)
    same = newer = rounded = equal = 0
    for at in np.flatnonzero((theirs["BOS"] == theirs["BOS"]) | (theirs["CHOCH"] == theirs["CHOCH"])):
        up = theirs["BOS"][at] == 1.0 or theirs["CHOCH"][at] == 1.0
        level, end = theirs["Level"][at], int(theirs["BrokenIndex"][at])
        if ours[end, 0] * (1 if up else -1) > 0.0 and abs(ours[end, 1] - level) < ROUNDED:
            same += 1
        elif any(at < q - AFTER and q <= end and (sign > 0.0) == up for q, sign in swung):
            newer += 1
        elif abs(candles["close"][at + 2 : end + 1] - level).min() < ROUNDED:
            rounded += 1
        else:
            x = candles["high"] if up else candles["low"]
            assert x[at] in x[at - BEFORE : at], "equal prices: the first of them is our swing"
            equal += 1
    assert (same, newer, rounded, equal) == (965, 143, 15, 6)


def test_their_order_blocks_are_ours():
    """60 of 66: same candle, top and bottom; six differ by a newer swing or by a breaking candle that is the lowest."""
    theirs, ours = published("ob_result_data"), breaks()
    found = {(int(row[2]), row[0] > 0.0): row for row in ours[ours[:, 0] != 0.0] if row[0] == row[0]}
    at = np.flatnonzero((theirs["OB"] == 1.0) | (theirs["OB"] == -1.0))
    hits = [row for p in at if (row := found.get((int(p), theirs["OB"][p] > 0.0))) is not None]
    assert (len(at), len(hits)) == (66, 60)
    for row in hits:
        zone = (row[4], row[3]) if row[0] > 0.0 else (-row[3], -row[4])
        assert zone == pytest.approx((theirs["Top"][int(row[2])], theirs["Bottom"][int(row[2])]), abs=ROUNDED)


def pooled(span):
    """Return the pools by their rule: swings within a hundredth of ``span`` of the first of them, until it is swept."""
    swung, candles = published("swing_highs_lows_result_data"), quarters()
    found = {}
    for sign, x in ((1.0, candles["high"]), (-1.0, -candles["low"])):
        at = np.flatnonzero(swung["HighLow"] == sign)
        level, used = sign * swung["Level"], set()
        for start in at:
            if start in used:
                continue
            taken = np.flatnonzero(x[start + 1 :] >= level[start] + 0.01 * span)
            swept = start + 1 + int(taken[0]) if len(taken) else 0
            later = at[(at > start) & ((at < swept) | (swept == 0))]
            joined = [j for j in later if j not in used and abs(level[j] - level[start]) <= 0.01 * span]
            used.update(joined)
            if joined:
                found[int(start)] = (sign, int(joined[-1]), swept)
    return found


def test_their_pools_need_the_whole_file():
    """All 498 by their rule with the range of all 24,424 candles; with that of the first half only 246 are the same."""
    theirs, candles = published("liquidity_result_data"), quarters()
    at = np.flatnonzero(theirs["Liquidity"] == theirs["Liquidity"])
    expected = {int(n): (theirs["Liquidity"][n], int(theirs["End"][n]), int(theirs["Swept"][n])) for n in at}
    span, half = (float(part["high"].max() - part["low"].min()) for part in (candles, candles[: len(candles) // 2]))
    assert pooled(span) == expected
    with_half = pooled(half)
    assert (len(expected), sum(with_half.get(n) == pool for n, pool in expected.items())) == (498, 246)
