"""What the exchange tells: market events for everybody, private events for one account.

Every event carries ``at_ns``, market time.  Prices are ticks, quantities of
orders lots, volumes of the market in units of 1e-8 base asset (``volume_e8``:
recorded volumes may be finer than a lot), quote volumes in 1e-4 quote asset.
"""

from dataclasses import dataclass
from typing import NamedTuple

from engine.venue.embedded.orders import BOTH, AlgoOrder, Fill, Order


class Candle(NamedTuple):
    """One candle of any interval."""

    open_ns: int
    open: int
    high: int
    low: int
    close: int
    volume_e8: int
    quote_e4: int
    trades: int
    taker_volume_e8: int
    taker_quote_e4: int


class Trade(NamedTuple):
    """A public trade (aggTrade)."""

    symbol: str  # id, BTCUSDT
    at_ns: int
    trade_id: int
    price_ticks: int
    volume_e8: int
    taker_side: int  # +1 the buyer took


class Quote(NamedTuple):
    """Best bid and ask (bookTicker)."""

    symbol: str
    at_ns: int
    update_id: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int


class CandleUpdate(NamedTuple):
    """The current 1m candle, or with ``closed`` its last word; a candle closes once."""

    symbol: str
    at_ns: int
    candle: Candle
    closed: bool


@dataclass(frozen=True, slots=True)
class OrderUpdate:
    """ORDER_TRADE_UPDATE: ``execution`` is NEW, AMENDMENT, TRADE, CALCULATED (a liquidation's), CANCELED or EXPIRED."""

    at_ns: int
    execution: str
    order: Order
    fill: Fill | None = None


@dataclass(frozen=True, slots=True)
class AlgoUpdate:
    """ALGO_UPDATE: the algo order after a change of its status."""

    at_ns: int
    order: AlgoOrder


@dataclass(frozen=True, slots=True)
class PositionState:
    """A position as the exchange's books have it."""

    symbol: str
    lots: int  # signed: + long, - short
    cost: int  # minor units, > 0 when held
    unrealised: int  # minor units, at the mark
    entry_e8: int  # entry price in 1e-8 quote, cut off: cost / lots
    mark_ticks: int
    leverage: int
    margin: int  # initial margin, minor units
    maintenance: int = 0  # margin that it must keep
    isolated: int = 0  # of the wallet, set aside for it
    is_isolated: bool = False
    leg: str = BOTH


@dataclass(frozen=True, slots=True)
class AccountUpdate:
    """ACCOUNT_UPDATE: wallet and the changed position after a fill."""

    account: str
    at_ns: int
    reason: str  # ORDER, DEPOSIT, FUNDING_FEE, INSURANCE_CLEAR
    wallet: int  # minor units
    change: int  # of the wallet, trades excluded (deposits)
    position: PositionState | None


@dataclass(frozen=True, slots=True)
class AccountState:
    """The whole account, minor units throughout: what GET account answers."""

    account: str
    wallet: int
    unrealised: int
    position_margin: int
    order_margin: int
    available: int
    deposit: int
    realised: int  # sum since the deposit
    fees: int  # sum since the deposit
    funding: int  # sum since the deposit, received
    insurance: int  # sum that the insurance fund paid
    positions: tuple[PositionState, ...]  # one per listing and leg, also the empty ones
    is_hedged: bool = False

    @property
    def equity(self) -> int:
        """Wallet and unrealised profit."""
        return self.wallet + self.unrealised


Event = Trade | Quote | CandleUpdate | OrderUpdate | AlgoUpdate | AccountUpdate
