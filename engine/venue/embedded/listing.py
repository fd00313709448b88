"""What is listed: symbol, tick, lot and filters, and the only conversions between text and our integers.

price 95505.4   tick 0.1    -> 955054 ticks
quantity 0.125  lot 0.001   -> 125 lots
unit = tick * lot in minor units of 1e-8 quote, so notional = ticks * lots * unit, exactly
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

E8 = 10**8
QUOTES = ("USDT", "USDC", "BUSD", "FDUSD", "BTC", "ETH", "BNB", "EUR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One perpetual contract as the exchange lists it; integers only."""

    row: int  # position in Exchange.listings
    symbol: str  # BTC/USDT:USDT
    id: str  # BTCUSDT
    base: str
    quote: str
    tick_e8: int
    lot_e8: int
    ticks_min: int
    ticks_max: int
    lots_min: int
    lots_max: int
    market_lots_max: int
    notional_min: int  # minor units of 1e-8 quote
    leverage_max: int = 125

    def __post_init__(self) -> None:
        assert self.tick_e8 * self.lot_e8 % E8 == 0, "a tick times a lot must be a whole number of minor units"
        assert self.unit > 0, "a tick times a lot is worth something"

    @property
    def unit(self) -> int:
        """Minor units per tick and lot."""
        return self.tick_e8 * self.lot_e8 // E8

    @property
    def price_decimals(self) -> int:
        """Digits after the point of a price."""
        return _decimals(self.tick_e8)

    @property
    def quantity_decimals(self) -> int:
        """Digits after the point of a quantity."""
        return _decimals(self.lot_e8)

    def notional(self, price_ticks: int, lots: int) -> int:
        """Minor units that ``lots`` cost at ``price_ticks``."""
        return price_ticks * lots * self.unit

    def price_text(self, ticks: int) -> str:
        """A price as the exchange writes it: ``955054`` ticks of 0.1 are ``95505.4``."""
        return e8_text(ticks * self.tick_e8, self.price_decimals)

    def quantity_text(self, lots: int) -> str:
        """A quantity as the exchange writes it."""
        return e8_text(lots * self.lot_e8, self.quantity_decimals)

    def ticks(self, text: str) -> int | None:
        """Ticks of a price in text; None when it is not a whole number of them."""
        return _steps(text, self.tick_e8)

    def lots(self, text: str) -> int | None:
        """Lots of a quantity in text; None when it is not a whole number of them."""
        return _steps(text, self.lot_e8)


def e8_text(value_e8: int, decimals: int = 8) -> str:
    """``value_e8`` in units of 1e-8 as a decimal text with ``decimals`` digits (the rest cut off)."""
    sign = "-" if value_e8 < 0 else ""
    whole, part = divmod(abs(value_e8), E8)
    return f"{sign}{whole}.{part:08d}"[: len(sign) + len(str(whole)) + 1 + decimals] if decimals else f"{sign}{whole}"


def e8_texts(values_e8: Iterable[int], decimals: int = 8) -> list[str]:
    """``e8_text`` of many values that are not negative, for a page of a thousand candles."""
    if decimals == 0:
        return [str(value_e8 // E8) for value_e8 in values_e8]
    cut = 10 ** (8 - decimals)
    digits = [str(value_e8 // cut).zfill(decimals + 1) for value_e8 in values_e8]
    return [f"{text[:-decimals]}.{text[-decimals:]}" for text in digits]


def _decimals(step_e8: int) -> int:
    return max(0, 8 - (len(str(step_e8)) - len(str(step_e8).rstrip("0"))))


def _steps(text: str, step_e8: int) -> int | None:
    value_e8 = Decimal(text) * E8
    steps = value_e8 / step_e8
    return int(steps) if steps == steps.to_integral_value() else None


@dataclass(frozen=True, slots=True)
class Filters:
    """Published trading rules of one contract, as decimal text."""

    tick: str
    lot: str
    quantity_max: str
    market_quantity_max: str
    notional_min: str


# Binance USDT-M exchangeInfo of 2025-11-26; SOL keeps the finer lot of 0.01 that its recorded volumes have.
PUBLISHED = {
    "BTCUSDT": Filters("0.1", "0.001", "1000", "120", "100"),
    "ETHUSDT": Filters("0.01", "0.001", "10000", "2000", "20"),
    "SOLUSDT": Filters("0.01", "0.01", "1000000", "50000", "5"),
    "XRPUSDT": Filters("0.0001", "0.1", "1000000", "1000000", "5"),
    "BNBUSDT": Filters("0.01", "0.01", "10000", "2000", "5"),
    "ADAUSDT": Filters("0.0001", "1", "2000000", "300000", "5"),
    "DOGEUSDT": Filters("0.00001", "1", "50000000", "10000000", "5"),
    "LTCUSDT": Filters("0.01", "0.001", "10000", "5000", "5"),
    "LINKUSDT": Filters("0.001", "0.01", "100000", "20000", "5"),
    "SUIUSDT": Filters("0.0001", "0.1", "10000000", "200000", "5"),
    "LAYERUSDT": Filters("0.0001", "0.1", "800000", "80000", "5"),
}


def listing(row: int, base: str, quote: str, filters: Filters) -> Listing:
    """The contract BASE/QUOTE:QUOTE under ``filters``."""
    tick_e8, lot_e8 = (int(Decimal(text) * E8) for text in (filters.tick, filters.lot))
    lots_max, market_lots_max = (
        int(Decimal(text) * E8) // lot_e8 for text in (filters.quantity_max, filters.market_quantity_max)
    )
    return Listing(
        row=row,
        symbol=f"{base}/{quote}:{quote}",
        id=base + quote,
        base=base,
        quote=quote,
        tick_e8=tick_e8,
        lot_e8=lot_e8,
        ticks_min=1,
        ticks_max=10**9,
        lots_min=1,
        lots_max=lots_max,
        market_lots_max=market_lots_max,
        notional_min=int(Decimal(filters.notional_min) * E8),
    )


def split_name(name: str) -> tuple[str, str] | None:
    """Base and quote of ``BTCUSDT``, ``BTC_USDT``, ``XRP_USDT_USDT`` or ``btc-perp``; None when unreadable."""
    parts = name.upper().replace("-", "_").split("_")
    if len(parts) == 2 and parts[1] == "PERP":
        return parts[0], "USDT"
    if len(parts) in (2, 3) and all(parts):
        return parts[0], parts[1]
    if len(parts) == 1:
        for quote in QUOTES:
            if name.upper().endswith(quote) and len(name) > len(quote):
                return name.upper()[: -len(quote)], quote
    return None
