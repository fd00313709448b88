"""Spot orders, fills, requests and events, as values; a change makes a new value.

PlaceSpot --accepted--> SpotOrder  NEW -> PARTIALLY_FILLED -> FILLED | CANCELED | EXPIRED | EXPIRED_IN_MATCH
   |                       PENDING_NEW first, where another order of its list has to fill before it
   |                       with a stop price it waits first (``is_working`` is false) and works when that trades
   +-------refused------> Refusal(code, message)
"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.venue.embedded.listing import Listing

LIMIT, LIMIT_MAKER, MARKET = "LIMIT", "LIMIT_MAKER", "MARKET"
STOP_LOSS, STOP_LOSS_LIMIT = "STOP_LOSS", "STOP_LOSS_LIMIT"
TAKE_PROFIT, TAKE_PROFIT_LIMIT = "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"
TYPES = (LIMIT, LIMIT_MAKER, MARKET, STOP_LOSS, STOP_LOSS_LIMIT, TAKE_PROFIT, TAKE_PROFIT_LIMIT)
PRICED = (LIMIT, LIMIT_MAKER, STOP_LOSS_LIMIT, TAKE_PROFIT_LIMIT)
TIMED = (LIMIT, STOP_LOSS_LIMIT, TAKE_PROFIT_LIMIT)  # say how long they are good
STOPS = (STOP_LOSS, STOP_LOSS_LIMIT)
TAKES = (TAKE_PROFIT, TAKE_PROFIT_LIMIT)
OPEN = ("NEW", "PARTIALLY_FILLED", "PENDING_NEW")
NO_LIST = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceSpot:
    """What a client asks for; numbers as the text that came over the wire (None: not given)."""

    symbol: str
    side: int  # BUY +1, SELL -1
    type: str
    quantity: str | None = None
    quote_quantity: str | None = None  # MARKET only, instead of quantity
    price: str | None = None
    stop_price: str | None = None
    trailing: int = 0  # trailingDelta, in hundredths of a percent
    time_in_force: str = ""  # GTC IOC FOK, where the type has one
    client_id: str = ""  # empty: the exchange makes one
    self_trade: str = "EXPIRE_MAKER"  # NONE EXPIRE_TAKER EXPIRE_MAKER EXPIRE_BOTH


@dataclass(frozen=True, slots=True)
class Amendment:
    """One change of an order that kept its place in the queue."""

    execution: int
    at_ns: int
    client_id_before: str
    client_id: str
    lots_before: int
    lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotOrder:
    """An order of one account, working or waiting for its stop price."""

    account: str
    symbol: str
    order_id: int
    client_id: str
    side: int
    type: str
    time_in_force: str
    lots: int
    price_ticks: int = 0
    stop_ticks: int = 0
    quote_wanted: int = 0  # minor units asked for with quoteOrderQty
    self_trade: str = "EXPIRE_MAKER"
    status: str = "NEW"
    is_working: bool = True
    lots_filled: int = 0
    cost: int = 0  # sum of ticks * lots filled
    locked: int = 0  # of the asset that it pays with, units of 1e-8
    created_ns: int = 0
    updated_ns: int = 0
    working_ns: int = -1_000_000  # when it began to work; -1 ms: not yet
    list_id: int = NO_LIST
    trailing: int = 0  # hundredths of a percent that the price may turn before it triggers
    peak_ticks: int = 0  # the best price since it trails; 0: it does not yet
    trailing_ns: int = 0  # when it began to
    amended: tuple["Amendment", ...] = ()

    @property
    def lots_left(self) -> int:
        """Lots not filled yet."""
        return self.lots - self.lots_filled

    @property
    def is_open(self) -> bool:
        """Whether it can still trade."""
        return self.status in OPEN

    @property
    def is_pending(self) -> bool:
        """Whether it waits for another order of its list."""
        return self.status == "PENDING_NEW"

    @property
    def rises(self) -> bool:
        """Whether its stop price triggers from below."""
        return (self.side > 0) == (self.type in STOPS)

    @property
    def never_rests(self) -> bool:
        """Whether what it does not get at once is given up."""
        return self.type in (MARKET, STOP_LOSS, TAKE_PROFIT) or self.time_in_force in ("IOC", "FOK")

    def pays(self, listing: Listing) -> str:
        """The asset that it gives."""
        return listing.quote if self.side > 0 else listing.base


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotFill:
    """One trade of one of our orders (a row of myTrades)."""

    account: str
    symbol: str
    trade_id: int
    order_id: int
    side: int
    price_ticks: int
    lots: int
    notional: int  # minor units of the quote asset
    fee: int  # units of 1e-8 of ``fee_asset``
    fee_asset: str  # what was received
    maker: bool
    at_ns: int
    list_id: int = NO_LIST


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderList:
    """Orders that live and die together.

    OCO    two, of which one works; whatever happens to one ends the other
    OTO    one that works, then one or (OTOCO) an OCO of two that wait until it is filled
    """

    list_id: int
    client_id: str
    symbol: str
    contingency: str  # OCO, OTO
    order_ids: tuple[int, ...]
    tied: tuple[int, ...]  # those that end with any other of them
    is_waiting: bool  # the first has to fill before the others work
    is_done: bool = False
    at_ns: int = 0


@dataclass(frozen=True, slots=True)
class ListUpdate:
    """listStatus: ``kind`` is EXEC_STARTED, UPDATED or ALL_DONE."""

    account: str
    at_ns: int
    kind: str
    list: OrderList
    client_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Execution:
    """executionReport: ``kind`` is NEW, TRADE, CANCELED, REPLACED, EXPIRED or TRADE_PREVENTION."""

    at_ns: int
    kind: str
    order: SpotOrder
    fill: SpotFill | None = None
    cancel_id: str = ""  # client id of the request that cancelled, or the order's own before it was replaced
    number: int = 0  # the execution's own


@dataclass(frozen=True, slots=True)
class Balances:
    """outboundAccountPosition: (free, locked) of the assets that may have changed."""

    account: str
    at_ns: int
    assets: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Payment:
    """balanceUpdate: a deposit or a withdrawal."""

    account: str
    at_ns: int
    asset: str
    amount: int


SpotEvent = Execution | Balances | Payment | ListUpdate
