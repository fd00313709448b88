"""Every record that crosses a process boundary: what one process may tell another.

    a slot, 128 bytes = two cache lines
    +----------+-----------------------------------------------------------+
    | sequence | payload: one record, 120 bytes = 15 words of 8 bytes      |
    +----------+-----------------------------------------------------------+

Prices and quantities of ours are integers: ``ticks`` and ``lots`` of the instrument, money in minor units of 1e-8 of
the quote asset.  ``f8`` holds market data and nothing else.  ``*_ns`` is UTC nanoseconds since 1970; which clock is
said beside the field: market (the exchange's, see table CLOCK), wall or monotonic.  A ring record opens with ``kind``;
kind 0 is GAP, what a successor publishes in place of a record that its predecessor died while writing.
"""

from enum import IntEnum

import numpy as np

PAYLOAD, GAP = 120, 0


class MarketKind(IntEnum):
    """What a MARKET record is about."""

    CANDLE = 1
    FUNDING = 2
    MARK = 3
    STATUS = 4


class Provenance(IntEnum):
    """How a candle came to us."""

    OBSERVED = 1  # closed by the exchange's own flag on the stream
    QUIET = 2  # nobody traded; the feed was alive
    BACKFILLED = 3  # fetched by REST after a hole or at the start
    CORRECTED = 4  # replaces one that we published before
    MISSING = 5  # its deadline passed and REST has none either


class TickKind(IntEnum):
    """What a TICKS record is about."""

    TRADE = 1
    QUOTE = 2


class Unit(IntEnum):
    """What a target's amount counts."""

    LOTS = 1
    RISK = 2  # millionths of the risk budget, signed


class Reason(IntEnum):
    """Why the brain decided so; the closed list, every no-trade included."""

    COLD = 1  # no opinion: the indicators have not settled
    HOLE = 2  # no opinion: a candle is missing, the indicators start again
    FLAT = 3  # no trade: the trend is flat
    LONG = 4  # want to be long
    SHORT = 5  # want to be short
    HELD = 6  # the last target stands
    HEATED = 7  # no trade: the move has run too far
    STOPPED = 8  # no trade: stopped out, waiting for the next turn
    MALFORMED = 9  # no opinion: the strategy answered with NaN or infinity
    EXIT = 10  # want no position
    QUIET = 11  # no trade: nothing that this strategy waits for has happened
    REGIME = 12  # no trade: the market is not of the kind that this strategy is for
    BIAS = 13  # no trade: the longer timeframe is against it
    WEAK = 14  # no trade: what speaks for it is not enough
    SPLIT = 15  # no trade: the opinions contradict one another
    REACHED = 16  # want no position: the move has arrived where it was to go


class OrderState(IntEnum):
    """Where an order stands; the transitions are in engine/order.py."""

    NEW = 1  # the intent is durable: it may have left
    OPEN = 3  # 2 was never written
    PARTIAL = 4
    FILLED = 5
    CANCELLING = 6
    CANCELLED = 7
    REJECTED = 8
    IN_DOUBT = 9  # it may have happened: ask, never send again
    NOT_SENT = 10  # proved absent
    EXPIRED = 11


class Purpose(IntEnum):
    """What an order is for."""

    ENTRY = 1
    EXIT = 2
    STOP = 3
    FLATTEN = 4
    TAKE_PROFIT = 5  # a target of the ladder, resting


class Leg(IntEnum):
    """Which leg of a position; one-way accounts only know BOTH."""

    BOTH = 0
    LONG = 1
    SHORT = 2


class OrderEventKind(IntEnum):
    """What an ORDER_EVENTS record tells."""

    INTENT = 1
    STATE = 2
    FILL = 3
    REFUSED = 4


class Finding(IntEnum):
    """What a comparison of journal, books and exchange found."""

    MATCH = 1
    ORDER_UNKNOWN_HERE = 2  # the exchange has an order of ours that our books lack
    ORDER_STATE_DIFFERS = 3
    ORDER_ABSENT_THERE = 4
    FILL_MISSING_HERE = 5
    FILL_UNKNOWN_THERE = 6
    POSITION_DIFFERS = 7
    CASH_DIFFERS = 8
    FOREIGN_ORDER = 9  # not ours: a human's, or another program's
    STOP_MISSING = 10


class Life(IntEnum):
    """How far a process is."""

    ABSENT = 0
    STARTING = 1
    READY = 2  # prepared; waits for RUN
    RUNNING = 3
    DRAINED = 4  # told to drain, and has
    STOPPED = 5
    FAILED = 6


class Order(IntEnum):
    """What the supervisor tells a process; a level, repeated until it changes."""

    PREPARE = 0
    RUN = 1
    DRAIN = 2
    STOP = 3


