"""What a person asks for by hand, and whether it can be done: pure; granted is what goes into the journal.

Petition --judge(books, market)--> Granted(events, words)   the events are all that changes
                               \\-> Denied(words)            one line: what is wrong, what would be right

close SYMBOL            all of ours there is closed; its targets are spent until the strategy changes its mind
pause, resume NAME      a symbol or a strategy adds nothing; it may still leave
move-stop SYMBOL PRICE  the stop stands there until the strategy's next target
cancel ID               an order of ours that rests, but never the stop or a target of an open position;
                        an entry's goal adds nothing more until the strategy changes its mind
adopt SYMBOL            lots that are not ours become a strategy's, with a stop
adopt CASH              cash that differs from the exchange's, and that no list explains, is booked as it is there
ignore SYMBOL           lots that are not ours stay as they are and forbid entries no longer, until they change
stop WORD               nothing here; that somebody ended the session is written down
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

import msgspec

from engine.books import NOBODY, Books
from engine.events import EXTERNAL, BookEvent, Deposited, Intervened, Observed
from engine.order import Event, Order, intent_of
from engine.planner import RESTS
from shm.instruments import Instrument, amount
from shm.records import Purpose

CASH = "CASH"  # the subject of an adoption of money


class Deed(StrEnum):
    """What can be asked for."""

    CLOSE = "close"
    PAUSE = "pause"
    RESUME = "resume"
    MOVE_STOP = "move-stop"
    CANCEL = "cancel"
    ADOPT = "adopt"
    IGNORE = "ignore"
    STOP = "stop"


class Petition(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody typed."""

    petition_id: str
    deed: Deed
    subject: str  # a symbol, a strategy or an order
    price: str = ""  # of a stop
    strategy: str = ""  # who adopts
    who: str = ""
    why: str = ""
    wall_ns: int = 0


