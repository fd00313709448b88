"""Seeded order sequences against the matching model: conservation, price and time, checked from the fills alone.

    python tests/engine/campaign.py --seed 1 --count 10000

A sequence: up to 12 orders arrive and are cancelled while the price walks legs and jumps; a taker that
meets one of our own does what its self-trade prevention says, and half of the sequences hold two legs.
After each of them nothing here asks the model what it meant; it adds up what it did.
Prints a digest of every fill: the same seed prints the same digest.
"""

import argparse
import hashlib
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from engine import matching
from engine.matching import LIMIT, MAKER, PREVENTED, REDUCE, STOP, TAKE, TAKER, TRIGGERED


@dataclass
class Course:
    """One sequence as it goes: the orders that wait, what they asked for, and what they got."""

    orders: np.ndarray
    book: np.ndarray
    asked: dict[int, int] = field(default_factory=dict)
    got: dict[int, int] = field(default_factory=dict)
    held: np.ndarray = field(default_factory=lambda: np.zeros(3, np.int64))
    bought: np.ndarray = field(default_factory=lambda: np.zeros(3, np.int64))
    is_hedged: bool = False
    last: int = 10_000
    names: int = 0


@dataclass
class Tally:
    """What a campaign did."""

    sequences: int = 0
    orders: int = 0
    fills: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)


def begun(chance: np.random.Generator) -> Course:
    """A market around 10,000 ticks with a random book."""
    book = matching.book_of(int(chance.integers(1, 40)), int(chance.integers(1, 5)))
    return Course(np.zeros(0, matching.ORDER), book, is_hedged=bool(chance.random() < 0.5))


def drawn(course: Course, chance: np.random.Generator) -> np.ndarray:
    """One more order, as a record; a hedged one that closes its leg only reduces."""
    side, kind = int(chance.choice([1, -1])), int(chance.choice([LIMIT, LIMIT, LIMIT, STOP, TAKE, 0]))
    lots, away = int(chance.integers(1, 100)), int(chance.integers(1, 30))
    leg = int(chance.integers(1, 3)) if course.is_hedged else 0
    reduces = (leg, side) in ((1, -1), (2, 1)) if course.is_hedged else bool(chance.random() < 0.25)
    ticks = course.last + int(chance.integers(-25, 26))
    if kind in (STOP, TAKE):
        ticks = course.last + away * (side if kind == STOP else -side)
    elif reduces:
        lots = min(lots, max(0, -side * int(course.held[leg])))
    record = np.zeros(1, matching.ORDER)
    record["ticks"], record["lots_left"], record["side"], record["kind"] = ticks, lots, side, kind
    record["marks"], record["leg"] = REDUCE if reduces else 0, leg
    record["prevention"] = int(chance.integers(4))
    return record


def arrive(course: Course, chance: np.random.Generator) -> np.ndarray:
    """One more order: what it does at once is checked, the rest waits."""
    order = drawn(course, chance)
    course.names += 1
    name, kind, lots = course.names, int(order["kind"][0]), int(order["lots_left"][0])
    if lots == 0:
        return np.zeros(0, matching.FILL)
    order["id"], course.asked[name], course.got[name] = name, lots, 0
    fills = matching.fills_for(len(course.orders) + 1)
    before = np.concatenate((course.orders, order))
    count, taker = 0, len(course.orders)
    if kind in (0, LIMIT):
        limit, held = 0 if kind == 0 else int(order["ticks"][0]), course.held.copy()
        course.orders = before.copy()
        course.orders["kind"][taker] = matching.DONE
        count, left = matching.cross(
            course.orders, taker, lots, limit, course.last, course.book[0], course.held, fills, 0, 0
        )
        check_conservation(course, before, fills[:count], held)
        check_walk(int(order["side"][0]), limit, others_only(fills[:count], taker), course)
        check_prevention(course.orders, before, fills[:count], taker)
        prevented = bool(((fills[:count]["kind"] == PREVENTED) & (fills[:count]["order"] == taker)).any())
        assert left == (0 if prevented else lots - course.got[name]), "what is left is what nobody took"
        assert kind == LIMIT or left == 0, "a market order is filled whole, or ended by one of ours"
        course.orders = course.orders[course.orders["kind"] != matching.DONE].copy()
        order["lots_left"] = left
    if kind and int(order["lots_left"][0]):
        course.orders = np.concatenate((course.orders, order))
    return fills[:count]


def is_between_us(fills: np.ndarray, row: int) -> bool:
    """Whether a maker's row is its half of a trade with ourselves: the other half follows."""
    if fills[row]["kind"] != MAKER or row + 1 == len(fills):
        return False
    after = fills[row + 1]
    return bool(after["kind"] == TAKER and (after["ticks"], after["lots"]) == (fills[row]["ticks"], fills[row]["lots"]))


