"""Journal, our books and the exchange, three ways: pure; used at start, on reconnect and by the reconciler.

books  = fold of the journal
there  = what the exchange says          --compare--> findings, each with what resolves it
a difference in something that is still moving is not one: it is looked at again next round
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

from engine.books import Books
from engine.events import DUST, EXTERNAL, Filled
from engine.ledger import NET
from engine.order import Order, intent_of
from engine.venue.base import OrderSeen
from shm.records import Finding, OrderState, Purpose

WHOLE, UNEXPLAINED_PPM = 10**8, 500  # cash that may be unexplained: a unit of the asset, or 0.05 %
NEVER = 1 << 62  # later than any trade


class Resolution(IntEnum):
    """What a finding asks for."""

    NOTHING = 0
    ADOPT_FILL = 1  # the trade goes to the journal
    ASK = 2  # ask for the order by client id; its answer goes to the journal
    CANCEL = 3  # an order of ours that the books say is over
    ALARM = 4  # nobody may explain this away: entries stop, a human looks


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderThere:
    """An open order, plain or conditional, as the exchange lists it."""

    instrument: str
    client_id: str
    venue_order_id: str
    side: int
    lots: int
    lots_filled: int = 0


def there_of(seen: OrderSeen) -> OrderThere:
    """An order that was seen, as it is compared."""
    return OrderThere(
        instrument=seen.symbol,
        client_id=seen.client_id,
        venue_order_id=seen.venue_order_id,
        side=seen.side,
        lots=seen.lots,
        lots_filled=seen.lots_filled,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeThere:
    """A trade as the exchange lists it."""

    instrument: str
    trade_id: int
    venue_order_id: str
    side: int
    lots: int
    price_ticks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the exchange says of the account; instruments that were asked about, and since when for trades."""

    instruments: tuple[str, ...]
    orders: tuple[OrderThere, ...]
    trades: tuple[TradeThere, ...]
    trades_complete_from: tuple[tuple[str, int], ...]  # (instrument, trade id): every trade from here on is listed
    positions: tuple[tuple[str, int], ...]  # (instrument, signed lots)
    wallet: int | None  # minor units


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One finding and what resolves it."""

    finding: Finding
    resolution: Resolution
    instrument: str = ""
    intent_id: int = 0
    client_id: str = ""
    venue_order_id: str = ""
    trade_id: int = 0
    expected: int = 0  # of ours
    found: int = 0  # of theirs


Row = TypeVar("Row", OrderThere, TradeThere, Filled)


@dataclass(frozen=True, slots=True)
class _Sorted:
    """A snapshot by instrument, so that hundreds of them are gone through once, not hundreds of times."""

    orders: Mapping[str, Sequence[OrderThere]]
    trades: Mapping[str, Sequence[TradeThere]]
    booked: Mapping[str, Sequence[Filled]]  # of ours, where the trades there are complete
    complete_from: Mapping[str, int]
    positions: Mapping[str, int]


def _sorted(books: Books, there: Snapshot) -> _Sorted:
    complete_from = dict(there.trades_complete_from)
    ours = (fill for fill in books.ledger.trades.values() if complete_from and fill.venue == books.venue)
    return _Sorted(
        orders=_by_instrument(there.orders),
        trades=_by_instrument(there.trades),
        booked=_by_instrument(fill for fill in ours if fill.trade_id >= complete_from.get(fill.instrument, NEVER)),
        complete_from=complete_from,
        positions=dict(there.positions),
    )


def _by_instrument(rows: Iterable[Row]) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.instrument, []).append(row)
    return found


def compare(books: Books, there: Snapshot, wallet_tolerance: int = 0) -> tuple[Difference, ...]:
    """All differences in order of instrument; a single MATCH when there is none."""
    found: list[Difference] = []
    by_name = _sorted(books, there)
    for instrument in sorted(there.instruments):
        found += _orders(books, by_name, instrument)
        found += _trades(books, by_name, instrument)
        found += _position(books, by_name, instrument)
        found += _stops(books, by_name, instrument)
    ours = books.ledger.wallet(books.account, books.venue)
    if there.wallet is not None and abs(there.wallet - ours) > wallet_tolerance:
        found.append(
            Difference(finding=Finding.CASH_DIFFERS, resolution=Resolution.ALARM, expected=ours, found=there.wallet)
        )
    return tuple(found) or (Difference(finding=Finding.MATCH, resolution=Resolution.NOTHING),)


def held(books: Books, positions: Mapping[str, int], wallet: int) -> tuple[Difference, ...]:
    """What the engine asks itself after it has asked for everything: positions, and cash that nothing explains.

    Only what is beyond doubt: nothing where an order is under way, nor cash below what funding may still explain.
    """
    moving = [name for name in sorted(books.listings) if is_moving(books, name)]
    there = Snapshot(
        instruments=(), orders=(), trades=(), trades_complete_from=(), positions=tuple(positions.items()), wallet=wallet
    )
    by_name = _sorted(books, there)
    found = [one for name in sorted(books.listings) if name not in moving for one in _position(books, by_name, name)]
    unexplained = abs(wallet - books.ledger.wallet(books.account, books.venue))
    if not moving and unexplained > max(WHOLE, wallet * UNEXPLAINED_PPM // 1_000_000):
        found += [one for one in compare(books, there) if one.finding == Finding.CASH_DIFFERS]
    return tuple(found)


def stirring(books: Books, orders: Sequence[OrderThere], positions: Mapping[str, int]) -> list[str]:
    """Instruments whose trades may tell more: orders or positions differ, or an order is under way."""
    names = sorted(books.listings)
    there = Snapshot(
        instruments=tuple(names),
        orders=tuple(orders),
        trades=(),
        trades_complete_from=(),
        positions=tuple(positions.items()),
        wallet=None,
    )
    differing = [one.instrument for one in compare(books, there)]
    return [name for name in names if name in differing or is_moving(books, name)]


def is_moving(books: Books, instrument: str) -> bool:
    """An order of the instrument is under way, so its position and the wallet may differ for a moment."""
    return any(order.state != OrderState.OPEN for order in books.working_of(instrument))


def _orders(books: Books, there: _Sorted, instrument: str) -> list[Difference]:
    found, seen = [], []
    for order in sorted(there.orders.get(instrument, ()), key=lambda it: it.venue_order_id):
        intent_id = intent_of(order.client_id)
        ours = books.orders.get(intent_id)
        if ours is None or ours.intent.client_id != order.client_id:
            finding = Finding.ORDER_UNKNOWN_HERE if intent_id else Finding.FOREIGN_ORDER
            resolution = Resolution.ALARM if intent_id else Resolution.NOTHING
            found.append(_of_order(finding, resolution, order, intent_id, 0))
            continue
        seen.append(intent_id)
        if ours.is_terminal:
            absent = ours.state == OrderState.NOT_SENT
            resolution = Resolution.ASK if absent else Resolution.CANCEL
            found.append(_of_order(Finding.ORDER_STATE_DIFFERS, resolution, order, intent_id, int(ours.state)))
        elif ours.state in (OrderState.NEW, OrderState.IN_DOUBT):
            found.append(_of_order(Finding.ORDER_STATE_DIFFERS, Resolution.ASK, order, intent_id, int(ours.state)))
        elif max(ours.lots_filled, ours.lots_reported) != order.lots_filled:
            filled = max(ours.lots_filled, ours.lots_reported)
            found.append(_of_order(Finding.ORDER_STATE_DIFFERS, Resolution.ASK, order, intent_id, filled))
    # What is not listed as open has ended, or never began: only asking by client id tells which.
    # One that was never acknowledged is no claim of ours: the engine is asking about it already.
    claimed = (OrderState.OPEN, OrderState.PARTIAL, OrderState.CANCELLING)
    working = [ours for ours in books.working_of(instrument) if ours.state in claimed]
    return found + [_absent(ours) for ours in working if ours.intent.intent_id not in seen]


def _trades(books: Books, there: _Sorted, instrument: str) -> list[Difference]:
    found = []
    listed = {trade.trade_id: trade for trade in there.trades.get(instrument, ())}
    for trade_id, trade in sorted(listed.items()):
        ours = books.ledger.trades.get((books.venue, instrument, trade_id))
        same = ours and (ours.side, ours.lots, ours.price_ticks) == (trade.side, trade.lots, trade.price_ticks)
        if not same:
            found.append(
                Difference(
                    finding=Finding.FILL_MISSING_HERE,
                    resolution=Resolution.ALARM if ours else Resolution.ADOPT_FILL,
                    instrument=instrument,
                    venue_order_id=trade.venue_order_id,
                    trade_id=trade_id,
                    expected=ours.side * ours.lots if ours else 0,
                    found=trade.side * trade.lots,
                )
            )
    return found + [
        Difference(
            finding=Finding.FILL_UNKNOWN_THERE,
            resolution=Resolution.ALARM,
            instrument=instrument,
            intent_id=fill.intent_id,
            trade_id=fill.trade_id,
            expected=fill.side * fill.lots,
        )
        for fill in sorted(there.booked.get(instrument, ()), key=lambda it: it.trade_id)
        if fill.trade_id not in listed
    ]


def _position(books: Books, there: _Sorted, instrument: str) -> list[Difference]:
    ours = books.position(instrument, NET).lots
    theirs = there.positions.get(instrument, 0)
    if ours == theirs:
        return []
    resolution = Resolution.ASK if is_moving(books, instrument) else Resolution.ALARM
    return [
        Difference(
            finding=Finding.POSITION_DIFFERS,
            resolution=resolution,
            instrument=instrument,
            expected=ours,
            found=theirs,
        )
    ]


def _stops(books: Books, there: _Sorted, instrument: str) -> list[Difference]:
    strangers, dust = (books.position(instrument, name).lots for name in (EXTERNAL, DUST))
    held = books.position(instrument, NET)
    lots = held.lots - strangers - dust  # others' lots are not ours to protect, and no stop can be as small as dust
    covered = sum(
        order.lots - order.lots_filled
        for order in there.orders.get(instrument, ())
        if order.side * lots < 0 and _protects(books, order)
    )
    if lots * held.side <= 0 or covered >= abs(lots) or is_moving(books, instrument):
        return []
    return [
        Difference(
            finding=Finding.STOP_MISSING,
            resolution=Resolution.ASK,
            instrument=instrument,
            expected=abs(lots),
            found=covered,
        )
    ]


def _protects(books: Books, there: OrderThere) -> bool:
    ours = books.orders.get(intent_of(there.client_id))
    return ours is not None and ours.intent.client_id == there.client_id and ours.intent.purpose == Purpose.STOP


def _of_order(finding: Finding, resolution: Resolution, order: OrderThere, intent_id: int, expected: int) -> Difference:
    return Difference(
        finding=finding,
        resolution=resolution,
        instrument=order.instrument,
        intent_id=intent_id,
        client_id=order.client_id,
        venue_order_id=order.venue_order_id,
        expected=expected,
        found=order.lots_filled,
    )


def _absent(ours: Order) -> Difference:
    return Difference(
        finding=Finding.ORDER_ABSENT_THERE,
        resolution=Resolution.ASK,
        instrument=ours.intent.instrument,
        intent_id=ours.intent.intent_id,
        client_id=ours.intent.client_id,
        venue_order_id=ours.venue_order_id,
        expected=int(ours.state),
    )
