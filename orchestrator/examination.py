"""The doctor at a real exchange: asked before a live session begins, over the connection that it would trade on.

    keys --permissions--> may trade, may NOT withdraw, bound to an address
    account --modes-----> one-way, single-asset, leverage and margin type as the settings allow
    symbols, positions, orders, wallet --> what the session would begin with

Nothing is sent that changes anything.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from random import Random

from engine import errors
from engine.books import NOBODY, Books
from engine.journal import NAME as JOURNAL
from engine.journal import JournalError, read_books
from engine.opening import unsupported
from engine.venue.base import Permissions, Venue
from engine.venue.client import Surroundings
from engine.venue.facts import FACTS
from engine.venue.live import LiveVenue
from orchestrator import wiring
from orchestrator.keys import Keys
from orchestrator.session import Session
from orchestrator.settings import BadInputError
from shm.clock import SystemClock
from shm.instruments import Instrument, amount

LISTED_NS = 150 * 86_400 * 10**9  # an exchange forgets an account's trades after half a year
Finding = tuple[str, bool, str]  # what was looked at, whether it is well, what was found


@dataclass(frozen=True, slots=True)
class Patient:
    """Whose health it is."""

    session: Session
    keys: Keys
    chance: Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was found."""

    is_fit: bool
    instruments: tuple[Instrument, ...] = ()
    wallet: int = 0


async def examine(patient: Patient, show: Callable[..., None]) -> Examined:
    """Ask the exchange everything that a session depends on; ``show`` is told each finding."""
    session = patient.session
    login = wiring.login(session, patient.keys)
    around = Surroundings(dial=wiring.dialler(session), clock=SystemClock(), generator=patient.chance)
    venue = LiveVenue(login, around)
    try:
        await venue.open()
        show("exchange", f"{session.venue} answers")
        instruments = await _instruments(venue, session)
        fit = True
        async for what, passed, text in _findings(venue, session, instruments):
            show(what, text, passed=passed)
            fit = fit and passed
        cash = await venue.wallet(wiring.ASSET)
    except errors.VenueError as error:
        show("exchange", error.text[:200], passed=False)
        return Examined(is_fit=False)
    finally:
        await venue.close()
    return Examined(is_fit=fit, instruments=instruments, wallet=cash.wallet)


async def _instruments(venue: LiveVenue, session: Session) -> tuple[Instrument, ...]:
    try:
        return await venue.instruments(session.settings.market.symbols)
    except errors.InvalidOrder as error:
        raise BadInputError(f"--symbols: {error.text}") from None


async def _findings(venue: Venue, session: Session, instruments: tuple[Instrument, ...]) -> AsyncIterator[Finding]:
    symbols, risk = [one.symbol for one in instruments], session.settings.engine.risk
    halted = [one.symbol for one in instruments if one.status != 1]
    yield "symbols", not halted, f"not trading: {', '.join(halted)}" if halted else ", ".join(symbols)
    if session.is_demo:
        yield "keys", True, "a demo tells nothing of permissions, and has nothing to withdraw"
    else:
        may = await venue.permissions()
        yield permitted(may, observes=session.observes)
        if may.burns_coin:
            yield "fees", session.observes, "are paid in BNB, which these books do not keep: turn that off for futures"
    facts = FACTS[session.exchange]
    yield "stream", True, f"may lose {facts.stream_loses}"
    for untold in facts.untold:
        yield "not told", True, untold
    words = unsupported(await venue.modes(symbols), risk)
    yield "modes", not words, words or "one-way, single-asset, leverage within limits"
    cash = await venue.wallet(wiring.ASSET)
    enough = cash.wallet > 0 or session.observes
    yield "wallet", enough, f"{amount(cash.wallet):f} {wiring.ASSET}" if enough else f"no {wiring.ASSET} to trade with"
    sizing = session.settings.engine.sizing
    capital = sum(sizing.capital_of(name, 0) for name in session.strategies)
    if capital > cash.wallet:
        words = f"engine.sizing.capital asks for {amount(capital):f}, the wallet holds {amount(cash.wallet):f}"
        yield "capital", session.observes, words
    held = [seen for seen in await venue.positions() if seen.lots]
    async for finding in _of_journal(venue, session, instruments):
        yield finding
    resting = [order for symbol in symbols for order in await venue.open_orders(symbol)]
    text = ", ".join(f"{seen.symbol} {seen.lots} lots" for seen in held) or "no position"
    yield "account", True, f"{text}; {len(resting)} orders rest"


