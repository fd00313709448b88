"""Orders, algo orders, fills and requests, as values; a change makes a new value.

    PlaceOrder --accepted--> Order      NEW -> PARTIALLY_FILLED -> FILLED | CANCELED | EXPIRED | EXPIRED_IN_MATCH
       |                     AlgoOrder  NEW -> TRIGGERING -> TRIGGERED -> FINISHED | CANCELED | EXPIRED | REJECTED
       +------refused------> Refusal(code, message)

LIMIT and MARKET requests become orders at once.  The others
become algo orders with ids of their own; when one triggers, an ordinary MARKET
(STOP, TAKE_PROFIT: LIMIT) order is born with its own ``order_id`` and the algo order's client id.
"""

from dataclasses import dataclass

LIMIT, MARKET, STOP_MARKET, TAKE_PROFIT_MARKET = "LIMIT", "MARKET", "STOP_MARKET", "TAKE_PROFIT_MARKET"
STOP, TAKE_PROFIT, TRAILING_STOP_MARKET = "STOP", "TAKE_PROFIT", "TRAILING_STOP_MARKET"
CONDITIONAL = (STOP_MARKET, TAKE_PROFIT_MARKET, STOP, TAKE_PROFIT, TRAILING_STOP_MARKET)
PRICED = (LIMIT, STOP, TAKE_PROFIT)  # carry a limit price
STOPS = (STOP_MARKET, STOP)
BUY, SELL = 1, -1
SIDES = {BUY: "BUY", SELL: "SELL"}
BOTH, LONG, SHORT = LEGS = "BOTH", "LONG", "SHORT"  # positionSide: one-way accounts hold BOTH, hedged ones the others
PREVENTIONS = (
    "NONE",
    "EXPIRE_TAKER",
    "EXPIRE_MAKER",
    "EXPIRE_BOTH",
)  # selfTradePreventionMode, numbered as in matching
EXPIRE_MAKER = "EXPIRE_MAKER"  # the exchange's own choice


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """What a client asks for; numbers as the text that came over the wire (None: not given)."""

    symbol: str  # id, BTCUSDT
    side: int  # BUY +1, SELL -1
    type: str
    quantity: str | None = None
    price: str | None = None
    trigger_price: str | None = None  # of a TRAILING_STOP_MARKET: where it begins to trail (activatePrice)
    time_in_force: str = "GTC"  # GTC IOC FOK GTX GTD
    reduce_only: bool = False
    close_position: bool = False
    client_id: str = ""  # empty: the exchange makes one
    callback_rate: str | None = None  # percent, of a TRAILING_STOP_MARKET
    by_mark: bool = False  # workingType MARK_PRICE
    leg: str = BOTH  # positionSide
    prevention: str = EXPIRE_MAKER
    price_match: str = "NONE"  # instead of a price: as the book stands on arrival
    good_till_ms: int = 0  # of GTD, market time

    @property
    def reduces(self) -> bool:
        """Whether it can only reduce what is held: it says so, or it closes a hedged account's leg."""
        return self.reduce_only or (self.leg, self.side) in ((LONG, SELL), (SHORT, BUY))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the exchange did not do it: Binance's code and message."""

    code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An ordinary order of one account."""

    account: str
    symbol: str  # id, BTCUSDT
    order_id: int
    client_id: str
    side: int
    type: str  # LIMIT or MARKET
    time_in_force: str
    lots: int
    price_ticks: int = 0
    reduce_only: bool = False
    close_position: bool = False
    status: str = "NEW"
    lots_filled: int = 0
    cost: int = 0  # sum of ticks * lots filled; the average price is cost / lots_filled ticks
    created_ns: int = 0
    updated_ns: int = 0
    algo_id: int = 0  # of the algo order that it was born from
    leg: str = BOTH
    prevention: str = EXPIRE_MAKER
    price_match: str = "NONE"
    good_till_ms: int = 0
    expiry: int = 0  # why it ended unfilled: one of the exchange's numbers (EXPIRED_BY...)

    @property
    def lots_left(self) -> int:
        """Lots not filled yet."""
        return self.lots - self.lots_filled

    @property
    def is_open(self) -> bool:
        """Whether it can still trade."""
        return self.status in ("NEW", "PARTIALLY_FILLED")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgoOrder:
    """A conditional order: it waits outside the book until its trigger price is traded."""

    account: str
    symbol: str
    algo_id: int
    client_id: str
    side: int
    type: str  # one of CONDITIONAL
    time_in_force: str
    lots: int  # 0 with close_position: whatever is held
    trigger_ticks: int  # of a TRAILING_STOP_MARKET: where it begins to trail; 0: at once
    price_ticks: int = 0  # of a STOP or TAKE_PROFIT: the limit order that it becomes
    trail_ppm: int = 0  # of a TRAILING_STOP_MARKET
    by_mark: bool = False
    reduce_only: bool = False
    close_position: bool = False
    status: str = "NEW"
    created_ns: int = 0
    updated_ns: int = 0
    triggered_ns: int = 0
    order_id: int = 0  # the order that it became
    lots_filled: int = 0
    cost: int = 0  # as in Order
    reason: str = ""  # why it failed
    leg: str = BOTH
    prevention: str = EXPIRE_MAKER
    price_match: str = "NONE"
    good_till_ms: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it still waits."""
        return self.status == "NEW"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One trade of one of our orders (a row of userTrades)."""

    account: str
    symbol: str
    trade_id: int
    order_id: int
    side: int
    price_ticks: int
    lots: int
    notional: int  # minor units
    fee: int  # minor units, positive is paid
    realised: int  # minor units
    maker: bool
    at_ns: int
    leg: str = BOTH


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that moved without a trade (a row of income)."""

    number: int  # counts the account's payments, from 1
    at_ns: int
    kind: str  # FUNDING_FEE, INSURANCE_CLEAR, TRANSFER
    symbol: str  # empty for a transfer
    amount: int  # minor units; negative was paid