def others_only(fills: np.ndarray, taker: int) -> np.ndarray:
    """What ``taker`` got from others."""
    ours = [row for row in range(len(fills)) if row and is_between_us(fills, row - 1)]
    kept = [row for row in range(len(fills)) if row not in ours and fills[row]["kind"] == TAKER]
    return fills[[row for row in kept if fills[row]["order"] == taker]]


def check_walk(side: int, limit: int, taken: np.ndarray, course: Course) -> None:
    """A taker pays level after level, never beyond its limit, never better than the best."""
    spread, depth = int(course.book["spread_ticks"][0]), int(course.book["depth_lots"][0])
    best = course.last - spread // 2 + (spread if side > 0 else 0)
    for level, fill in enumerate(taken):
        assert fill["ticks"] == best + side * level, "levels are taken in order"
        assert limit == 0 or side * (int(fill["ticks"]) - limit) <= 0, "never beyond the limit"
        assert fill["lots"] <= depth or level == matching.LEVELS - 1, "no level gives more than it shows"


def check_prevention(after: np.ndarray, before: np.ndarray, fills: np.ndarray, arriving: int = -1) -> None:
    """Who meets our own does as it was told; nobody trades with others beyond one of ours that still waits."""
    taker = arriving
    for row, fill in enumerate(fills):
        taker = int(fill["order"]) if fill["kind"] == TRIGGERED else taker
        asked = int(before[taker]["prevention"])
        if fill["kind"] == PREVENTED:
            itself = int(fill["order"]) == taker
            spared = matching.EXPIRE_MAKER if itself else matching.EXPIRE_TAKER
            assert asked not in (matching.NO_PREVENTION, spared), "who expires is whom the taker names"
        if is_between_us(fills, row):
            assert asked == matching.NO_PREVENTION, "we trade with ourselves only where nothing prevents it"
            assert before[taker]["side"] == -before[fill["order"]]["side"], "one buys what the other sells"
        if fill["kind"] == TAKER:
            waiting = after[(after["kind"] == LIMIT) & (after["side"] == -before[taker]["side"])]
            better = int(before[taker]["side"]) * (waiting["ticks"] - int(fill["ticks"])) < 0
            # What came to wait within the leg was not there to be met.
            there = np.isin(waiting["id"], before["id"][before["kind"] == LIMIT])
            assert not (better & there).any(), "nobody passes one of ours"


def cancel(course: Course, chance: np.random.Generator) -> None:
    """Take one waiting order out."""
    if len(course.orders):
        course.orders = np.delete(course.orders, int(chance.integers(len(course.orders))))


def move(course: Course, to: int, *, jumps: bool) -> np.ndarray:
    """Walk or jump to a price, and check everything that happened."""
    before = course.orders.copy()
    fills = matching.fills_for(len(before))
    step = matching.gap if jumps else matching.advance
    held = course.held.copy()
    count = step(course.orders, course.last, to, course.book[0], course.held, fills)
    fills = fills[:count]
    check_conservation(course, before, fills, held)
    check_prices(before, fills, (course.last, to), jumps=jumps)
    check_time(before, fills)
    check_prevention(course.orders, before, fills)
    check_completeness(course.orders, (course.last, to), jumps=jumps)
    course.last = to
    course.orders = course.orders[course.orders["kind"] != matching.DONE].copy()
    return fills


def check_conservation(course: Course, before: np.ndarray, fills: np.ndarray, held: np.ndarray) -> None:
    """Lots asked = got + left; each leg is the sum of its fills and keeps its side; reduce-only reduces."""
    held, ends = held.copy(), dict[int, int]()
    for fill in fills:
        order, lots = before[fill["order"]], int(fill["lots"])
        name, leg = int(order["id"]), int(order["leg"])
        if fill["kind"] == PREVENTED:
            ends[name] = lots
        if fill["kind"] not in (MAKER, TAKER):
            continue
        assert name not in ends, "what expired trades no more"
        signed = int(order["side"]) * lots
        if order["marks"] & REDUCE:
            assert held[leg] * signed < 0, "reduce-only trades against the position"
            assert abs(signed) <= abs(held[leg]), "and never through it"
        held[leg] += signed
        course.bought[leg] += signed
        course.got[name] += lots
        assert not course.is_hedged or (held[1] >= 0 >= held[2] and held[0] == 0), "a leg keeps its side"
    assert (held == course.held).all(), "the position is what was traded"
    assert (held == course.bought).all(), "from the first trade on"
    reducing = {int(order["id"]) for order in before if order["marks"] & REDUCE}
    for name, lots in ends.items():
        left = course.asked[name] - course.got[name]
        # A stop that only reduces goes for what is held, which may be less than it asked for.
        assert 0 < lots <= left, "what expires was left"
        assert lots == left or name in reducing, "and all that was left expires"
    for order, was in zip(course.orders, before, strict=True):
        name = int(was["id"])
        assert course.got[name] <= course.asked[name], "nothing fills more than it asked for"
        if order["kind"] == LIMIT:
            assert order["lots_left"] == course.asked[name] - course.got[name] > 0, "what waits is what is left"


