"""A candle as it came from outside: read strictly, not yet believed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class MalformedFrameError(ValueError):
    """A message that does not say what its kind must say."""


class Candle(NamedTuple):
    """One interval of trading; ``open_ns`` is its start in market time."""

    open_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float = 0.0
    taker_volume: float = 0.0
    taker_quote_volume: float = 0.0
    trades: int = 0

    @property
    def values(self) -> tuple[float, ...]:
        """What a later version of this candle may revise."""
        return self[1:]


def number(value: object) -> float:
    """A finite number from JSON text or a JSON number; booleans, NaN, infinities and the rest are refused."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise MalformedFrameError(f"{value!r} is not a number")
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise MalformedFrameError(f"{value!r} is not a number") from None
    if not math.isfinite(found) or (isinstance(value, str) and "_" in value):
        raise MalformedFrameError(f"{value!r} is not a finite number")
    return found


def numbers(texts: Sequence[object]) -> list[float]:
    """``number`` of each of ``texts``: at once where all are plain, as they nearly always are."""
    try:
        joined = "".join(texts)  # type: ignore[arg-type]
        found = [float(text) for text in texts]  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return [number(text) for text in texts]
    # An infinity or a NaN among them makes their sum one.
    return found if math.isfinite(sum(found)) and "_" not in joined else [number(text) for text in texts]


def whole(value: object) -> int:
    """A whole number that fits 64 bits, from JSON text or a JSON integer."""
    if type(value) is int and -(1 << 62) < value < (1 << 62):
        return value
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and value.isascii():
        value = int(value) if len(value) < 20 else 1 << 63
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 62) < value < (1 << 62):
        raise MalformedFrameError(f"{value!r} is not a whole number")
    return value


def time_ns(milliseconds: object) -> int:
    """Nanoseconds from the exchange's milliseconds."""
    found = whole(milliseconds)
    if not 0 <= found < 1 << 42:  # the year 2109
        raise MalformedFrameError(f"{found} is not a time")
    return found * NS_PER_MS


def from_row(row: Sequence[Any]) -> Candle:
    """A candle from a row of the exchange's REST answer: twelve fields, of which we use ten."""
    if not isinstance(row, Sequence) or len(row) < 11:
        raise MalformedFrameError(f"a candle row has eleven fields or more: {row!r}")
    values = numbers([row[place] for place in (1, 2, 3, 4, 5, 7, 9, 10)])
    return Candle._make((time_ns(row[0]), *values, whole(row[8])))


def from_frame(kline: Mapping[str, Any]) -> Candle:
    """A candle from the ``k`` of a stream's frame."""
    try:
        values = numbers([kline[key] for key in "ohlcvqVQ"])
        return Candle._make((time_ns(kline["t"]), *values, whole(kline["n"])))
    except KeyError as missing:
        raise MalformedFrameError(f"a candle frame without {missing}") from None