class Kill(IntEnum):
    """The kill word: it only rises while a session lives."""

    NORMAL = 0
    NO_ENTRIES = 1
    EXITS_ONLY = 2
    FLATTEN = 3
    HALT = 4


MARKET = np.dtype(
    [
        ("kind", "u1"),  # MarketKind
        ("provenance", "u1"),  # Provenance
        ("marks", "<u2"),  # bit 0: hydration, published before RUN
        ("instrument", "<u4"),  # row in INSTRUMENTS
        ("timeframe_s", "<u4"),
        ("epoch", "<u4"),  # of the feed: how many times it was started
        ("open_ns", "<i8"),  # market time, start of the interval
        ("received_ns", "<i8"),  # monotonic, when the frame arrived
        ("published_ns", "<i8"),  # monotonic
        ("open", "<f8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("volume", "<f8"),  # base asset
        ("quote_volume", "<f8"),
        ("taker_volume", "<f8"),
        ("taker_quote_volume", "<f8"),
        ("trades", "<u4"),
        ("missing", "<u4"),  # candles absent right before this one
        ("revises", "<i8"),  # sequence of the record that this one corrects, or -1
    ],
    align=True,
)

TICK = np.dtype(
    [
        ("kind", "u1"),  # TickKind
        ("taker_side", "i1"),  # +1 the buyer took, -1 the seller
        ("marks", "<u2"),
        ("instrument", "<u4"),
        ("trade_id", "<i8"),
        ("event_ns", "<i8"),  # market
        ("received_ns", "<i8"),  # monotonic
        ("price", "<f8"),
        ("quantity", "<f8"),
        ("bid", "<f8"),
        ("bid_quantity", "<f8"),
        ("ask", "<f8"),
        ("ask_quantity", "<f8"),
        ("spare", "<i8", (5,)),
    ],
    align=True,
)

DECISION = np.dtype(
    [
        ("kind", "u1"),  # 1
        ("reason", "u1"),  # Reason
        ("strategy", "u1"),
        ("stopped_side", "i1"),  # as read
        ("instrument", "<u4"),
        ("market_seq", "<i8"),  # sequence of the candle in ring MARKET
        ("open_ns", "<i8"),  # market
        ("timeframe_s", "<u4"),
        ("epoch", "<u4"),  # of the brain
        ("inputs_hash", "<u8"),
        ("position_lots", "<i8"),  # as read
        ("entry_ticks", "<i8"),
        ("position_version", "<i8"),
        ("amount", "<i8"),  # in the target's unit
        ("stop_ticks", "<i8"),
        ("target_id", "<i8"),  # 0: no target yet
        ("values", "<f8", (3,)),  # what mattered; the strategy names them
        ("decided_ns", "<i8"),  # monotonic
    ],
    align=True,
)

TARGET = np.dtype(
    [
        ("kind", "u1"),  # 1
        ("unit", "u1"),  # Unit
        ("plan", "u1"),
        ("reason", "u1"),  # Reason
        ("instrument", "<u4"),
        ("strategy", "<u2"),
        ("marks", "<u2"),
        ("epoch", "<u4"),  # of the brain
        ("target_id", "<i8"),  # grows with every change of mind; a repeat keeps it
        ("market_seq", "<i8"),
        ("open_ns", "<i8"),  # market, of the candle decided on
        ("valid_until_ns", "<i8"),  # market; later it forbids entries and keeps exits
        ("amount", "<i8"),  # lots, or millionths of the risk budget; signed
        ("stop_ticks", "<i8"),  # 0: none
        ("trail_ticks", "<i8"),
        ("limit_ticks", "<i8"),
        ("reference_ticks", "<i8"),  # the close that the decision saw
        ("position_version", "<i8"),
        ("received_ns", "<i8"),  # monotonic, of the candle's frame
        ("decided_ns", "<i8"),  # monotonic
        ("inputs_hash", "<u8"),
    ],
    align=True,
)

ORDER_EVENT = np.dtype(
    [
        ("kind", "u1"),  # OrderEventKind
        ("state", "u1"),  # OrderState
        ("side", "i1"),  # +1 buy, -1 sell
        ("purpose", "u1"),  # Purpose
        ("instrument", "<u4"),
        ("strategy", "<u2"),
        ("leg", "u1"),  # Leg
        ("type", "u1"),  # engine.order.OrderType
        ("refusal", "<u4"),  # engine.risk.Refusal, or 0
        ("intent_id", "<i8"),
        ("venue_order_id", "<i8"),
        ("trade_id", "<i8"),
        ("lots", "<i8"),
        ("lots_filled", "<i8"),
        ("price_ticks", "<i8"),
        ("fee", "<i8"),  # minor units
        ("target_id", "<i8"),
        ("event_ns", "<i8"),  # market
        ("received_ns", "<i8"),  # monotonic, of the candle's frame; 0 where none caused it
        ("decided_ns", "<i8"),  # monotonic
        ("durable_ns", "<i8"),  # monotonic
        ("sent_ns", "<i8"),  # monotonic
    ],
    align=True,
)

CORRECTION = np.dtype(
    [
        ("kind", "u1"),  # Finding
        ("severity", "u1"),
        ("marks", "<u2"),
        ("instrument", "<u4"),
        ("round", "<i8"),  # of the comparison
        ("intent_id", "<i8"),
        ("venue_order_id", "<i8"),
        ("trade_id", "<i8"),
        ("expected", "<i8"),  # lots, minor units or a state, as the kind says
        ("found", "<i8"),
        ("observed_ns", "<i8"),  # wall
        ("client_id", "S40"),
        ("spare", "<i8", (2,)),
    ],
    align=True,
)

POSITION = np.dtype(
    [
        ("instrument", "<u4"),
        ("strategy", "<u2"),
        ("leg", "u1"),
        ("stopped_side", "i1"),  # side of the target that its stop ended, until the next target
        ("version", "<i8"),
        ("lots", "<i8"),  # of this strategy; signed
        ("entry_ticks", "<i8"),  # average, rounded down
        ("opened_ns", "<i8"),  # market
        ("stop_ticks", "<i8"),  # resting at the exchange; 0: none
        ("target_id", "<i8"),  # the newest one that the engine acted on
        ("net_lots", "<i8"),  # of the account
        ("cost", "<i8"),  # minor units, of this strategy's lots
        ("realised", "<i8"),  # minor units
        ("fees", "<i8"),  # minor units
        ("spare", "<i8", (4,)),
    ],
    align=True,
)

INSTRUMENT = np.dtype(
    [
        ("symbol", "S32"),  # ccxt unified, e.g. BTC/USDT:USDT
        ("venue", "S16"),
        ("account", "S16"),
        ("tick_e8", "<i8"),  # price of one tick, 1e-8 of the quote asset
        ("lot_e8", "<i8"),  # quantity of one lot, 1e-8 of the base asset
        ("lots_min", "<i8"),
        ("lots_max", "<i8"),
        ("market_lots_max", "<i8"),
        ("notional_min", "<i8"),  # minor units
        ("leverage_max", "<u4"),
        ("status", "<u4"),  # 1 trading, 0 not
    ],
    align=True,
)

QUOTE = np.dtype(
    [
        ("bid", "<f8"),
        ("bid_quantity", "<f8"),
        ("ask", "<f8"),
        ("ask_quantity", "<f8"),
        ("last", "<f8"),
        ("mark", "<f8"),
        ("event_ns", "<i8"),  # market
        ("received_ns", "<i8"),  # monotonic
        ("spot", "<f8"),  # of one unit of the contract: of 1000 coins where it is that many
        ("spot_ns", "<i8"),  # monotonic; 0: never heard
        ("spare", "<i8", (5,)),
    ],
    align=True,
)

CLOCK = np.dtype(
    [
        ("market_ns", "<i8"),
        ("monotonic_ns", "<i8"),  # when market_ns was learnt
        ("speed", "<f8"),  # market seconds a machine second; 0 while stepping
        ("spare", "<i8", (12,)),
    ],
    align=True,
)

PULSE = np.dtype(
    [
        ("pid", "<i8"),
        ("started_ns", "<i8"),  # monotonic
        ("beat", "<i8"),  # duty cycles so far
        ("beat_ns", "<i8"),  # monotonic
        ("life", "<u4"),  # Life
        ("epoch", "<u4"),  # starts of this role in the session
        ("market_seq", "<i8"),  # feed: next to publish; brain, engine: all before are done; exchange: candles closed
        ("settled_ns", "<i8"),  # engine: market time up to which nothing is pending
        ("obeyed", "<i8"),  # version of the newest command it acted on
        ("detail", "S56"),  # for people: "compiling 3 of 5"
    ],
    align=True,
)

COMMAND = np.dtype(
    [
        ("order", "<u4"),  # Order
        ("flatten", "<u4"),  # with DRAIN: 1 closes positions, 0 leaves them with their stops
        ("version", "<i8"),
        ("issued_ns", "<i8"),  # monotonic
        ("spare", "<i8", (12,)),
    ],
    align=True,
)

RECORDS = {name: value for name, value in globals().items() if isinstance(value, np.dtype)}
assert all(record.itemsize == PAYLOAD for record in RECORDS.values()), "a record fills a slot's payload"