def permitted(may: Permissions, *, observes: bool) -> Finding:
    """Whether keys that may do this are fit for a session; what the exchange does not say is said to be unsaid."""
    if may.may_withdraw:
        return "keys", False, "these keys may WITHDRAW: make keys that cannot, and delete these"
    if not may.may_trade and not observes:
        return "keys", False, "these keys may not trade futures"
    words = ["cannot withdraw" if may.may_withdraw is False else "whether they may withdraw is NOT TOLD: look yourself"]
    bound = {True: "bound to an address", False: "NOT bound to an address: bind them", None: "where from is not told"}
    words.append(bound[may.is_bound_to_address])
    if may.days_left is not None:
        words.append(f"they end in {may.days_left} days")
    return "keys", True, ", ".join(words)


async def _of_journal(venue: Venue, session: Session, instruments: tuple[Instrument, ...]) -> AsyncIterator[Finding]:
    """Whether the account's journal is this account's, and whether all that it holds would be looked after."""
    books = books_of(session)
    symbols = [one.symbol for one in instruments]
    if unknown := await foreign(venue, books, symbols):
        yield "owner", False, f"{unknown} is not this account's: other keys, or another engine.account, are wanted"
    for one in instruments:
        known = books.listings.get(one.symbol)
        if known and known.lot_e8 != one.lot_e8 and books.position(one.symbol).lots:
            words = "close it at the exchange, and begin another engine.account"
            yield "lots", False, f"the lot of {one.symbol} has changed while our journal holds some: {words}"
    left = unattended(books, symbols, session.strategies)
    words = f"ours: {left}; this session would not look after it: name it in --symbols and --strategy"
    yield "journal", not left, words if left else "nothing of ours on other symbols"


def books_of(session: Session) -> Books:
    """The account's books; empty ones where it has no journal yet."""
    if not (session.account_path / JOURNAL).exists():
        return Books()
    try:
        return read_books(session.account_path)
    except JournalError as error:
        raise BadInputError(str(error)) from None


async def foreign(venue: Venue, books: Books, symbols: Sequence[str]) -> str:
    """A trade of the journal that the exchange does not list for these keys, in words; empty: none."""
    for symbol in symbols:
        booked = [fill for (_, name, _), fill in books.ledger.trades.items() if name == symbol]
        last = max(booked, key=lambda fill: fill.trade_id, default=None)
        if last is None or SystemClock().wall_ns() - last.wall_ns > LISTED_NS:
            continue
        if last.trade_id not in [seen.trade_id for seen in await venue.trades_since(symbol, last.trade_id)]:
            return f"trade {last.trade_id} of {symbol} in the journal"
    return ""


def held(books: Books) -> list[str]:
    """Symbols of which the books hold lots or have orders, in order of name."""
    return [name for name in sorted(books.listings) if books.position(name).lots or books.working_of(name)]


def unattended(books: Books, symbols: Sequence[str], strategies: Sequence[str]) -> str:
    """What the journal holds beside ``symbols`` and ``strategies``, or has orders of, in words."""
    left = [name for name in held(books) if name not in symbols]
    for name in symbols:
        holders = [one for one in books.strategies_of(name) if one not in (*NOBODY, *strategies)]
        left += [f"{name} of {one}" for one in holders if books.position(name, one).lots]
    return ", ".join(left)
