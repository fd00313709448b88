"""What a decision was taken on, as one number: the chained hash of all that its route was ever shown.

hash before --candle--> --partner's candle--> --spot's candle--> --position--> hash after
                          only where it looks at one, and not at a hole of its own
"""

import numpy as np

from shm.atomics import load_relaxed
from shm.jit import inlined, record_at
from shm.records import MARKET, Provenance

_MISSING = int(Provenance.MISSING)
_OPEN, _HIGH, _LOW, _CLOSE, _VOLUME, _QUOTE, _TAKER, _TAKER_QUOTE = (
    MARKET.fields[name][1] if MARKET.fields else 0
    for name in ("open", "high", "low", "close", "volume", "quote_volume", "taker_volume", "taker_quote_volume")
)
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
_NO_OTHER, _NO_SPOT = _PRIME, _SHIFT  # any two words; others would change the hash of every recording


@inlined
def mix(hashed, word):
    """One step of the inputs' hash."""
    hashed = (hashed ^ word) * _PRIME
    return hashed ^ (hashed >> _SHIFT)


@inlined
def hash_candle(before, candle_at):
    """The chained hash after all of a candle that a strategy is shown (``MARKET`` of brain/strategies/base.py)."""
    opened = np.uint64(record_at(candle_at, MARKET).open_ns)
    # three lanes, so that the multiplies overlap
    one = mix(mix(mix(before, opened), _bits(candle_at + _OPEN)), _bits(candle_at + _HIGH))
    two = mix(mix(mix(_PRIME, _bits(candle_at + _LOW)), _bits(candle_at + _CLOSE)), _bits(candle_at + _VOLUME))
    three = mix(mix(_PRIME, _bits(candle_at + _QUOTE)), _bits(candle_at + _TAKER))
    three = mix(mix(three, _bits(candle_at + _TAKER_QUOTE)), np.uint64(record_at(candle_at, MARKET).trades))
    return mix(mix(one, two), three)


@inlined
def hash_inputs(before, candle_at, position, other_at, spot_at):
    """The chained hash after this candle, this position and, unless 0, the candles of a partner and of the spot.

    No sequence, epoch or clock reading enters.
    """
    candle = record_at(candle_at, MARKET)
    held = np.uint64(position.lots) ^ np.uint64(position.stopped_side + 1) << np.uint64(62)
    if candle.provenance == _MISSING:
        hashed = mix(before, np.uint64(candle.open_ns))
    else:
        hashed = hash_candle(before, candle_at)
        if other_at != 0:
            hashed = hash_candle(hashed, other_at) if record_at(other_at, MARKET).kind != 0 else mix(hashed, _NO_OTHER)
        if spot_at != 0:
            hashed = hash_candle(hashed, spot_at) if record_at(spot_at, MARKET).kind != 0 else mix(hashed, _NO_SPOT)
    return mix(mix(hashed, held), np.uint64(position.entry_ticks))


@inlined
def _bits(at):
    return np.uint64(load_relaxed(at))
