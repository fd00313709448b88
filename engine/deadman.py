"""The venue's own dead-man timer: armed while only entries rest, and never over a protective stop.

    entry rests, nothing held, no stop rests  --> armed, told again every third of its time
    a fill, a stop, or nothing rests any more --> disarmed at once
    we die                                     --> the venue cancels the entries; nobody can be filled unwatched

The timer cancels every open order of the instrument, stops included, and closes no position: armed over a
position it would turn a dead engine into a naked one.  Where the timer is the whole account's (Kraken), one
position or stop anywhere keeps it off.
"""

from collections.abc import Iterable, Sequence

from engine.books import Books
from engine.order import CONDITIONAL
from engine.planner import occupied
from engine.venue.facts import facts_of
from shm.instruments import Instrument

NS_OF_MS = 1_000_000
NEVER = -(10**18)
RETRY_NS = 2 * 10**9  # after a venue that was not told: each try costs weight that stops may need


def wants_timer(books: Books, symbol: str) -> bool:
    """Only entries rest there, and nothing that the timer would take from a position."""
    working = books.working_of(symbol)
    resting = [order for order in working if order.intent.price_ticks and not order.intent.reduce_only]
    stops = any(order.intent.type in CONDITIONAL or order.intent.reduce_only for order in working)
    return bool(resting) and not stops and not books.position(symbol).lots


class DeadMan:
    """When to arm and disarm, for each instrument or for the account."""

    def __init__(self, symbols: Sequence[str], timeout_ms: int, *, by_symbol: bool = True) -> None:
        self._symbols, self._timeout_ms, self._by_symbol = tuple(symbols), timeout_ms, by_symbol
        self._told_ns: dict[str, int] = {}  # of what is armed
        self._waits_ns: dict[tuple[str, bool], int] = {}  # what the venue was not told, armed or not: until when

    def inherit(self, posted: Iterable[str]) -> None:
        """An earlier life may have armed what it posted entries on: told again, or disarmed, at the first look."""
        for name in posted:
            symbol = name if self._by_symbol else self._symbols[0]
            if symbol in self._symbols:
                self._told_ns[symbol] = NEVER

    def due(self, books: Books, now_ns: int) -> list[tuple[str, int]]:
        """(symbol, milliseconds) to tell the venue now; 0 disarms. An account's timer has one symbol stand for it."""
        found = []
        for symbol, is_wanted in self._wanted(books).items():
            if now_ns < self._waits_ns.get((symbol, is_wanted), now_ns):
                continue
            told_ns = self._told_ns.get(symbol)
            if is_wanted and (told_ns is None or now_ns - told_ns >= self._timeout_ms * NS_OF_MS // 3):
                self._told_ns[symbol] = now_ns
                found.append((symbol, self._timeout_ms))
            elif not is_wanted and told_ns is not None:
                del self._told_ns[symbol]
                found.append((symbol, 0))
        return found

    def failed(self, symbol: str, timeout_ms: int, now_ns: int) -> None:
        """The venue was not told: the same again after a while; the opposite need not wait, a stop may rest by then."""
        self._told_ns[symbol], self._waits_ns[symbol, timeout_ms > 0] = NEVER, now_ns + RETRY_NS

    def is_wanted(self, books: Books, symbol: str) -> bool:
        """Whether it is to be armed still: a request for another symbol may have taken long."""
        return self._wanted(books)[symbol]

    def _wanted(self, books: Books) -> dict[str, bool]:
        wanted = {symbol: wants_timer(books, symbol) for symbol in self._symbols}
        if self._by_symbol:
            return wanted
        others = [symbol for symbol in occupied(books) if not wanted.get(symbol)]
        return {self._symbols[0]: not others and any(wanted.values())}


def dead_man_of(instruments: Sequence[Instrument], timeout_ms: int) -> DeadMan:
    """The timer of the exchange that ``instruments`` are traded on: of each of them, or of the whole account."""
    known = [facts for one in instruments if (facts := facts_of(one.venue)) is not None]
    by_symbol = all(facts.dead_man != "account" for facts in known)
    return DeadMan([one.symbol for one in instruments], timeout_ms, by_symbol=by_symbol)
