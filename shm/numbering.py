"""Whole numbers for what an exchange names by text: the same text, the same number, in every process and every life.

    trade    | milliseconds since 2024 : 39 bits | hash of its name : 24 bits |   grows with time
    order    a decimal number as it is; other text: 62 bits of its hash

Numbers of trades are in order of time, so that "from this number on" can be asked of an exchange that only knows
"from this moment on".  Two trades of one millisecond share a number once in 2**24 pairs: then the second looks like
the first told again, the position differs from the exchange's, and entries stop until a person has looked.
"""

from hashlib import sha256

EPOCH_MS = 1_704_067_200_000  # 2024-01-01
HASH_BITS = 24
ORDER_BITS = 62
_LATEST_MS = EPOCH_MS + (1 << 39) - 1  # the year 2041


def trade_number(at_ms: int, name: str) -> int:
    """The number of the trade ``name`` that was made at ``at_ms``."""
    assert EPOCH_MS <= at_ms <= _LATEST_MS, "the clock of the numbers runs from 2024 to 2041"
    return first_at(at_ms) | _hash(name, HASH_BITS)


def first_at(at_ms: int) -> int:
    """The smallest number that a trade of ``at_ms`` or later can have."""
    return max(0, at_ms - EPOCH_MS) << HASH_BITS


def time_ms(number: int) -> int:
    """When the trade of that number was made."""
    return (number >> HASH_BITS) + EPOCH_MS


def order_number(name: str) -> int:
    """The number that stands for an order of that name in a record."""
    if name.isascii() and name.isdigit() and len(name) < 19:
        return int(name)
    return _hash(name, ORDER_BITS) if name else 0


def _hash(name: str, bits: int) -> int:
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big") >> (64 - bits)
