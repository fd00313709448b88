"""The life of an order.

    NEW --ack--> OPEN --fill--> PARTIAL --fill--> FILLED
    |  |           |               |
    |  doubt     cancel          cancel
    |  |           +------> CANCELLING --confirm--> CANCELLED
    |  v                        |
    |  IN_DOUBT                 +--- a fill may still win --> FILLED
    v  (ask the venue; never resend; absence proved: NOT_SENT)
    REJECTED

An intent that is durable may have left: there is no state between that and the venue's first word.

A state is a function of the *set* of facts that we hold about an order, so news may
come late, twice or in any order and the state is the same.  LADDER below is the whole
truth: the first rung whose facts we hold is the state.  A terminal state needs a fact
from the venue; NOT_SENT alone is left again, when the venue shows the order after all.
"""

import re
import zlib
from enum import IntEnum, IntFlag
from typing import Annotated

import msgspec

from shm.records import Leg, OrderState, Purpose

POSITIVE = Annotated[int, msgspec.Meta(gt=0)]
CLIENT_ID_LENGTH_MAX = 36  # Binance: ^[\.A-Z\:/a-z0-9_-]{1,36}$
RUN_LENGTH_MAX = 14
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_OURS = re.compile(r"rm([0-9a-z]{1,14})-([0-9a-z]{1,11})-([0-9a-f]{6})")


class OrderType(IntEnum):
    """How an order meets the book."""

    MARKET = 1
    LIMIT = 2
    POST_ONLY = 3
    STOP_MARKET = 4
    TAKE_PROFIT_MARKET = 5


CONDITIONAL = (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET)
RESTING = (OrderType.LIMIT, OrderType.POST_ONLY, *CONDITIONAL)


class Event(IntEnum):
    """What we may learn about an order."""

    ACK = 2  # the venue has it; 1 was never written
    REJECT = 3  # the venue refused it
    DOUBT = 4  # a timeout, a reset, a 5xx, or our own restart
    FILL_SOME = 5  # a trade, or the venue's count of filled lots
    FILL_ALL = 6
    CANCEL = 7  # we ask for its end
    CANCEL_CONFIRMED = 8
    EXPIRE = 9  # the venue ended it
    ABSENT = 10  # proved: the venue never had it


class Fact(IntFlag):
    """What is known of an order; bits are only ever added."""

    NONE = 0
    ACKED = 1
    REJECTED = 2
    DOUBTED = 4
    FILLED_SOME = 8
    FILLED_ALL = 16
    CANCEL_ASKED = 32
    CANCELLED = 64
    EXPIRED = 128
    ABSENT = 256


FACT_OF: dict[Event, Fact] = {
    Event.ACK: Fact.ACKED,
    Event.REJECT: Fact.REJECTED,
    Event.DOUBT: Fact.DOUBTED,
    Event.FILL_SOME: Fact.ACKED | Fact.FILLED_SOME,
    Event.FILL_ALL: Fact.ACKED | Fact.FILLED_SOME | Fact.FILLED_ALL,
    Event.CANCEL: Fact.CANCEL_ASKED,
    Event.CANCEL_CONFIRMED: Fact.ACKED | Fact.CANCELLED,
    Event.EXPIRE: Fact.ACKED | Fact.EXPIRED,
    Event.ABSENT: Fact.ABSENT,
}

LADDER: tuple[tuple[OrderState, Fact], ...] = (
    (OrderState.FILLED, Fact.FILLED_ALL),
    (OrderState.CANCELLED, Fact.CANCELLED),
    (OrderState.EXPIRED, Fact.EXPIRED),
    (OrderState.REJECTED, Fact.REJECTED),
    (OrderState.CANCELLING, Fact.CANCEL_ASKED | Fact.ACKED),
    (OrderState.PARTIAL, Fact.FILLED_SOME),
    (OrderState.OPEN, Fact.ACKED),
    (OrderState.NOT_SENT, Fact.ABSENT),
    (OrderState.IN_DOUBT, Fact.DOUBTED),
    (OrderState.NEW, Fact.NONE),
)

TERMINAL = (
    OrderState.FILLED,
    OrderState.CANCELLED,
    OrderState.EXPIRED,
    OrderState.REJECTED,
    OrderState.NOT_SENT,
)


# Asked many times for every piece of news, so the ladder is climbed once for each set of facts, at the start.
_STATES = tuple(
    next(state for state, needed in LADDER if facts & needed == int(needed)) for facts in range(2 * max(Fact))
)


