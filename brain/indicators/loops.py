"""The one loop that makes an array function of any kernel, and of several at once.

    step        (state, settings, candle, out)     a candle at a time, whatever it is
    steady      the same step once more, compiled for a settled block: what is ``unsettled`` there is left out
    stages      (state, settings, row) each        of several kernels: each over a settled block before the next
    whole       (state, settings, where, count)    a stage that goes through the block itself

A block of candles is settled when the state was before it and all inputs of each candle together are below SOUND in
size.  What kernels make of those by sums and products of a few is below LIMIT, so that none of them meets a hole.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from shm.jit import inlined, shaped, specialised
from shm.lanes import LANES
from shm.records import MARKET
from shm.registers import in_registers, in_settled_registers, is_all_copied, is_settled, put_back
from shm.rows import BLOCK, INPUTS, fetch, row_at, table_of

EMPTY = shaped(np.zeros(1, MARKET))
SOUND = 1e30
# rows of the next block: what follows them a processor fetches by itself
FETCHED = 32


def _stand_in(*_given):
    raise NotImplementedError("stands for what ``specialised`` puts in its place")


_step = _stage = _earlier = _all_stages = _closing = _stand_in
_open = _high = _low = _close = _volume = _taker_volume = False
_FIELDS = _OUTS = EMPTY
_TABLE = 0


@dataclass(frozen=True, slots=True)
class Whole:
    """A stage that goes through a block itself: kernel (state, settings, where, count), ``where`` as rows.py has it.

    ``count`` is a multiple of LANES.
    """

    kernel: Any


@dataclass(frozen=True, slots=True)
class Stages:
    """What a settled block is gone through in: the kernels of each stage, and what they leave to one another.

    A stage that takes nothing from the row before is done four rows at a time.  In one that does, the state is in
    registers: at most some 16 numbers.  ``closing`` (state, settings, row, count) brings the state up to the last row.
    """

    each: tuple[Any, ...]
    closing: Any
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """Several kernels with one state: as a step, and as stages that give the same to the last bit."""

    name: str
    step: Any
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    stages: Stages


def _any_block(record, settings, where, count, settled):
    state, candle, options = in_registers(record), in_registers(EMPTY[0]), in_registers(settings)
    for n in range(np.uint64(count)):
        at = np.uint64(where[3]) + n
        _read(candle, where[0], at)
        _step(state, options, candle, row_at(where, n, _FIELDS[0], _OUTS[0]))
        settled[at] = is_settled(state)
    put_back(state)


@inlined
def _read(candle, columns, at):
    # a column that the step does not look at is not read: the compiler sees it
    open_ns, opens, highs, lows, closes, volumes, taker_volumes, trades = columns
    candle.open_ns, candle.open, candle.high = open_ns[at], opens[at], highs[at]
    candle.low, candle.close, candle.volume = lows[at], closes[at], volumes[at]
    candle.taker_volume, candle.trades = taker_volumes[at], trades[at]


def _settled_block(record, settings, where, count):
    # a state of scalars alone is not put back from a block that was not sound: of others that is known before
    state, candle, options = in_settled_registers(record), in_registers(EMPTY[0]), in_registers(settings)
    if not is_all_copied(state) and not _are_sound(where[0], where[3], where[3] + count):
        return False
    odd = 0
    for n in range(np.uint64(count)):
        at = np.uint64(where[3]) + n
        _read(candle, where[0], at)
        if is_all_copied(state):
            odd |= not _size(where[0], at) < SOUND
        _step(state, options, candle, row_at(where, n, _FIELDS[0], _OUTS[0]))
    if odd == 0:
        put_back(state)
    return odd == 0


def _size(columns, at):
    # of all inputs together; NaN where one is NaN, and not below SOUND either
    _, opens, highs, lows, closes, volumes, taker_volumes, _ = columns
    size = 0.0
    if _open:
        size += abs(opens[at])
    if _high:
        size += abs(highs[at])
    if _low:
        size += abs(lows[at])
    if _close:
        size += abs(closes[at])
    if _volume:
        size += abs(volumes[at])
    if _taker_volume:
        size += abs(taker_volumes[at])
    return size


def _are_sound(columns, start, end):
    odd = 0
    for at in range(np.uint64(start), np.uint64(end)):
        odd |= not _size(columns, at) < SOUND
    return odd == 0


def _loop(states, settings, columns, out, settled):
    if columns[4].size:
        _any_block(states[0], settings[0], (columns, out, out, 0), columns[4].size, settled)


def _steady_loop(states, settings, columns, out, settled):
    size, table = columns[4].size, table_of(_TABLE)
    for start in range(0, size, BLOCK):
        end, where = min(start + BLOCK, size), (columns, table, out, start)
        count = (end - start) // LANES * LANES
        # the first of all has no row before it
        if start > 0 and is_settled(states[0]) and _settled_block(states[0], settings[0], where, count):
            for n in range(np.uint64(count)):
                settled[np.uint64(start) + n] = True
        else:
            count = 0
        if start + count < end:
            rest = (columns, table, out, start + count)
            _any_block(states[0], settings[0], rest, end - start - count, settled)


def _no_stage(_state, _options, _where, _count):
    pass


def _one_stage(state, options, where, count):
    _earlier(state, options, where, count)
    for n in range(count):
        _stage(state, options, row_at(where, n, _FIELDS[0], _OUTS[0]))


def _whole_stage(state, options, where, count):
    _earlier(state, options, where, count)
    _stage(state, options, where, count)


def _staged_block(record, settings, where, count):
    if not _are_sound(where[0], where[3], where[3] + count):
        return False
    state, options = in_settled_registers(record), in_registers(settings)
    # where the next block begins, lines of answers are new to the caches, all of them at once
    for n in range(BLOCK, BLOCK + FETCHED, 8):
        fetch(where, n, _FIELDS[0], _OUTS[0])
    _all_stages(state, options, where, count)
    _closing(state, options, row_at(where, count - 1, _FIELDS[0], _OUTS[0]), count)
    put_back(state)
    return True


def line_record(names: tuple[str, ...]) -> np.ndarray[Any, Any]:
    """Return what tells ``row_at`` the names of lines: a record of float64."""
    return shaped(np.zeros(1, [(name, "<f8") for name in names or ("none",)]))


@cache
def form(step: Any, name: str, outputs: tuple[str, ...], steady: tuple[str, ...], stages: Stages | None) -> Any:
    """Return the one loop with ``step`` in it; ``steady`` are the inputs to look at for settled blocks, if any."""
    rows = {"_OUTS": line_record(outputs), "_FIELDS": line_record(stages.fields if stages else ())}
    plain = specialised(_any_block, f"any_{name}", _step=step, **rows)
    if not steady:
        return specialised(_loop, f"over_{name}", _any_block=plain)
    size = specialised(_size, f"size_{name}", inlined, **{f"_{one}": one in steady for one in INPUTS})
    sound = specialised(_are_sound, f"sound_{name}", _size=size)
    if stages is None:
        swift = specialised(_settled_block, f"settled_{name}", _step=step, _size=size, _are_sound=sound, **rows)
    else:
        chained = _chained(name, stages, rows)
        swift = specialised(_staged_block, f"staged_{name}", _are_sound=sound, **chained, **rows)
    parts = {"_any_block": plain, "_settled_block": swift}
    return specialised(_steady_loop, f"over_{name}", _TABLE=len(rows["_FIELDS"].dtype), **parts)


def _chained(name: str, stages: Stages, rows: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    earlier = inlined(_no_stage)
    for n, each in enumerate(stages.each):
        whole = isinstance(each, Whole)
        bound = {"_earlier": earlier, "_stage": each.kernel if whole else each, **rows}
        earlier = specialised(_whole_stage if whole else _one_stage, f"stage_{name}_{n}", inlined, **bound)
    return {"_all_stages": earlier, "_closing": stages.closing}
