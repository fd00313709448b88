"""What an exchange says of one of its markets, in the words that rules are made of: told, never asked for.

    ccxt's unified market + its 24 h ticker --read--> Market        spot, perpetual, dated, inverse, option

Prices and steps are exact decimals of the shortest text; what the exchange does not tell is None.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shm.instruments import decimal

SPOT, PERPETUAL, DATED, INVERSE, OPTION = "spot", "perpetual", "dated", "inverse", "option"
KINDS = (SPOT, PERPETUAL, DATED, INVERSE, OPTION)
TRADING, CLOSED = "TRADING", "CLOSED"
COIN = "COIN"
LEVERAGED = "LEVERAGED"


class UnreadableMarketError(ValueError):
    """A market of ccxt that lacks what every market has; one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One market of one exchange."""

    symbol: str  # ccxt unified, BTC/USDT:USDT
    id: str  # the exchange's own, BTCUSDT
    base: str
    quote: str
    settle: str = ""  # what a contract is paid in; none on spot
    kind: str = PERPETUAL
    status: str = TRADING  # the exchange's own word; TRADING or CLOSED where it has none
    underlying: str = COIN  # INDEX, PREMARKET, ...; spot is always a coin
    is_leveraged: bool = False  # a token that is a fund, as far as the exchange says so
    listed_ms: int | None = None
    last: Decimal | None = None  # price
    volume: Decimal | None = None  # of 24 hours, in the quote asset
    tick: Decimal | None = None
    lot: Decimal | None = None
    quantity_min: Decimal | None = None
    notional_min: Decimal | None = None

    @property
    def is_trading(self) -> bool:
        """Whether orders are taken now."""
        return self.status == TRADING


def read(market: Mapping[str, Any], ticker: Mapping[str, Any] | None = None) -> Market:
    """The market of a unified one of ccxt and, where there is one, its ticker."""
    told = ticker or {}
    try:
        info, limits, precision = market.get("info") or {}, market["limits"], market["precision"]
        return Market(
            symbol=market["symbol"],
            id=market["id"],
            base=market["base"],
            quote=market["quote"],
            settle=market.get("settle") or "",
            kind=_kind(market),
            status=_status(market, info),
            underlying=str(info.get("underlyingType") or COIN),
            is_leveraged=_is_leveraged(info),
            listed_ms=market.get("created"),
            last=_above_zero(told.get("last")),
            volume=_volume(told),
            tick=_above_zero(precision["price"]),
            lot=_above_zero(precision["amount"]),
            quantity_min=_above_zero(limits["amount"]["min"]),
            notional_min=_above_zero(limits["cost"]["min"]),
        )
    except (KeyError, TypeError, ArithmeticError, ValueError) as error:
        raise UnreadableMarketError(f"market {market.get('symbol')}: unreadable ({error!r})") from None


def _kind(market: Mapping[str, Any]) -> str:
    if market.get("spot"):
        return SPOT
    if market.get("option"):
        return OPTION
    if market.get("inverse"):
        return INVERSE
    return PERPETUAL if market.get("swap") else DATED


def _status(market: Mapping[str, Any], info: Mapping[str, Any]) -> str:
    # ccxt's ``active`` is what every exchange has; the word says why.
    if market.get("active") is not False:
        return TRADING
    word = str(info.get("contractStatus") or info.get("status") or CLOSED)
    return CLOSED if word == TRADING else word


def _is_leveraged(info: Mapping[str, Any]) -> bool:
    """Whether the exchange lists it among its leveraged tokens."""
    sets = [info.get("permissions") or (), *(info.get("permissionSets") or ())]
    return any(LEVERAGED in one for one in sets)


def _volume(ticker: Mapping[str, Any]) -> Decimal | None:
    """The quote volume, else the base volume at the last price."""
    quoted = _number(ticker.get("quoteVolume"))
    if quoted is not None:
        return quoted
    base, last = _number(ticker.get("baseVolume")), _above_zero(ticker.get("last"))
    return None if base is None or last is None else base * last


def _number(value: Any) -> Decimal | None:
    """A number of 0 or more; None for what is none."""
    if value is None:
        return None
    try:
        number = decimal(value)
    except (ArithmeticError, ValueError):
        return None
    return number if number >= 0 else None


def _above_zero(value: Any) -> Decimal | None:
    return _number(value) or None
