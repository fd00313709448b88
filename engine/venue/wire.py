"""How one exchange is asked and how it answers: what ``LiveVenue`` needs and each exchange has in its own way.

LiveVenue --place once, dial, listen again--> the same for every exchange
    |
  Wire  --facts.py--> names and parameters of an order
        --questions-> orders, trades, positions, cash, modes, permissions
        --frames----> news of the private stream, none merged and none dropped
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from engine import errors
from engine.order import CONDITIONAL, Intent, OrderType
from engine.venue.base import (
    FundingSeen,
    Modes,
    News,
    OrderSeen,
    Permissions,
    PositionSeen,
    TradeSeen,
    WalletSeen,
)
from engine.venue.facts import Facts
from shm.clock import Clock
from shm.instruments import Instrument

Row = Mapping[str, Any]
UNREADABLE = (KeyError, TypeError, ValueError, IndexError, ArithmeticError, AttributeError)


class StreamOver(Exception):  # noqa: N818 - the tree names what happened
    """The private stream has said that it tells nothing more, in words."""


def read(reader: Callable[..., Any], row: Any, *more: Any) -> Any:
    """``row`` through ``reader``; an answer that cannot be read says nothing, so it is unknown."""
    try:
        return reader(row, *more)
    except UNREADABLE as error:
        raise errors.Unknown(f"unreadable answer: {str(row)[:200]}") from error


def order_params(facts: Facts, intent: Intent, instrument: Instrument) -> dict[str, Any]:
    """The parameters of an order beside symbol, side, quantity and price, by the table of facts."""
    is_conditional = intent.type in CONDITIONAL
    named = facts.client_id_conditional if is_conditional else facts.client_id
    params: dict[str, Any] = {named: intent.client_id, **facts.extras}
    if intent.reduce_only:
        params["reduceOnly"] = True
    if intent.type is OrderType.POST_ONLY:
        params["postOnly"] = True
    if is_conditional:
        trigger = "stopLossPrice" if intent.type is OrderType.STOP_MARKET else "takeProfitPrice"
        name, value = facts.trigger_by_last
        params |= {trigger: format(instrument.price(intent.stop_ticks), "f"), name: value}
    return params


class Wire(ABC):
    """One account of one exchange, through ccxt's client of it."""

    def __init__(self, client: Any, clock: Clock) -> None:
        """Follow nothing yet."""
        self.client, self.clock = client, clock
        self.by_symbol: dict[str, Instrument] = {}
        self.by_id: dict[str, Instrument] = {}

    def follow(self, instruments: Sequence[Instrument]) -> None:
        """Use these rules for everything from here on."""
        self.by_symbol = {instrument.symbol: instrument for instrument in instruments}
        self.by_id = {self.id_of(symbol): rule for symbol, rule in self.by_symbol.items()}

    def id_of(self, symbol: str) -> str:
        """The exchange's own name of ``symbol``."""
        name: str = self.client.market(symbol)["id"]
        return name

    @abstractmethod
    def instrument(self, info: Row, row: int, names: tuple[str, str, str]) -> Instrument:
        """The trading rules in what the exchange says of a market."""

    @abstractmethod
    def acknowledged(self, answer: Row, intent: Intent) -> OrderSeen:
        """What the answer to an order says of it."""

    @abstractmethod
    async def cancel(self, intent: Intent) -> None:
        """Ask for the order's end."""

    @abstractmethod
    async def order_by_client_id(self, intent: Intent) -> OrderSeen | None:
        """The order of that client id, or None."""

    @abstractmethod
    async def order_by_id(self, symbol: str, venue_order_id: str) -> OrderSeen | None:
        """The ordinary order of that number, or None."""

    @abstractmethod
    async def open_orders(self, symbol: str) -> tuple[OrderSeen, ...]:
        """What rests, ordinary and conditional; of every instrument we follow where ``symbol`` is empty."""

    @abstractmethod
    async def trades_since(self, symbol: str, trade_id: int) -> tuple[TradeSeen, ...]:
        """Every trade from ``trade_id`` on, oldest first."""

    @abstractmethod
    async def newest_trade(self, symbol: str) -> int:
        """A number that no later trade has, and every earlier one has or is below."""

    @abstractmethod
    async def funding_since(self, since_ns: int) -> tuple[FundingSeen, ...]:
        """Every payment of funding at ``since_ns`` and later."""

    @abstractmethod
    async def transfers_since(self, since_ns: int) -> tuple[FundingSeen, ...]:
        """What else moved the wallet at ``since_ns`` and later, by kind; rows of trades may be among them."""

    @abstractmethod
    async def positions(self) -> tuple[PositionSeen, ...]:
        """What we hold of the instruments that we follow."""

    @abstractmethod
    async def wallet(self, asset: str) -> WalletSeen:
        """Cash of ``asset``."""

    @abstractmethod
    async def modes(self, symbols: Sequence[str]) -> Modes:
        """How the account is set up."""

    @abstractmethod
    async def permissions(self) -> Permissions:
        """What the keys may do."""

    @abstractmethod
    async def arm(self, symbol: str, timeout_ms: int) -> None:
        """Set the dead-man timer; refused where there is none."""

    @abstractmethod
    async def watch(self) -> None:
        """Dial and subscribe the private stream; ends with an error when it breaks, else never."""

    @abstractmethod
    async def renew(self) -> None:
        """Keep the stream's right to live; asked every so often."""

    @abstractmethod
    def is_private(self, url: str) -> bool:
        """The socket of ``url`` is the private stream's."""

    @abstractmethod
    def is_up_at_once(self) -> bool:
        """The stream tells everything from the moment that its socket is open."""

    @abstractmethod
    def news(self, frame: Any) -> Iterable[News] | None:
        """What a frame tells; None: it is not ours to read; StreamOver: it will tell nothing more."""

    @abstractmethod
    def forget(self) -> None:
        """The stream is down, and with it what belonged to its connection."""
