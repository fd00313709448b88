"""Tick, lot and notional rules of an instrument: the only converter between decimals and integers.

price    = ticks * tick         ticks are integers, tick = tick_e8 / 1e8 quote
quantity = lots * lot           lots are integers,  lot  = lot_e8 / 1e8 base
notional = ticks * lots * unit  minor units of 1e-8 quote
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from typing import Any

import numpy as np

from shm import records

E8 = 10**8
FIFTEEN_DIGITS = 10**15
WHOLE_FLOAT = 1e15
FLOOR, CEILING, NEAREST = ROUND_FLOOR, ROUND_CEILING, ROUND_HALF_EVEN
TOWARDS_ZERO, AWAY_FROM_ZERO = ROUND_DOWN, ROUND_UP

# Wide enough that no product or quotient here is ever rounded silently.
_EXACT = Context(prec=60)
_STEP = Decimal("0.00000001")

Number = Decimal | float | int | str


class InstrumentError(ValueError):
    """A rule of an exchange that our integers cannot carry; one line for people."""


def decimal(number: Number) -> Decimal:
    """``number`` as people write it: a float by its shortest decimal form."""
    # 0.1 means 0.1, not the binary number next to it; numpy's floats are floats here.
    exact = Decimal(repr(float(number))) if isinstance(number, float) else Decimal(number)
    if not exact.is_finite():
        raise InstrumentError(f"{number} is not a number to trade with")
    return exact


def _e8(number: Number, meaning: str) -> int:
    scaled = _EXACT.multiply(decimal(number), Decimal(E8))
    if scaled != scaled.to_integral_value() or scaled <= 0:
        raise InstrumentError(f"{meaning} {number} is not a positive multiple of 1e-8")
    return int(scaled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One instrument of one account at one venue, and the rules of its orders."""

    row: int
    symbol: str
    venue: str
    account: str
    tick_e8: int
    lot_e8: int
    lots_min: int = 1
    lots_max: int = 10**12
    market_lots_max: int = 10**12
    notional_min: int = 0
    leverage_max: int = 1
    status: int = 1

    def __post_init__(self) -> None:
        if self.tick_e8 <= 0 or self.lot_e8 <= 0:
            raise InstrumentError(f"{self.symbol}: tick and lot must be positive")
        if self.tick_e8 * self.lot_e8 % E8:
            raise InstrumentError(
                f"{self.symbol}: tick {self.tick} times lot {self.lot} is not a multiple of 1e-8 of the quote asset"
            )
        if not 1 <= self.lots_min <= self.lots_max or self.market_lots_max < self.lots_min:
            raise InstrumentError(f"{self.symbol}: lots_min {self.lots_min} must lie between 1 and lots_max")
        for name, limit in (("symbol", 32), ("venue", 16), ("account", 16)):
            if len(getattr(self, name).encode()) > limit:
                raise InstrumentError(f"{self.symbol}: {name} is longer than {limit} bytes")

    @classmethod
    def from_filters(cls, row: int, names: tuple[str, str, str], **filters: Number) -> "Instrument":
        """Build it from an exchange's decimal strings.

        ``names`` is symbol, venue and account; ``filters`` are tick, lot and, where known,
        quantity_min, quantity_max, market_quantity_max, notional_min, leverage_max, status.
        """
        symbol, venue, account = names
        tick_e8, lot_e8 = _e8(filters.pop("tick"), f"{symbol}: tick"), _e8(filters.pop("lot"), f"{symbol}: lot")
        lot = Decimal(lot_e8) / E8
        rules: dict[str, int] = {}
        for name, field, rounding in (
            ("quantity_min", "lots_min", CEILING),
            ("quantity_max", "lots_max", FLOOR),
            ("market_quantity_max", "market_lots_max", FLOOR),
        ):
            if name in filters:
                rules[field] = _steps(filters.pop(name), lot, rounding)
        if "notional_min" in filters:
            rules["notional_min"] = _steps(filters.pop("notional_min"), Decimal(1) / E8, CEILING)
        for name in ("leverage_max", "status"):
            if name in filters:
                rules[name] = int(filters.pop(name))
        if filters:
            raise InstrumentError(f"{symbol}: {', '.join(sorted(filters))}: unknown rules")
        rules["lots_min"] = max(1, rules.get("lots_min", 1))
        return cls(row=row, symbol=symbol, venue=venue, account=account, tick_e8=tick_e8, lot_e8=lot_e8, **rules)

    @property
    def tick(self) -> Decimal:
        """The smallest step of a price."""
        return Decimal(self.tick_e8) / E8

    @property
    def lot(self) -> Decimal:
        """The smallest step of a quantity."""
        return Decimal(self.lot_e8) / E8

    @property
    def unit(self) -> int:
        """Minor units of one tick times one lot."""
        return self.tick_e8 * self.lot_e8 // E8

    def ticks(self, price: Number, rounding: str = NEAREST) -> int:
        """``price`` in ticks, rounded where it lies between two."""
        if type(price) is float and 0.0 < price < WHOLE_FLOAT:
            # The usual case, exactly: a float next to a decimal of at most 15 digits is next to no other such.
            near = round(price * E8 / self.tick_e8)
            if near * self.tick_e8 < FIFTEEN_DIGITS and near * self.tick_e8 / E8 == price:
                return near
        return _steps(price, self.tick, rounding)

    def price(self, ticks: int) -> Decimal:
        """The exact price of ``ticks``."""
        return Decimal(int(ticks) * self.tick_e8).scaleb(-8, _EXACT).quantize(_grid(self.tick_e8), context=_EXACT)

    def lots(self, quantity: Number, rounding: str = TOWARDS_ZERO) -> int:
        """``quantity`` in lots, rounded towards zero unless told otherwise."""
        return _steps(quantity, self.lot, rounding)

    def quantity(self, lots: int) -> Decimal:
        """The exact quantity of ``lots``."""
        return Decimal(int(lots) * self.lot_e8).scaleb(-8, _EXACT).quantize(_grid(self.lot_e8), context=_EXACT)

    def notional(self, ticks: int, lots: int) -> int:
        """Minor units that ``lots`` are worth at ``ticks``; the sign is that of ``lots``."""
        return int(ticks) * int(lots) * self.unit

    def to_record(self) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        """The row of table INSTRUMENTS, as an array of one."""
        record: np.ndarray[tuple[int], np.dtype[np.void]] = np.zeros(1, records.INSTRUMENT)
        assert records.INSTRUMENT.names is not None
        for name in records.INSTRUMENT.names:
            value = getattr(self, name)
            record[name] = value.encode() if isinstance(value, str) else value
        return record

    @classmethod
    def from_record(cls, row: int, record: Any) -> "Instrument":
        """The instrument of row ``row`` of table INSTRUMENTS; ``record`` is an array of one, or a record."""
        values = dict(zip(records.INSTRUMENT.names or (), np.ravel(record)[0].item(), strict=True))
        texts: dict[str, Any] = {
            name: value.decode() if isinstance(value, bytes) else value for name, value in values.items()
        }
        return cls(row=row, **texts)


def minor(amount: Number) -> int:
    """``amount`` of a quote asset in minor units; refused when it is finer than 1e-8."""
    scaled = _EXACT.multiply(decimal(amount), Decimal(E8))
    if scaled != scaled.to_integral_value():
        raise InstrumentError(f"{amount} is finer than 1e-8")
    return int(scaled)


def minor_rounded(amount: Number) -> int:
    """``amount`` in minor units, a half goes away from zero: exchanges write fees and averages finer than 1e-8."""
    return minor(decimal(amount).quantize(_STEP, ROUND_HALF_UP, _EXACT))


def amount(minor_units: int) -> Decimal:
    """The exact amount of ``minor_units``."""
    return Decimal(int(minor_units)).scaleb(-8, _EXACT)


def _steps(number: Number, step: Decimal, rounding: str) -> int:
    return int(_EXACT.divide(decimal(number), step).to_integral_value(rounding=rounding))


def _grid(step_e8: int) -> Decimal:
    # 0.10 is written with as many places as its step has: 10000000e-8 is one place.
    return Decimal(1).scaleb((Decimal(step_e8).scaleb(-8)).normalize().as_tuple().exponent)  # type: ignore[arg-type]
