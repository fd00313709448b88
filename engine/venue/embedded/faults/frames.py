"""What becomes of one candle's message: text to send now, text to send after later ones.  Pure.

distort(kind, message) --> Distorted(now, later)      later goes out after ``after`` more closed candles
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

Message = dict[str, Any]
PRICES = "ohlc"
ODD_NUMBERS: dict[str, Any] = {"null": None, "true": True, "-1": "-1", "0": "0"}


@dataclass(frozen=True, slots=True)
class Distorted:
    """What is sent instead of a message."""

    now: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    after: int = 0


def distort(kind: str, message: Message, value: str) -> Distorted:
    """``message`` of a candle after a fault of ``kind``."""
    plain = text(message)
    match kind:
        case "gap":
            return Distorted()
        case "duplicate":
            return Distorted((plain, plain))
        case "late":
            return Distorted((), (plain,), max(1, int(float(value))))
        case "out_of_order":
            return Distorted((), (plain,), 1)
        case "corrected":
            return Distorted((text(_earlier(message)),), (plain,), 1)
        case "nan":
            # The wire carries what our own writer would refuse to write.
            odd = ODD_NUMBERS.get(value, value)
            return Distorted((text(_with(message, c=odd, h=odd)),))
        case "absurd":
            factor = Decimal(value)
            return Distorted((text(_with(message, **{p: str(Decimal(message["k"][p]) * factor) for p in PRICES})),))
        case "truncated":
            return Distorted((plain[: len(plain) // 2],))
        case "huge":
            return Distorted((text(message | {"padding": "x" * int(float(value))}),))
        case "wrong_symbol":
            return Distorted((text(_with(message, s=value) | {"s": value}),))
        case "unclosed":
            return Distorted((text(_with(message, x=True)),))
        case other:
            raise AssertionError(f"{other} does not strike a candle")


def text(message: Message) -> str:
    """``message`` as it goes on the wire."""
    return orjson.dumps(message).decode()


def _with(message: Message, **changed: Any) -> Message:
    return message | {"k": message["k"] | changed}


def _earlier(message: Message) -> Message:
    """The candle as somebody thought it was: it closed at its open, and half of the volume was not in yet."""
    kline = message["k"]
    half = {name: str(Decimal(kline[name]) / 2) for name in ("v", "q", "V", "Q")}
    return _with(message, c=kline["o"], **half)
