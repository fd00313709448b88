"""Positions, cash, fees, funding, equity: the only arithmetic of money (docs/money.md).

    every change is a pair of postings that sums to zero
    opening    position +side*notional    contracts -side*notional
    closing    position -side*share       contracts +side*share      cash +realised   realised -realised
    fee        fees     +fee              cash      -fee
    funding    cash     +amount           funding   -amount
    deposit    cash     +amount           deposit   -amount

Money is integers in minor units, 1e-8 of the quote asset.  A position is kept for
each strategy and, as strategy NET, for the account: NET is what the venue sees.
"""

from collections import deque
from typing import NamedTuple

import msgspec

from engine.events import EXTERNAL, Crossed, Deposited, Filled, Funded, Opened
from engine.shelf import Shelf
from engine.venue.facts import fee_ppm
from shm.records import Leg

LISTED = "income "  # how references of what the venue lists begin
NET = ""  # the strategy of the account's own position
STEPS_MAX = 256  # of an instrument, that funding may be late by


class Key(NamedTuple):
    """Whose position it is."""

    account: str
    venue: str
    instrument: str
    leg: Leg
    strategy: str


class Posting(NamedTuple):
    """One half of a change: ``amount`` minor units to ``title``."""

    key: Key
    title: str
    amount: int


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What is held, what it cost, and what it has brought so far."""

    lots: int = 0  # signed
    cost: int = 0  # of the lots held; never negative
    realised: int = 0
    fees: int = 0
    funding: int = 0
    opened_ns: int = 0  # market
    version: int = 0  # grows with every change

    @property
    def side(self) -> int:
        """+1 long, -1 short, 0 flat."""
        return (self.lots > 0) - (self.lots < 0)

    def entry_ticks(self, unit: int) -> int:
        """The average entry price, rounded down; 0 when flat."""
        return self.cost // (abs(self.lots) * unit) if self.lots else 0

    def unrealised(self, mark_ticks: int, unit: int) -> int:
        """What closing at ``mark_ticks`` would realise."""
        return self.side * (abs(self.lots) * mark_ticks * unit - self.cost)


class Trade(NamedTuple):
    """What a trade did to a position."""

    position: Position
    opened: int  # signed cost that opening added
    closed: int  # signed cost that closing released
    realised: int


def fee_of(notional: int, ppm: int) -> int:
    """The fee on ``notional``, rounded half up."""
    return (notional * ppm + 500_000) // 1_000_000


def trade(position: Position, signed_lots: int, ticks: int, unit: int, market_ns: int) -> Trade:
    """``position`` after a trade: what is held is closed first, the rest opens at the same price."""
    assert signed_lots != 0, "a trade has lots"
    assert ticks > 0, "a trade has a price"
    held, side = abs(position.lots), position.side
    closing = min(held, abs(signed_lots)) if side * signed_lots < 0 else 0
    opening = abs(signed_lots) - closing
    share = position.cost * closing // held if closing else 0
    realised = side * (closing * ticks * unit - share)
    added = opening * ticks * unit
    way = 1 if signed_lots > 0 else -1
    fresh = opening > 0 and closing == held
    after = msgspec.structs.replace(
        position,
        lots=position.lots + signed_lots,
        cost=position.cost - share + added,
        realised=position.realised + realised,
        opened_ns=market_ns if fresh else position.opened_ns,
        version=position.version + 1,
    )
    assert after.lots or not after.cost, "a flat position costs nothing"
    return Trade(after, way * added, -side * share, realised)


def shares(allocation: tuple[tuple[str, int], ...], before: int, lots: int) -> list[tuple[str, int]]:
    """Whose lots the trade of ``lots`` are, ``before`` being filled already: first allotted, first filled.

    What exceeds the allocation is nobody's of ours.
    """
    parts, start, after = [], 0, before + lots
    for strategy, allotted in (*allocation, (EXTERNAL, max(0, after))):
        mine = min(after, start + allotted) - max(before, start)
        start += allotted
        if mine > 0:
            parts.append((strategy, mine))
    assert sum(part for _, part in parts) == lots, "every lot belongs to somebody"
    return parts


class Ledger:
    """The books' money: told fills, crosses, funding and deposits; repeats change nothing."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.units: dict[str, int] = {}
        self.positions: Shelf[Key, Position] = Shelf(lambda key: key[:4])
        self.wallets: dict[tuple[str, str], int] = {}
        self.trades: dict[tuple[str, str, int], Filled] = {}
        self.fee_mismatches = 0
        self._newest: dict[Key, int] = {}  # trade id, by the account's own positions
        self._begun: dict[Key, Position] = {}  # what the account's own positions were before their first trade
        self._settled: dict[Key, int] = {}  # ... which is the first after this one: those until then have other units
        self.funded_ns = 0  # market time of the newest payment of funding
        self.moved_ns = 0  # market time of the newest transfer that the venue listed
        self.opened_ns = 0  # market time of the first look at what was held: cash of before is in the opening
        self._references: set[str] = set()
        self._steps: dict[Key, deque[tuple[int, dict[Key, int]]]] = {}  # market time, lots by strategy from then on

    def relist(self, instrument: str, unit: int) -> None:
        """From now on a tick of a lot is worth ``unit``; what is booked already is not told again in it."""
        if self.units.get(instrument, unit) != unit:
            for key, trade_id in self._newest.items():
                if key.instrument == instrument:
                    self._begun[key], self._settled[key] = self.position(key), trade_id
        self.units[instrument] = unit

    def position(self, key: Key) -> Position:
        """What ``key`` holds; flat when it never held anything."""
        return self.positions.get(key, Position())

    def wallet(self, account: str, venue: str) -> int:
        """Deposits plus realised profit and funding, less fees."""
        return self.wallets.get((account, venue), 0)

    def book_fill(self, fill: Filled, parts: list[tuple[str, int]]) -> list[Posting]:
        """Book a trade to the account and, by ``parts``, to strategies; nothing when it is known."""
        name = (fill.venue, fill.instrument, fill.trade_id)
        if name in self.trades:
            return []
        self.trades[name] = fill
        unit = self.units[fill.instrument]
        ppm = fee_ppm(fill.venue, is_maker=fill.is_maker)
        self.fee_mismatches += fill.fee != fee_of(fill.lots * fill.price_ticks * unit, ppm)
        net = _net(fill)
        if self._settled.get(net, 0) < fill.trade_id < self._newest.get(net, 0):
            postings = self._book_late(net)
        else:
            self._newest[net] = max(fill.trade_id, self._newest.get(net, 0))
            postings = self._book(net, fill.side * fill.lots, fill.price_ticks, fill.market_ns)
        postings += self._charge(net, fill.fee)
        done = 0
        for strategy, lots in parts:
            key = net._replace(strategy=strategy)
            # Cumulative shares, so that the parts of a fee sum to the fee.
            fee = fill.fee * (done + lots) // fill.lots - fill.fee * done // fill.lots
            done += lots
            postings += self._book(key, fill.side * lots, fill.price_ticks, fill.market_ns)
            postings += self._charge(key, fee)
        return postings

    def book_opening(self, opened: Opened) -> list[Posting]:
        """Book what was held before these books began: no fee, no profit; a later look takes the place of an earlier.

        Nothing once a trade is booked: what is held follows from it.
        """
        self.opened_ns = self.opened_ns or opened.market_ns
        net = Key(opened.account, opened.venue, opened.instrument, Leg.BOTH, NET)
        cost = abs(opened.lots) * opened.price_ticks * self.units[opened.instrument]
        if net in self._newest or (opened.lots, cost) == (self.position(net).lots, self.position(net).cost):
            return []
        postings = []
        for key in (net, net._replace(strategy=EXTERNAL)):
            held = self.position(key)
            self.positions[key] = Position(version=held.version + 1)
            if held.lots:
                change = held.side * held.cost
                postings += [Posting(key, "position", -change), Posting(key, "contracts", change)]
            if opened.lots:
                postings += self._book(key, opened.lots, opened.price_ticks, opened.market_ns)
        self._begun[net] = self.positions[net]
        return postings

    def book_cross(self, cross: Crossed) -> list[Posting]:
        """Book lots that pass from one strategy to another at the reference price; the account is not touched."""
        net = Key(cross.account, cross.venue, cross.instrument, cross.leg, NET)
        bought = self._book(net._replace(strategy=cross.buyer), cross.lots, cross.price_ticks, cross.market_ns)
        sold = self._book(net._replace(strategy=cross.seller), -cross.lots, cross.price_ticks, cross.market_ns)
        return bought + sold

    def book_funding(self, funded: Funded) -> list[Posting]:
        """Book funding to the account and, by lots held when it was due, to strategies; trades may have followed."""
        if not self._is_new(f"funding {funded.venue} {funded.reference}"):
            return []
        self.funded_ns = max(self.funded_ns, funded.market_ns)
        net = Key(funded.account, funded.venue, funded.instrument, funded.leg, NET)
        postings = self._fund(net, funded.amount)
        held = self._held_at(net, funded.market_ns)
        total, done = sum(held.values()), 0
        if total == 0:
            return postings + self._fund(net._replace(strategy=EXTERNAL), funded.amount)
        for key, lots in held.items():
            amount = funded.amount * (done + lots) // total - funded.amount * done // total
            done += lots
            postings += self._fund(key, amount)
        return postings

    def _held_at(self, net: Key, market_ns: int) -> dict[Key, int]:
        """Lots of each strategy at a market time, as far back as steps are remembered; nobody's before the first."""
        steps = self._steps.get(net, ())
        return next((held for at_ns, held in reversed(steps) if at_ns <= market_ns), {})

    def knows_funding(self, venue: str, reference: str) -> bool:
        """Whether a payment of funding is booked."""
        return f"funding {venue} {reference}" in self._references

    def book_deposit(self, deposit: Deposited) -> list[Posting]:
        """Book money that came or went."""
        if not self._is_new(_deposit(deposit.venue, deposit.reference)):
            return []
        if deposit.reference.startswith(LISTED):
            self.moved_ns = max(self.moved_ns, deposit.wall_ns)
        net = Key(deposit.account, deposit.venue, "", Leg.BOTH, NET)
        self._pay(net, deposit.amount)
        return [Posting(net, "cash", deposit.amount), Posting(net, "deposit", -deposit.amount)]

    def has_deposit(self, venue: str, reference: str) -> bool:
        """Whether the deposit of that name is booked."""
        return _deposit(venue, reference) in self._references

    def strategies_of(self, net: Key) -> list[Key]:
        """The strategies that hold, or held, lots of the account's position ``net``; in order of name."""
        return sorted(key for key in self.positions.group(net[:4]) if key.strategy != NET)

    def unrealised(self, account: str, venue: str, marks: dict[str, int]) -> int:
        """What closing all net positions at ``marks`` (ticks by symbol) would realise."""
        return sum(
            position.unrealised(marks[key.instrument], self.units[key.instrument])
            for key, position in self.positions.items()
            if key.strategy == NET and key[:2] == (account, venue) and position.lots
        )

    def equity(self, account: str, venue: str, marks: dict[str, int]) -> int:
        """Wallet plus unrealised profit."""
        return self.wallet(account, venue) + self.unrealised(account, venue, marks)

    def _book(self, key: Key, signed_lots: int, ticks: int, market_ns: int) -> list[Posting]:
        done = trade(self.position(key), signed_lots, ticks, self.units[key.instrument], market_ns)
        self.positions[key] = done.position
        if key.strategy != NET:
            net = key._replace(strategy=NET)
            held = {name: self.positions[name].lots for name in self.strategies_of(net)}
            self._steps.setdefault(net, deque(maxlen=STEPS_MAX)).append((market_ns, held))
        postings = []
        for change in (done.closed, done.opened):
            if change:
                postings += [Posting(key, "position", change), Posting(key, "contracts", -change)]
        if done.realised:
            self._pay(key, done.realised)
            postings += [Posting(key, "cash", done.realised), Posting(key, "realised", -done.realised)]
        return postings

    def _book_late(self, net: Key) -> list[Posting]:
        """Book a trade that was told after later ones: what was realised depends on their order, so all are told again.

        The venue books by trade id, and its wallet is the one that counts.
        """
        before, after = self.position(net), self._begun.get(net, Position())
        unit = self.units[net.instrument]
        since = self._settled.get(net, 0)
        fills = [fill for fill in self.trades.values() if _net(fill) == net and fill.trade_id > since]
        for fill in sorted(fills, key=lambda it: it.trade_id):
            after = trade(after, fill.side * fill.lots, fill.price_ticks, unit, fill.market_ns).position
        self.positions[net] = msgspec.structs.replace(
            after, fees=before.fees, funding=before.funding, version=before.version + 1
        )
        change, realised = after.side * after.cost - before.side * before.cost, after.realised - before.realised
        self._pay(net, realised)
        return [
            Posting(net, "position", change),
            Posting(net, "contracts", -change),
            Posting(net, "cash", realised),
            Posting(net, "realised", -realised),
        ]

    def _charge(self, key: Key, fee: int) -> list[Posting]:
        if not fee:
            return []
        held = self.position(key)
        self.positions[key] = msgspec.structs.replace(held, fees=held.fees + fee)
        self._pay(key, -fee)
        return [Posting(key, "fees", fee), Posting(key, "cash", -fee)]

    def _fund(self, key: Key, amount: int) -> list[Posting]:
        if not amount:
            return []
        held = self.position(key)
        self.positions[key] = msgspec.structs.replace(held, funding=held.funding + amount, version=held.version + 1)
        self._pay(key, amount)
        return [Posting(key, "cash", amount), Posting(key, "funding", -amount)]

    def _pay(self, key: Key, amount: int) -> None:
        if key.strategy == NET:
            wallet = (key.account, key.venue)
            self.wallets[wallet] = self.wallets.get(wallet, 0) + amount

    def _is_new(self, reference: str) -> bool:
        fresh = reference not in self._references
        self._references.add(reference)
        return fresh


def _deposit(venue: str, reference: str) -> str:
    return f"deposit {venue} {reference}"


def _net(fill: Filled) -> Key:
    return Key(fill.account, fill.venue, fill.instrument, fill.leg, NET)