def check_prices(before: np.ndarray, fills: np.ndarray, leg: tuple[int, int], *, jumps: bool) -> None:
    """Makers get their price, and only where the path went; triggers only at their price or beyond."""
    start, end = leg
    for row, fill in enumerate(fills):
        order, ticks = before[fill["order"]], int(fill["ticks"])
        there = end if jumps else start + (1 if end > start else -1) * int(fill["walked"])
        side, at = int(order["side"]), int(order["ticks"])
        match int(fill["kind"]):
            case matching.MAKER:
                assert ticks == at, "a maker gets its own price"
                reached = side * (at - there) >= 0 or is_between_us(fills, row)
                assert reached, "at a price that was traded, or traded through"
            case matching.TRIGGERED:
                reached = there - at if (order["kind"] == STOP) == (side > 0) else at - there
                assert reached >= 0, "a trigger price was traded"
                assert ticks == there
            case matching.EXPIRED:
                assert order["marks"] & REDUCE, "only reduce-only orders expire by themselves"


def check_time(before: np.ndarray, fills: np.ndarray) -> None:
    """The path is walked forwards; at one price stops come before limits and the earlier before the later."""
    walked = fills["walked"]
    assert (np.diff(walked) >= 0).all(), "time runs forwards"
    # What a taker does to others of ours happens in its turn, not in theirs.
    turns = [fill for row, fill in enumerate(fills) if is_a_turn(before, fills, row)]
    for place in np.unique(walked):
        here = [
            (int(before[one["order"]]["kind"]) == LIMIT, int(one["order"])) for one in turns if one["walked"] == place
        ]
        assert here == sorted(here), "stops first, then by arrival"
    first = {int(one["order"]): int(one["walked"]) for one in fills[::-1] if one["kind"] in (MAKER, PREVENTED)}
    limits = [index for index in range(len(before)) if before[index]["kind"] == LIMIT and before[index]["marks"] == 0]
    for index in limits:
        for later in limits:
            better = int(before[index]["side"]) * (int(before[index]["ticks"]) - int(before[later]["ticks"]))
            same = before[index]["side"] == before[later]["side"] and before[later]["marks"] == before[index]["marks"]
            ahead = better > 0 or (better == 0 and index < later)
            if same and ahead and later in first:
                assert index in first, "who is ahead in price, then in time, is filled too"
                assert first[index] <= first[later], "and not later"


def is_a_turn(before: np.ndarray, fills: np.ndarray, row: int) -> bool:
    """Whether the path itself, not a taker of ours, brought a row about."""
    kind = int(fills[row]["kind"])
    if kind == matching.EXPIRED:
        return int(before[fills[row]["order"]]["kind"]) != LIMIT
    return kind == TRIGGERED or (kind == MAKER and not is_between_us(fills, row))


def check_completeness(orders: np.ndarray, leg: tuple[int, int], *, jumps: bool) -> None:
    """Nothing waits that the path went through."""
    start, end = leg
    if start == end and not jumps:
        return
    low, high = end, end
    if not jumps:
        low, high = (end, start - 1) if end < start else (start + 1, end)
    for order in orders[orders["kind"] != matching.DONE]:
        at, falls = int(order["ticks"]), (order["side"] < 0) == (order["kind"] == STOP)
        if order["kind"] == LIMIT:
            assert low >= at if order["side"] > 0 else high <= at, "a limit that was traded through is done"
        else:
            assert low > at if falls else high < at, "a trigger price that was traded has triggered"


def sequence(chance: np.random.Generator, tally: Tally) -> None:
    """One market, up to 12 orders, up to 24 moves."""
    course = begun(chance)
    for _ in range(int(chance.integers(8, 25))):
        deed = chance.random()
        if deed < 0.4 and course.names < 12:
            fills = arrive(course, chance)
        elif deed < 0.5:
            cancel(course, chance)
            continue
        elif deed < 0.6:
            matching.forget_touches(course.orders)
            continue
        else:
            fills = move(course, course.last + int(chance.integers(-20, 21)), jumps=deed > 0.92)
        tally.fills += len(fills)
        tally.digest.update(fills.tobytes())
    tally.sequences += 1
    tally.orders += course.names


def campaign(seed: int, count: int) -> Tally:
    """Play ``count`` sequences of ``seed``; every violation is an AssertionError that names the sequence."""
    tally = Tally()
    for number in range(count):
        try:
            sequence(np.random.Generator(np.random.Philox(key=[seed, number])), tally)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, sequence {number}: {error}") from error
    return tally


def main() -> None:
    """Play a campaign and print what it came to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=10_000)
    typed = parser.parse_args()
    began = time.monotonic()
    tally = campaign(typed.seed, typed.count)
    print(
        f"seed {typed.seed}: {tally.sequences} sequences, {tally.orders} orders, {tally.fills} fills, no violation, "
        f"{time.monotonic() - began:.1f} s, digest {tally.digest.hexdigest()[:16]}"
    )


if __name__ == "__main__":
    main()
