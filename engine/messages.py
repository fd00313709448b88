"""What the engine's core is told, and what it answers.

    agent --Targeted, Clocked, Outcome, FillTold, Answered, Killed, Draining--> Core.tell
    agent <--Answer(events, actions)-- Core.tell

The agent appends ``events`` to the journal and, when they are durable, does
``actions`` in order.  Core has no socket, no disk and no clock.
"""

from dataclasses import dataclass

from engine.events import BookEvent, Filled
from engine.order import Event, Intent
from engine.risk import Approved, Refused
from shm.records import Kill, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The three clocks, read together by the agent."""

    market_ns: int
    wall_ns: int
    monotonic_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A record of ring TARGETS, with names for row numbers."""

    instrument: str
    strategy: str
    unit: Unit
    target_id: int
    amount: int
    stop_ticks: int
    reference_ticks: int
    valid_until_ns: int
    open_ns: int
    trail_ticks: int = 0  # distance at which the stop may follow; 0: none
    received_ns: int = 0
    decided_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """What the engine needs of a closed candle, in ticks."""

    instrument: str
    open_ns: int
    close_ns: int
    high_ticks: int
    low_ticks: int
    close_ticks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a Send, a Cancel or an Ask, or what the private stream says of an order."""

    intent_id: int
    event: Event
    venue_order_id: str = ""
    lots_filled: int = 0  # cumulative, as the venue counts
    refusal: str = ""  # name of the error class, e.g. WouldTrigger
    text: str = ""
    retry_after_ms: int = 0
    asked_ns: int = 0  # monotonic, when the question left; 0: it is as old as its answer
    is_under_way: bool = False  # its request has not been answered yet: absence proves nothing


@dataclass(frozen=True, slots=True)
class FillTold:
    """A trade of ours, from the stream or from REST; duplicates are no-ops."""

    fill: Filled


@dataclass(frozen=True, slots=True)
class Recorded:
    """Anything else that changes the books: Deposited, Funded, Found, Started, Listed, Intervened."""

    event: BookEvent


@dataclass(frozen=True, slots=True)
class KillRaised:
    """The kill word as the agent read it."""

    level: Kill


@dataclass(frozen=True, slots=True)
class Draining:
    """The session ends: no entries; with ``flatten`` positions are closed."""

    flatten: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed: told every duty cycle, drives retries, questions and expiry."""


Message = Target | Candle | Outcome | FillTold | Recorded | KillRaised | Draining | Tick


@dataclass(frozen=True, slots=True)
class Send:
    """Place this order, once; the intent is durable when the agent gets here."""

    approved: Approved

    @property
    def intent(self) -> Intent:
        """The order to place."""
        return self.approved.intent


@dataclass(frozen=True, slots=True)
class Cancel:
    """Ask for the end of an order."""

    intent: Intent
    venue_order_id: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the venue, by client id and by trades, what became of an order; answer with Outcome and FillTold."""

    intent: Intent
    venue_order_id: str


@dataclass(frozen=True, slots=True)
class Compare:
    """Run a three-way comparison soon."""

    reason: str


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell ring ORDER_EVENTS of a refusal; the first time only."""

    refused: Refused


Action = Send | Cancel | Ask | Compare | Announce


@dataclass(frozen=True, slots=True)
class Answer:
    """First make ``events`` durable, then do ``actions`` in order."""

    events: tuple[BookEvent, ...] = ()
    actions: tuple[Action, ...] = ()
