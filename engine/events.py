"""What the journal records: the only things that may change our books.

    Started  Listed  Deposited  Opened  Sized  Spent  Trimmed  Stepped  DayBegan
    Intended  Observed  Filled  Crossed  Funded  Found  Intervened

An event names its instrument by symbol and its strategy by name, since row numbers
end with a session and the journal does not.  Encoding is canonical JSON: the same
event is always the same bytes, so that a chain of hashes over them means something.
"""

from typing import Annotated

import msgspec

from engine.order import Event, Intent
from shm.records import Finding, Leg

SIDE = Annotated[int, msgspec.Meta(ge=-1, le=1)]
DUST = "dust"  # the strategy of lots that are too few for any order; the next order that can takes them along
EXTERNAL = "external"  # the strategy of trades that are not ours: a human's, a liquidation


class Started(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A process opened the books; another run than the last forgets all targets."""

    run: str
    account: str
    venue: str
    wall_ns: int


class Listed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The facts of an instrument that money depends on."""

    instrument: str
    venue: str
    tick_e8: int
    lot_e8: int
    unit: int  # minor units of one tick times one lot


class Deposited(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Money came in or, negative, went out by no trade of ours; never a strategy's profit."""

    account: str
    venue: str
    amount: int  # minor units
    reference: str  # unique; a repeat is a no-op
    wall_ns: int
    kind: str = "TRANSFER"  # the venue's word for it


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What an account held of an instrument when its books were opened; its history before is not ours to book."""

    account: str
    venue: str
    instrument: str
    lots: int  # signed; nobody's of ours
    price_ticks: int  # average entry
    trade_id_next: int  # the first trade that is booked
    market_ns: int


class Sized(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A target became lots, once for each target id."""

    run: str
    instrument: str
    strategy: str
    target_id: int
    lots: int  # signed
    stop_ticks: int
    valid_until_ns: int  # market
    reference_ticks: int
    open_ns: int  # market, of the candle decided on
    trail_ticks: int = 0  # distance at which the stop may follow; 0: none was given


class Spent(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A target ended before its time: by a stop that does not rest at the venue, by time, by abandoning ship."""

    instrument: str
    strategy: str
    target_id: int
    market_ns: int
    text: str = ""  # why, for people


class Trimmed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A rung was reached without an order at the venue: the goal wants no more than ``lots`` any longer."""

    instrument: str
    strategy: str
    target_id: int
    lots: int  # signed
    market_ns: int


class DayBegan(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A risk day began; the account's profit then, open positions at the last close included."""

    day: int
    profit: int  # minor units
    market_ns: int


class Stepped(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A trade's exits have seen a closed candle; only what the candle may change."""

    instrument: str
    strategy: str
    open_ns: int  # market, of the candle
    peak_ticks: int
    stop_ticks: int
    against: int


class Intended(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """We are going to send this, once."""

    intent: Intent


class Observed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something was learnt about an order."""

    intent_id: int
    event: Event
    venue_order_id: str = ""
    lots_filled: int = 0  # the venue's own count, cumulative
    refusal: str = ""  # name of the error class
    text: str = ""  # the venue's words, or what proves absence
    market_ns: int = 0
    wall_ns: int = 0


class Filled(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A trade of ours, keyed by venue, instrument and trade id."""

    account: str
    venue: str
    instrument: str
    leg: Leg = Leg.BOTH
    trade_id: int
    intent_id: int  # 0: not ours
    venue_order_id: str
    side: SIDE
    lots: int
    price_ticks: int
    fee: int  # minor units, as the venue reports it; negative is a rebate
    is_maker: bool
    market_ns: int
    wall_ns: int


class Crossed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Two strategies traded with one another inside our books; the venue saw nothing."""

    cross_id: int
    account: str
    venue: str
    instrument: str
    leg: Leg = Leg.BOTH
    buyer: str
    seller: str
    lots: int
    price_ticks: int
    market_ns: int


class Funded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The venue paid, or took, funding."""

    account: str
    venue: str
    instrument: str
    leg: Leg = Leg.BOTH
    amount: int  # minor units; negative: we paid
    reference: str  # unique; a repeat is a no-op
    market_ns: int


class Found(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A comparison found a difference."""

    finding: Finding
    instrument: str
    intent_id: int
    expected: int
    found: int
    text: str
    wall_ns: int


class Intervened(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A person did something by hand; who, and why."""

    petition_id: str  # unique; a repeat is a no-op
    deed: str  # engine.petition.Deed
    subject: str  # as it was typed
    instrument: str = ""  # or the strategy that is paused
    strategy: str = ""
    intent_id: int = 0
    stop_ticks: int = 0
    lots: int = 0
    who: str = ""
    why: str = ""
    wall_ns: int = 0


BookEvent = (
    Started
    | Listed
    | Deposited
    | Opened
    | Sized
    | Spent
    | Trimmed
    | Stepped
    | DayBegan
    | Intended
    | Observed
    | Filled
    | Crossed
    | Funded
    | Found
    | Intervened
)

_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER: msgspec.json.Decoder[BookEvent] = msgspec.json.Decoder(BookEvent)


def encode(event: BookEvent) -> bytes:
    """Canonical bytes of ``event``."""
    return _ENCODER.encode(event)


def decode(payload: bytes) -> BookEvent:
    """The event that ``payload`` holds; ``msgspec.ValidationError`` for anything else."""
    return _DECODER.decode(payload)
