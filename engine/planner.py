"""What the strategies' goals ask of the account now, and whether risk lets it: pure, from books and time.

goals - positions --netting--> one order an instrument --review--> Approved | Refused
                                                                      |
                                   what only reduces is proposed again  <--+
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from engine.books import NOBODY, Books
from engine.events import DUST, EXTERNAL
from engine.executor import Quote
from engine.ledger import NET
from engine.netting import Proposal, clipped, net
from engine.order import Intent, Order, OrderType
from engine.risk import Book, Limits
from engine.settings import RiskSettings, minor
from engine.tally import Streak, profit_of
from shm.records import Kill, OrderState, Purpose

NS = 1_000_000_000
MINUTE_NS = 60 * NS
RESTS = (Purpose.STOP, Purpose.TAKE_PROFIT)  # at the venue, for as long as the position is held


class Filters(Protocol):
    """What the planner reads of an instrument's rules."""

    @property
    def symbol(self) -> str: ...  # noqa: D102
    @property
    def venue(self) -> str: ...  # noqa: D102
    @property
    def tick_e8(self) -> int: ...  # noqa: D102
    @property
    def lot_e8(self) -> int: ...  # noqa: D102
    @property
    def unit(self) -> int: ...  # noqa: D102
    @property
    def lots_min(self) -> int: ...  # noqa: D102
    @property
    def lots_max(self) -> int: ...  # noqa: D102
    @property
    def market_lots_max(self) -> int: ...  # noqa: D102
    @property
    def notional_min(self) -> int: ...  # noqa: D102
    @property
    def status(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What beside the books decides whether an entry may be made."""

    market_ns: int
    wall_ns: int
    kill: Kill
    drained: bool
    flatten: bool
    valid_until_ns: Mapping[tuple[str, str], int]  # newer than the goal's own, where a target was repeated
    marks: Mapping[str, int]  # last close in ticks
    lots_min: Mapping[str, int] = field(default_factory=dict)  # of an order
    closes_ns: Mapping[str, int] = field(default_factory=dict)  # market time of the last close
    quotes: Mapping[str, Quote] = field(default_factory=dict)  # where they are fresh
    bases: Mapping[str, int] = field(default_factory=dict)  # ppm from the spot, where that is known
    breaker: str = ""  # why the venue is left alone
    clock_drift_ms: int = 0
    isolated: Mapping[str, int] = field(default_factory=dict)  # leverage, of instruments whose margin is isolated

    @property
    def closes_all(self) -> bool:
        """Every position has to go."""
        return self.flatten or self.kill >= Kill.FLATTEN

    @property
    def forbids_entries(self) -> bool:
        """Nothing may be added to any position."""
        return self.drained or self.kill >= Kill.NO_ENTRIES


def limits_of(filters: Filters, settings: RiskSettings, margin_ppm: int = 0) -> Limits:
    """The settings' limits in integers, and the instrument's filters."""
    return Limits(
        unit=filters.unit,
        lots_min=filters.lots_min,
        lots_max=filters.lots_max,
        market_lots_max=filters.market_lots_max,
        notional_min=filters.notional_min,
        trading=filters.status == 1,
        position_lots_max=settings.position_lots_max,
        position_notional_max=minor(settings.position_notional_max),
        order_notional_max=minor(settings.order_notional_max),
        gross_notional_max=minor(settings.gross_notional_max),
        orders_per_minute_max=settings.orders_per_minute_max,
        daily_loss_max=minor(settings.daily_loss_max),
        losses_in_a_row_max=settings.losses_in_a_row_max,
        cooldown_ns=settings.cooldown_minutes * MINUTE_NS,
        data_age_ns_max=settings.data_age_s_max * NS,
        price_band_ppm=settings.price_band_ppm,
        basis_ppm_max=settings.basis_ppm_max,
        clock_drift_ms_max=settings.clock_drift_ms_max,
        margin_ppm=margin_ppm,
    )


def reducing(have: int, want: int) -> int:
    """The part of the way from ``have`` to ``want`` that only reduces."""
    if have * want <= 0:
        return 0
    return min(want, have) if have > 0 else max(want, have)


def wanted(books: Books, instrument: str, strategy: str, at: Circumstances) -> int:
    """Lots that the strategy should hold now; what it holds when it has no opinion."""
    have = books.position(instrument, strategy).lots
    goal = books.goals.get((instrument, strategy))
    if at.closes_all:
        return _against_us(books, instrument) if strategy == EXTERNAL else 0
    if goal is None or (goal.stale and not goal.spent):
        return have
    want = 0 if goal.spent else goal.lots
    adds_nothing = goal.barred or at.forbids_entries or books.hands.pauses(instrument, strategy)
    if adds_nothing or at.market_ns > valid_until(books, instrument, strategy, at):
        return reducing(have, want)
    return want


def _against_us(books: Books, instrument: str) -> int:
    """What is left of a stranger's lots when all of ours go: those on our side stay, those against ours meet them."""
    theirs = books.position(instrument, EXTERNAL).lots
    ours = books.position(instrument).lots - theirs
    return theirs if theirs * ours >= 0 else theirs - reducing(theirs, -ours)


def valid_until(books: Books, instrument: str, strategy: str, at: Circumstances) -> int:
    """Market time until which the strategy's goal allows entries."""
    goal = books.goals.get((instrument, strategy))
    own = goal.valid_until_ns if goal else 0
    return max(own, at.valid_until_ns.get((instrument, strategy), 0))


def expiry(books: Books, intent: Intent, at: Circumstances) -> str:
    """Why an approved entry is not wanted any more; empty: it is, or it only reduces."""
    if intent.reduce_only:
        return ""
    if at.forbids_entries:
        return "entries are off"
    if leaves(books, intent.instrument, intent.side, intent.allocation):
        return ""
    if foreign := books.foreign_lots(intent.instrument):
        return f"{foreign} lots of {intent.instrument} are not ours: entries wait"
    names = [name for name, _ in intent.allocation if name != DUST]
    if any(books.hands.pauses(intent.instrument, name) for name in names):
        return "paused by hand"
    for name in names:
        goal = books.goals.get((intent.instrument, name))
        if goal and (goal.spent or goal.barred) and books.position(intent.instrument, name).lots * intent.side >= 0:
            return f"target {intent.target_id} was given up"
    expired = any(at.market_ns > valid_until(books, intent.instrument, name, at) for name in names)
    return f"target {intent.target_id} expired" if expired else ""


def propose(books: Books, instrument: str, at: Circumstances) -> Proposal:
    """The one order, and the crosses, that bring every strategy to what it wants; dust goes along where it can."""
    deltas = {
        strategy: wanted(books, instrument, strategy, at) - books.position(instrument, strategy).lots
        for strategy in books.strategies_of(instrument)
        if strategy != DUST
    }
    alone, dust = net(deltas), books.position(instrument, DUST).lots
    together = net(deltas | {DUST: -dust}) if dust else alone
    is_order = together.lots >= at.lots_min.get(instrument, 1) or (alone.lots and not together.lots)
    return together if is_order else alone


def dusty(books: Books, instrument: str, at: Circumstances) -> list[tuple[str, str, int]]:
    """Crosses (buyer, seller, lots) to DUST of what is held, wants to go or stay, and is too little for any order."""
    lots_min = at.lots_min.get(instrument, 1)
    if propose(books, instrument, at).lots >= lots_min:
        return []
    crosses = []
    for strategy in books.strategies_of(instrument):
        lots = books.position(instrument, strategy).lots
        grows = abs(wanted(books, instrument, strategy, at)) > abs(lots)
        if 0 < abs(lots) < lots_min and not grows and strategy not in (DUST, EXTERNAL):
            crosses.append((DUST, strategy, lots) if lots > 0 else (strategy, DUST, -lots))
    return crosses


def portion(lots: int, limits: Limits) -> int:
    """How many of ``lots`` one market order may close, leaving nothing that the next could not."""
    largest = limits.market_lots_max
    if lots <= largest or lots - largest >= limits.lots_min:
        return min(lots, largest)
    return max(lots - limits.lots_min, limits.lots_min)


def propose_reduction(books: Books, instrument: str, at: Circumstances) -> Proposal:
    """The part of it that only reduces the account's position; the second best when an entry is refused."""
    account = books.position(instrument).lots
    deltas = {}
    for strategy in books.strategies_of(instrument):
        if strategy == EXTERNAL:
            continue  # a stranger's lots are not ours to close
        have = books.position(instrument, strategy).lots
        delta = reducing(have, wanted(books, instrument, strategy, at)) - have
        if delta * account < 0:
            deltas[strategy] = delta
    return clipped(net(deltas), abs(account))


def propose_leaving(books: Books, instrument: str, at: Circumstances) -> Proposal:
    """The part of it that only takes from what strategies of ours hold, whatever it does to the account's position."""
    deltas = {}
    for strategy in books.strategies_of(instrument):
        have = books.position(instrument, strategy).lots
        if strategy not in NOBODY and (delta := reducing(have, wanted(books, instrument, strategy, at)) - have):
            deltas[strategy] = delta
    return net(deltas)


def adds(books: Books, instrument: str, strategy: str, signed_lots: int) -> bool:
    """So many lots would make what a strategy of ours holds larger, or turn it."""
    held = books.position(instrument, strategy).lots
    return strategy not in NOBODY and (held * signed_lots >= 0 or abs(signed_lots) > abs(held))


def leaves(books: Books, instrument: str, side: int, allocation: Iterable[tuple[str, int]]) -> bool:
    """An order only takes from what the strategies behind it hold."""
    return all(lots <= -side * books.position(instrument, name).lots for name, lots in allocation if name != DUST)


def reduces(books: Books, instrument: str, proposal: Proposal) -> bool:
    """The order can only make the account's position smaller, and of it what is ours: a stranger's is not."""
    account = books.position(instrument).lots
    ours = account - books.position(instrument, EXTERNAL).lots
    return all(lots * proposal.side < 0 and proposal.lots <= abs(lots) for lots in (account, ours))


def is_busy(books: Books, instrument: str) -> bool:
    """An order of ours is under way, or a stop or target is filling: what we would do next depends on it."""
    return bool(_busy(books, instrument))


def is_adrift(books: Books, instrument: str, missed: Iterable[int]) -> bool:
    """All that is under way is in doubt, not found by the venue, and adds or only reduces.

    An order that takes and does not only reduce can turn the position, so it is waited for.
    """
    held = books.position(instrument)
    return held.lots != 0 and all(
        order.state == OrderState.IN_DOUBT
        and order.intent.intent_id in missed
        and (order.intent.side == held.side or order.intent.reduce_only)
        for order in _busy(books, instrument)
    )


def may_leave_again(books: Books, instrument: str, reduction: Proposal) -> bool:
    """While an exit is in doubt another may follow where both together close nothing that is to stay.

    The venue clips what only reduces to what is held: so everything that is held has to go, and all of it be ours.
    """
    if not any(order.intent.reduce_only for order in _busy(books, instrument)):
        return True
    is_contract = ":" in instrument  # a spot exchange knows no order that only reduces
    is_whole = reduction.lots == abs(books.position(instrument).lots)
    return is_contract and is_whole and not books.position(instrument, EXTERNAL).lots


def _busy(books: Books, instrument: str) -> list[Order]:
    return [
        order
        for order in books.working_of(instrument)
        if order.intent.purpose not in RESTS or order.lots_filled or order.lots_reported
    ]


def posts(books: Books, instrument: str) -> list[Order]:
    """Entries that rest at the venue and wait for their price."""
    return [order for order in books.working_of(instrument) if order.intent.type == OrderType.POST_ONLY and order.rests]


def is_wanted(books: Books, order: Order, at: Circumstances) -> bool:
    """What an entry that rests would still buy is exactly what is wanted now, and nobody else trades here."""
    if books.foreign_lots(order.intent.instrument):
        return False
    proposal = propose(books, order.intent.instrument, at)
    return (proposal.side, proposal.lots) == (order.intent.side, order.lots_left) and not proposal.crosses


def quote(instrument: str, at: Circumstances) -> Quote:
    """The best prices as heard, else the book as the last close has it, one tick wide; nothing before the first."""
    if instrument in at.quotes:
        return at.quotes[instrument]
    ticks = at.marks.get(instrument, 0)
    return Quote(ticks, ticks + 1) if ticks else Quote(0, 0)


def reference_ticks(books: Books, instrument: str, strategies: Iterable[str], at: Circumstances) -> int:
    """The price that the newest goal behind an order saw, else the last close."""
    goals = [books.goals[instrument, name] for name in strategies if (instrument, name) in books.goals]
    newest = max(goals, key=lambda goal: goal.target_id, default=None)
    if newest is None or newest.stale:
        return at.marks.get(instrument, 0)
    return newest.reference_ticks or at.marks.get(instrument, 0)  # a person's goal saw no price


def risk_book(books: Books, instrument: str, proposal: Proposal, at: Circumstances, rate: int) -> Book:
    """The account at its worst: an order that is open or in doubt counts as filled."""
    working = books.working_of(instrument)
    streaks = [books.tally.streaks.get(strategy, Streak()) for strategy, _ in proposal.allocation]
    streak = max(streaks, key=lambda it: it.losses, default=Streak())
    close_ns = at.closes_ns.get(instrument, at.market_ns)
    valid = [valid_until(books, instrument, strategy, at) for strategy, _ in proposal.allocation if strategy != DUST]
    return Book(
        market_ns=at.market_ns,
        kill=at.kill,
        drained=at.drained,
        valid_until_ns=min(valid, default=0),
        position_lots=books.position(instrument).lots,
        open_lots=_open_lots(books, instrument),
        other_notional=sum(_worst_notional(books, other, at) for other in occupied(books) if other != instrument),
        orders_last_minute=rate,
        foreign_lots=books.foreign_lots(instrument),
        leaves=leaves(books, instrument, proposal.side, proposal.allocation),
        in_doubt=sum(order.state == OrderState.IN_DOUBT for order in working),
        breaker=at.breaker,
        data_age_ns=max(0, at.market_ns - close_ns),
        mark_ticks=at.marks.get(instrument, 0),
        basis_ppm=at.bases.get(instrument),
        has_spot=":" in instrument,
        clock_drift_ms=at.clock_drift_ms,
        lost_today=books.tally.lost_today(profit(books, at.marks)),
        unmarked=unmarked(books, at.marks, at.lots_min),
        losses_in_a_row=streak.losses,
        lost_last_ns=streak.last_ns,
        stop_reach_ppm=_stop_reach_ppm(books, instrument, proposal),
        isolated_leverage=at.isolated.get(instrument, 0),
    )


def occupied(books: Books) -> list[str]:
    """Instruments of which the account holds something or has orders, in order of name."""
    held = [key.instrument for key, one in books.ledger.positions.items() if one.lots and key.strategy == NET]
    return sorted({*held, *(name for name, orders in books.working.items() if orders)})


def _stop_reach_ppm(books: Books, instrument: str, proposal: Proposal) -> int:
    goals = [books.goals.get((instrument, strategy)) for strategy, _ in proposal.allocation]
    ours = [goal for goal in goals if goal and goal.reference_ticks and goal.stop_ticks]
    reaches = (abs(it.reference_ticks - it.stop_ticks) * 1_000_000 // it.reference_ticks for it in ours)
    return max(reaches, default=0)


def unmarked(books: Books, marks: Mapping[str, int], followed: Iterable[str]) -> str:
    """An instrument of ``followed`` that is held and has no price yet in this life; empty: none."""
    return next((name for name in followed if name not in marks and books.position(name).lots), "")


def profit(books: Books, marks: Mapping[str, int]) -> int:
    """What the account has brought so far, open positions at the last close; deposits are no part of it."""
    total, account = 0, (books.account, books.venue)
    for key, held in books.ledger.positions.items():
        if key.strategy == NET and (key.account, key.venue) == account and key.instrument in books.listings:
            unit = books.listings[key.instrument].unit
            ticks = marks.get(key.instrument) or held.entry_ticks(unit)
            total += profit_of(held) + held.unrealised(ticks, unit)
    return total


def _open_lots(books: Books, instrument: str) -> int:
    return sum(
        order.intent.side * order.lots_left for order in books.working_of(instrument) if not order.intent.reduce_only
    )


def _worst_notional(books: Books, instrument: str, at: Circumstances) -> int:
    held = books.position(instrument)
    unit = books.listings[instrument].unit
    worst = max(abs(held.lots), abs(held.lots + _open_lots(books, instrument)))
    ticks = at.marks.get(instrument) or held.entry_ticks(unit)
    if not ticks:
        ticks = max((order.intent.reference_ticks for order in books.working_of(instrument)), default=0)
    return worst * ticks * unit
