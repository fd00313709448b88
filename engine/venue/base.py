"""What we ask of a venue, and what a venue tells us, in our own integers.

    engine --place(Approved)--> Venue --> Acknowledged, or one of engine/errors.py
           --cancel(Intent)---->
           --questions--------->       --> OrderSeen, TradeSeen, FundingSeen, PositionSeen, WalletSeen
    engine <--told(news)-------- Venue      (private stream, every message, in order)

``place`` sends once and never again: whoever wants another attempt makes another intent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.order import CONDITIONAL, Event, Intent
from engine.risk import Approved
from shm.instruments import Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """The venue has the order."""

    venue_order_id: str
    event: Event  # ACK, or already what became of it
    lots_filled: int  # the venue's own count, cumulative
    sent_ns: int  # monotonic, when the request was handed to the socket
    market_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSeen:
    """An order as the venue has it."""

    symbol: str
    client_id: str
    venue_order_id: str
    child_order_id: str  # the ordinary order that a triggered stop became; empty before
    is_conditional: bool
    event: Event
    side: int
    lots: int
    lots_filled: int
    price_ticks: int
    stop_ticks: int
    reduce_only: bool
    market_ns: int
    text: str = ""
    refusal: str = ""  # name of the error class, where the venue refused after it had taken the order in


def taken_in(intent: Intent, venue_order_id: str, market_ns: int = 0) -> OrderSeen:
    """The order of ``intent`` as it was asked for, once the venue has given it a number; nothing of it has traded."""
    return OrderSeen(
        symbol=intent.instrument,
        client_id=intent.client_id,
        venue_order_id=venue_order_id,
        child_order_id="",
        is_conditional=intent.type in CONDITIONAL,
        event=Event.ACK,
        side=intent.side,
        lots=intent.lots,
        lots_filled=0,
        price_ticks=intent.price_ticks,
        stop_ticks=intent.stop_ticks,
        reduce_only=intent.reduce_only,
        market_ns=market_ns,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeSeen:
    """One trade of our account."""

    symbol: str
    trade_id: int
    venue_order_id: str
    client_id: str  # empty where the venue does not say
    side: int
    lots: int
    price_ticks: int
    fee: int  # minor units of ``fee_asset``
    fee_asset: str
    is_maker: bool
    market_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionSeen:
    """What the venue says we hold of an instrument."""

    symbol: str
    lots: int  # signed
    entry_ticks: int = 0  # 0 where the venue does not say
    cost: int = 0  # of the lots, minor units: an average price lies between two ticks; 0 where it does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class Modes:
    """How the account is set up at the venue; anybody with a browser may change it."""

    is_hedged: bool  # long and short legs are positions of their own
    is_multi_asset: bool  # several assets are margin for one another
    may_trade: bool
    margins: tuple[tuple[str, str, int], ...]  # (symbol, cross or isolated, leverage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What the keys may do."""

    may_trade: bool
    may_withdraw: bool | None  # None: the exchange does not say
    is_bound_to_address: bool | None  # only usable from addresses that were named at the exchange
    days_left: int | None = None  # None: for ever, or not said
    burns_coin: bool = False  # fees are taken in the exchange's own coin


@dataclass(frozen=True, slots=True, kw_only=True)
class ModesChanged:
    """Somebody changed how the account is set up."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletSeen:
    """Cash as the venue has it, unrealised profit left out."""

    asset: str
    wallet: int  # minor units
    reason: str  # why the venue tells: ORDER, FUNDING_FEE, DEPOSIT; empty as an answer
    change: int  # minor units, of what was no trade
    symbol: str  # of a funding payment; else empty
    market_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingSeen:
    """One payment of funding, or whatever else moved cash, as the venue lists it."""

    symbol: str  # the venue's own name where we do not follow it; empty of a transfer
    amount: int  # minor units; negative: we paid
    reference: str  # the venue's, unique
    market_ns: int
    kind: str = "TRANSFER"  # the venue's word; of funding nobody reads it
    trade_id: int = 0  # of what a trade brought or cost


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamUp:
    """From now on every private event is told; what came before has to be asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDown:
    """Private events may be missing until the next StreamUp."""

    text: str