def state_of(facts: Fact) -> OrderState:
    """The state of an order of which exactly ``facts`` are known."""
    return _STATES[facts]


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What we are going to ask of a venue: durable before the first byte, sent once."""

    intent_id: POSITIVE  # grows for the life of the account's journal
    client_id: str
    account: str
    venue: str
    instrument: str  # the symbol: row numbers do not outlive a session, a journal does
    leg: Leg = Leg.BOTH
    allocation: tuple[tuple[str, int], ...]  # (strategy, lots > 0); sums to ``lots``
    purpose: Purpose
    type: OrderType
    side: int  # +1 buy, -1 sell
    lots: POSITIVE
    price_ticks: int = 0  # limit price; 0: none
    stop_ticks: int = 0  # trigger; 0: none
    reduce_only: bool = False
    target_id: int = 0
    reference_ticks: int = 0  # what the decision saw: worst case of risk
    created_market_ns: int
    created_wall_ns: int
    received_ns: int = 0  # monotonic, of the candle's frame; 0 where none caused it
    decided_ns: int = 0  # monotonic

    def __post_init__(self) -> None:
        """Refuse what could not be attributed."""
        assert self.side in (1, -1), "an order buys or sells"
        assert sum(lots for _, lots in self.allocation) == self.lots, "the allocation sums to the order"
        assert all(lots > 0 for _, lots in self.allocation), "an allocation has the side of its order"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An intent and everything that is known of it since."""

    intent: Intent
    facts: Fact = Fact.NONE
    venue_order_id: str = ""
    lots_filled: int = 0  # by trades that are booked
    lots_reported: int = 0  # by the venue's own count; the trades may come later
    refusal: str = ""  # name of the error class, e.g. WouldTrigger
    changed_wall_ns: int = 0

    @property
    def state(self) -> OrderState:
        """Where the order stands."""
        return state_of(self.facts)

    @property
    def is_terminal(self) -> bool:
        """The venue will do nothing more with it."""
        return self.state in TERMINAL

    @property
    def is_settled(self) -> bool:
        """Terminal, and every lot that the venue counted is booked by a trade."""
        return self.is_terminal and self.lots_filled >= self.lots_reported

    @property
    def rests(self) -> bool:
        """It waits at the venue for its price, and every lot that has filled is booked; a stop that fills is none."""
        if self.state == OrderState.PARTIAL:
            return self.intent.type in (OrderType.LIMIT, OrderType.POST_ONLY) and self.lots_filled >= self.lots_reported
        return self.state == OrderState.OPEN and self.intent.type in RESTING

    @property
    def lots_left(self) -> int:
        """What may still fill."""
        return 0 if self.is_terminal else self.intent.lots - max(self.lots_filled, self.lots_reported)

    def told(self, event: Event, *, lots_reported: int = 0) -> "Order":
        """The order after ``event``; the same event again changes nothing."""
        reported = max(self.lots_reported, lots_reported)
        facts = self.facts | FACT_OF[event]
        if max(reported, self.lots_filled) > 0:
            facts |= FACT_OF[Event.FILL_SOME]
        if max(reported, self.lots_filled) >= self.intent.lots:
            facts |= FACT_OF[Event.FILL_ALL]
        if facts & Fact.FILLED_ALL and not (self.intent.reduce_only and reported):
            # A venue clips what only reduces to what is held: then its own count is the whole.
            reported = max(reported, self.intent.lots)
        return msgspec.structs.replace(self, facts=facts, lots_reported=reported)

    def filled(self, lots: int) -> "Order":
        """The order after one more trade of ``lots``; the caller has dropped duplicates."""
        grown = msgspec.structs.replace(self, lots_filled=self.lots_filled + lots)
        return grown.told(Event.FILL_SOME)


def base36(number: int) -> str:
    """``number`` in the digits 0-9 and a-z."""
    assert number >= 0, "only counts are written so"
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
        if number == 0:
            return text


def client_id_of(run: str, intent_id: int) -> str:
    """The client order id of an intent: ``rm<run>-<intent in base 36>-<check>``."""
    short = re.sub(r"[^0-9a-z]", "", run.lower())[-RUN_LENGTH_MAX:] or "0"
    body = f"rm{short}-{base36(intent_id)}"
    client_id = f"{body}-{_check(body)}"
    assert len(client_id) <= CLIENT_ID_LENGTH_MAX, "the venue would refuse a longer one"
    return client_id


def intent_of(client_id: str) -> int:
    """The intent that ``client_id`` names, or 0 when the id is not one of ours."""
    parts = _OURS.fullmatch(client_id)
    if parts is None or _check(client_id.rpartition("-")[0]) != parts.group(3):
        return 0
    return int(parts.group(2), 36)


def _check(body: str) -> str:
    return f"{zlib.crc32(body.encode()) & 0xFFFFFF:06x}"