@dataclass(frozen=True, slots=True)
class Granted:
    """What is written down, and what the person is told."""

    events: tuple[BookEvent, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Denied:
    """Why nothing was done."""

    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What a petition is judged by, beside the books."""

    instruments: Mapping[str, Instrument]
    strategies: Sequence[str]
    marks: Mapping[str, int]  # last close in ticks
    silence: str = ""  # why nothing is sent at all
    cash_unexplained: int = 0  # minor units that the venue has and our books lack; negative: the other way about


Verdict = Granted | Denied


def judge(petition: Petition, books: Books, market: Market) -> Verdict:
    """Grant or deny; what was granted before is granted again without doing it twice."""
    if petition.petition_id in books.hands.petitions:
        return Granted((), "done already")
    if petition.deed in (Deed.PAUSE, Deed.RESUME):
        return _paused(petition, books, market)
    if market.silence and petition.deed in (Deed.CLOSE, Deed.MOVE_STOP, Deed.CANCEL):
        return Denied(f"{petition.deed} {petition.subject}: {market.silence}: do it at the exchange")
    if petition.deed is Deed.CANCEL:
        return _cancelled(petition, books)
    if petition.deed is Deed.STOP:
        return Granted((_written(petition),), f"the session ends: {petition.subject}")
    if petition.deed is Deed.ADOPT and petition.subject.upper() == CASH:
        return _cash_adopted(petition, books, market)
    found = [name for name in market.instruments if name == petition.subject or name.startswith(f"{petition.subject}/")]
    if len(found) != 1:
        return Denied(f"{petition.deed} {petition.subject}: not traded here; there are {', '.join(market.instruments)}")
    return _OF_SYMBOL[petition.deed](petition, books, market, found[0])


def _written(petition: Petition, instrument: str = "", **more: int | str) -> Intervened:
    fields = {"strategy": "", "intent_id": 0, "stop_ticks": 0, "lots": 0} | more
    return Intervened(
        petition_id=petition.petition_id,
        deed=petition.deed,
        subject=petition.subject,
        instrument=instrument,
        who=petition.who,
        why=petition.why,
        wall_ns=petition.wall_ns,
        **fields,  # type: ignore[arg-type]
    )


def _closed(petition: Petition, books: Books, market: Market, symbol: str) -> Verdict:
    one, foreign = market.instruments[symbol], books.position(symbol, EXTERNAL).lots
    ours = books.position(symbol).lots - foreign
    if not any(books.position(symbol, name).lots for name in books.strategies_of(symbol) if name not in NOBODY):
        theirs = f"; the {one.quantity(foreign)} there is not ours: adopt it first, or close it at the exchange"
        return Denied(f"close {symbol}: nothing of ours is held{theirs if foreign else ''}")
    return Granted((_written(petition, symbol),), f"closing {one.quantity(ours)} {symbol}; no re-entry on this target")


def _paused(petition: Petition, books: Books, market: Market) -> Verdict:
    symbols = [name for name in market.instruments if name.startswith(f"{petition.subject}/")]
    name = symbols[0] if len(symbols) == 1 else petition.subject
    known = (*market.instruments, *market.strategies)
    if name not in known and name not in books.hands.paused:
        there = ", ".join(known)
        return Denied(f"{petition.deed} {petition.subject}: neither a symbol nor a strategy; there are {there}")
    is_waiting = name in books.hands.paused or (petition.deed is Deed.RESUME and name in books.hands.disturbed)
    if is_waiting is (petition.deed is Deed.PAUSE):
        state = "paused already" if petition.deed is Deed.PAUSE else "not paused"
        return Denied(f"{petition.deed} {name}: {state}")
    words = "adds nothing until it is resumed; exits and stops go on" if petition.deed is Deed.PAUSE else "trades again"
    return Granted((_written(petition, name),), f"{name} {words}")


def _stop_moved(petition: Petition, books: Books, market: Market, symbol: str) -> Verdict:
    held = [name for name in books.strategies_of(symbol) if name not in NOBODY and books.position(symbol, name).lots]
    if not held:
        return Denied(f"move-stop {symbol}: nothing of ours is held, so no stop rests")
    sides = {books.position(symbol, name).side for name in held}
    if len(sides) > 1:
        return Denied(f"move-stop {symbol}: strategies hold both sides ({', '.join(held)}); one stop cannot serve both")
    ticks = _stop_ticks(petition, market, symbol, next(iter(sides)))
    if isinstance(ticks, Denied):
        return ticks
    price = market.instruments[symbol].price(ticks)
    return Granted((_written(petition, symbol, stop_ticks=ticks),), f"stop of {symbol} moves to {price}")


def _stop_ticks(petition: Petition, market: Market, symbol: str, side: int) -> int | Denied:
    """The trigger in ticks, if it is a price of the instrument's grid on the right side of the market."""
    one, asked = market.instruments[symbol], f"{petition.deed} {symbol} {petition.price}"
    try:
        exact = Decimal(petition.price).scaleb(8) / one.tick_e8
    except InvalidOperation:
        return Denied(f"{asked}: not a price")
    if not exact.is_finite() or exact <= 0:
        return Denied(f"{asked}: a price is above 0")
    if exact != int(exact):
        grid, near = Decimal(one.tick_e8).scaleb(-8).normalize(), one.price(int(exact))
        return Denied(f"{asked}: not on the grid of {grid:f}; near it is {near}")
    mark = market.marks.get(symbol, 0)
    if mark and side * (mark - int(exact)) <= 0:
        where = "below" if side > 0 else "above"
        return Denied(f"{asked}: would trigger at once; a stop here lies {where} {one.price(mark)}, or close {symbol}")
    return int(exact)


def _cancelled(petition: Petition, books: Books) -> Verdict:
    order = _order_named(petition.subject, books)
    if order is None:
        return Denied(f"cancel {petition.subject}: no order of ours has that id")
    intent = order.intent
    if order.is_terminal:
        return Denied(f"cancel {petition.subject}: is {order.state.name.lower()} already")
    if intent.purpose in RESTS and books.position(intent.instrument, intent.allocation[0][0]).lots:
        return Denied(f"cancel {petition.subject}: {_NEEDED[intent.purpose].format(symbol=intent.instrument)}")
    asked = Observed(intent_id=intent.intent_id, event=Event.CANCEL, text="by hand", wall_ns=petition.wall_ns)
    written = _written(petition, intent.instrument, intent_id=intent.intent_id)
    return Granted((written, asked), f"cancelling {intent.client_id} of {intent.instrument}")


def _order_named(text: str, books: Books) -> Order | None:
    """The order of that client id, number of ours, or number of the exchange's."""
    by_client = books.orders.get(intent_of(text))
    if by_client is not None and by_client.intent.client_id == text:
        return by_client
    working = [order for orders in books.working.values() for order in orders.values()]
    there = next((order for order in working if order.venue_order_id == text), None)
    return there or (books.orders.get(int(text)) if text.isdecimal() else None)


def _adopted(petition: Petition, books: Books, market: Market, symbol: str) -> Verdict:
    foreign, one = books.position(symbol, EXTERNAL), market.instruments[symbol]
    if not foreign.lots:
        return Denied(f"adopt {symbol}: nothing there is not ours")
    strategy = petition.strategy or (market.strategies[0] if len(market.strategies) == 1 else "")
    if strategy not in market.strategies:
        return Denied(f"adopt {symbol}: --strategy says whose it becomes; there are {', '.join(market.strategies)}")
    goal, held = books.goals.get((symbol, strategy)), books.position(symbol, strategy).lots
    if held * foreign.lots < 0:
        return Denied(f"adopt {symbol}: {strategy} holds the other side; close {symbol} first")
    known = goal.stop_ticks if goal and held else 0
    if not petition.price and not known:
        return Denied(f"adopt {symbol}: --stop PRICE says where its stop belongs")
    ticks = _stop_ticks(petition, market, symbol, foreign.side) if petition.price else known
    if isinstance(ticks, Denied):
        return ticks
    written = _written(petition, symbol, strategy=strategy, stop_ticks=ticks, lots=foreign.lots)
    return Granted((written,), f"{one.quantity(foreign.lots)} {symbol} is {strategy}'s now, stop {one.price(ticks)}")


def _cash_adopted(petition: Petition, books: Books, market: Market) -> Verdict:
    """What no list explains is booked as what a person says it was: entries wait for it no longer."""
    amount_minor = market.cash_unexplained
    if not amount_minor:
        return Denied(f"adopt {CASH}: the exchange's cash is ours; nothing is unexplained")
    if not petition.why:
        return Denied(f"adopt {CASH}: --why TEXT says what it was; the statement will show it")
    written = msgspec.structs.replace(_written(petition), deed="adopt-cash")
    deposit = Deposited(
        account=books.account,
        venue=books.venue,
        amount=amount_minor,
        reference=f"by hand {petition.petition_id}",
        wall_ns=petition.wall_ns,
        kind="ADOPTED",
    )
    return Granted((written, deposit), f"{amount(amount_minor)} booked as it is at the exchange; no strategy's profit")


def _ignored(petition: Petition, books: Books, market: Market, symbol: str) -> Verdict:
    foreign, one = books.position(symbol, EXTERNAL).lots, market.instruments[symbol]
    if not foreign:
        return Denied(f"ignore {symbol}: nothing there is not ours")
    written = _written(petition, symbol, lots=foreign)
    return Granted((written,), f"{one.quantity(foreign)} {symbol} is left alone; entries go on until it changes")


_NEEDED = {
    Purpose.STOP: "is the stop of an open position; "
    "move-stop {symbol} PRICE moves it, close {symbol} closes what it protects",
    Purpose.TAKE_PROFIT: "is a target of an open position and would be placed anew; close {symbol} ends the trade",
}
_OF_SYMBOL: Mapping[Deed, Callable[[Petition, Books, Market, str], Verdict]] = {
    Deed.CLOSE: _closed,
    Deed.MOVE_STOP: _stop_moved,
    Deed.ADOPT: _adopted,
    Deed.IGNORE: _ignored,
}
