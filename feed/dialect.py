"""How an exchange speaks of its market: what is subscribed, how its frames are read, how its history is asked for.

    frame --Dialect.decoder--> which of ours it is, and what reads it --> Inlet.candle trade quote mark
    REST  --Dialect.candles--> rows, oldest first

``source.py`` dials and listens again, the same for every exchange.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, Protocol

from feed.candle import Candle

Decode = Callable[[Mapping[str, Any], int], None]  # a frame's body, and when it was received


class Stream(StrEnum):
    """What is subscribed, each on a connection of its own, so that none can drown another."""

    CANDLES = "candles"
    TRADES = "trades"
    QUOTES = "quotes"
    MARKS = "marks"


class Trade(NamedTuple):
    """One aggregate trade."""

    trade_id: int
    taker_side: int  # +1 the buyer took
    price: float
    quantity: float
    event_ns: int
    received_ns: int


class Quote(NamedTuple):
    """The best bid and ask."""

    bid: float
    bid_quantity: float
    ask: float
    ask_quantity: float
    event_ns: int
    received_ns: int


class Inlet(Protocol):
    """Where what was heard goes; ``row`` is the place of the symbol among those asked for."""

    def candle(self, row: int, candle: Candle, closed: bool, heard: tuple[int, int]) -> None:
        """Take a candle; ``heard`` is the exchange's time of the frame and our monotonic one."""

    def trade(self, row: int, trade: Trade) -> None:
        """Take a trade."""

    def quote(self, row: int, quote: Quote) -> None:
        """Take a quote."""

    def mark(self, row: int, price: float, heard: tuple[int, int]) -> None:
        """Take a mark price."""

    def defect(self, row: int | None, why: str) -> None:
        """Take note of a frame that could not be read; ``row`` where it was about a closed candle."""

    def connected(self, stream: Stream, again: bool) -> None:
        """Take note of a connection, the first or ``again``."""


class Where(NamedTuple):
    """Which market."""

    exchange: str = "binanceusdm"  # as ccxt names it
    is_demo: bool = False  # on the hosts where the exchange lets people practise


class Ear(Protocol):
    """Who hears, and knows which symbols were asked for."""

    @property
    def inlet(self) -> Inlet:
        """Where what was heard goes."""
        ...

    def row(self, name: str) -> int:
        """The row of the exchange's own ``name``; raises MalformedFrameError where nobody asked for it."""
        ...

    def heard(self, stream: Stream) -> None:
        """A good message of ``stream`` came."""
        ...


class Dialect(ABC):
    """One exchange, as ccxt names it."""

    exchange: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}  # of ccxt's client
    prefixes: ClassVar[Mapping[Stream, str]]  # of ccxt's names for subscriptions

    def __init__(self, ear: Ear) -> None:
        """Hear nothing yet."""
        self.ear = ear

    @abstractmethod
    def decoder(self, message: Any) -> tuple[Decode, Mapping[str, Any]] | None:
        """What reads ``message``, and its body; None: it is not market data."""

    @abstractmethod
    def is_subscription(self, message: Any) -> bool:
        """The exchange acknowledges a subscription."""

    @abstractmethod
    def closed_name(self, body: Mapping[str, Any]) -> str:
        """The exchange's name of whose candle closed by this frame, however bad the rest is; empty: none did."""

    @abstractmethod
    async def watch(self, client: Any, stream: Stream, symbols: Sequence[str]) -> None:
        """Subscribe; ends when the connection breaks."""

    @abstractmethod
    async def candles(self, client: Any, name: str, span: tuple[str, int | None, int]) -> Sequence[Any]:
        """Rows of ``name`` for (timeframe, from when, how many), oldest first, as they came."""

    @abstractmethod
    def candle(self, row: Any) -> Candle:
        """A candle from such a row; MalformedFrameError where it is none."""

    @abstractmethod
    async def market_ns(self, client: Any, name: str) -> int:
        """The market's time as the exchange tells it beside a price."""