News = OrderSeen | TradeSeen | PositionSeen | WalletSeen | ModesChanged | StreamUp | StreamDown


def unopposed() -> str:
    """Nothing speaks against an order."""
    return ""


def nobody(_: News) -> None:
    """Nobody listens."""


class Venue(Protocol):
    """A place where orders go; every method may raise a VenueError."""

    async def open(self) -> None:
        """Learn the markets; ask for nothing else before."""
        ...

    async def close(self) -> None:
        """Close every socket; safe to call twice and half open."""
        ...

    async def instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Trading rules of ``symbols``, in that order; row numbers follow it."""
        ...

    def follow(self, instruments: Sequence[Instrument]) -> None:
        """Use these rules, rows included, for everything from here on."""
        ...

    async def place(self, approved: Approved, objection: Callable[[], str] = unopposed) -> Acknowledged:
        """Send the approved intent, once; ``objection`` is asked last of all, and its words become ``NotSent``."""
        ...

    async def cancel(self, intent: Intent) -> None:
        """Ask for the order's end; what became of it is told, or answered when asked."""
        ...

    async def order_by_client_id(self, intent: Intent) -> OrderSeen | None:
        """The order of that client id; None when the venue knows none, which before the horizon proves nothing."""
        ...

    async def order_by_id(self, symbol: str, venue_order_id: str) -> OrderSeen | None:
        """The ordinary order of that number, e.g. the one that a trade names."""
        ...

    async def open_orders(self, symbol: str = "") -> tuple[OrderSeen, ...]:
        """What rests at the venue, ordinary and conditional, ours or not; without ``symbol`` all that we follow."""
        ...

    async def trades_since(self, symbol: str, trade_id: int) -> tuple[TradeSeen, ...]:
        """Every trade of ours from ``trade_id`` on, oldest first, complete."""
        ...

    async def funding_since(self, since_ns: int) -> tuple[FundingSeen, ...]:
        """Every payment of funding at ``since_ns`` and later, oldest first; 0: those of the last days."""
        ...

    async def transfers_since(self, since_ns: int) -> tuple[FundingSeen, ...]:
        """What else moved cash in (positive) and out at ``since_ns`` and later, oldest first; 0: in the last days.

        Rows of trades may be among them: ``kind`` and ``trade_id`` say whose.
        """
        ...

    async def positions(self) -> tuple[PositionSeen, ...]:
        """What we hold; instruments with nothing may be left out."""
        ...

    async def wallet(self, asset: str) -> WalletSeen:
        """Our cash."""
        ...

    async def modes(self, symbols: Sequence[str]) -> Modes:
        """How the account is set up, for ``symbols``."""
        ...

    async def permissions(self) -> Permissions:
        """What the keys may do."""
        ...

    async def rules(self, symbols: Sequence[str]) -> tuple[Instrument | None, ...]:
        """Trading rules as they are now, asked anew; None for what is not listed any more."""
        ...

    async def arm(self, symbol: str, timeout_ms: int) -> None:
        """Have the venue cancel what rests there unless it is told again in time; 0 disarms."""
        ...

    async def newest_trade(self, symbol: str) -> int:
        """The number of our account's last trade there; 0: none yet."""
        ...

    async def server_ns(self) -> int:
        """The venue's own clock: wall time, as requests are judged by."""
        ...

    async def listen(self, told: Callable[[News], None]) -> None:
        """Tell every private event to ``told`` at once, through reconnects, until cancelled."""
        ...

    def hang_up(self, reason: str) -> None:
        """Dial the private stream anew; StreamDown and StreamUp follow."""
        ...

    def stream_age_ns(self) -> int:
        """Machine time since the private stream last showed life; grows for ever while it is down."""
        ...
