"""Trades from flat to flat, and the steps of positions."""

from hypothesis import given
from hypothesis import strategies as st

from engine.events import DUST, EXTERNAL, Crossed, Filled, Funded, Intended, Intervened, Listed, Opened, Started
from engine.history import BY_HAND, NETTED, Change, History
from engine.ledger import NET
from engine.order import Intent, OrderType
from engine.petition import Deed
from shm.records import Purpose

BTC, UNIT, MINUTE = "BTC/USDT:USDT", 10_000, 60 * 10**9
BEGUN = [
    Started(run="r", account="main", venue="v", wall_ns=1),
    Listed(instrument=BTC, venue="v", tick_e8=10**7, lot_e8=10**5, unit=UNIT),
]


def intended(number: int, purpose: Purpose, *allocation: tuple[str, int]) -> Intended:
    """An order for ``allocation``."""
    return Intended(
        intent=Intent(
            intent_id=number,
            client_id=f"id-{number}",
            account="main",
            venue="v",
            instrument=BTC,
            side=1,
            type=OrderType.MARKET,
            purpose=purpose,
            lots=sum(lots for _, lots in allocation),
            allocation=allocation,
            target_id=1,
            created_market_ns=1,
            created_wall_ns=1,
        )
    )


def filled(number: int, side: int, lots: int, ticks: int, *, fee: int = 0, order: int = 0) -> Filled:
    """A trade of the minute ``number``."""
    return Filled(
        account="main",
        venue="v",
        instrument=BTC,
        trade_id=number,
        intent_id=order,
        venue_order_id="",
        side=side,
        lots=lots,
        price_ticks=ticks,
        fee=fee,
        is_maker=False,
        market_ns=number * MINUTE,
        wall_ns=1,
    )


def test_a_trade_is_everything_between_flat_and_flat():
    """Two entries and two exits are one trade; funding counts while it is held, and where it is told late."""
    paid = [
        Funded(account="main", venue="v", instrument=BTC, amount=-9, reference=str(at), market_ns=at * MINUTE)
        for at in (3, 2)
    ]
    events = [
        *BEGUN,
        intended(1, Purpose.ENTRY, ("trend", 4)),
        filled(1, 1, 3, 100, fee=5, order=1),
        filled(2, 1, 1, 104, fee=5, order=1),
        intended(2, Purpose.STOP, ("trend", 4)),
        filled(3, -1, 2, 110, fee=5, order=2),
        paid[0],
        filled(4, -1, 2, 106, fee=5, order=2),
        filled(5, 1, 1, 100),
        paid[1],
    ]
    history = History().follow(events)
    (trade,), (other,) = history.trades, history.running.values()
    assert other.funding == 0
    assert (trade.strategy, trade.side, trade.lots, trade.closed) == ("trend", 1, 4, 4)
    assert trade.entry_value == (3 * 100 + 104) * UNIT
    assert trade.exit_value == (2 * 110 + 2 * 106) * UNIT
    assert (trade.fees, trade.funding, trade.reason) == (20, -18, "stop")
    assert trade.profit == (2 * 110 + 2 * 106 - 3 * 100 - 104) * UNIT - 20 - 18
    assert (trade.entry_ns, trade.exit_ns) == (1 * MINUTE, 4 * MINUTE)


def test_a_fill_through_zero_ends_one_trade_and_begins_another():
    """Its fee is shared by lots and nothing of it is lost; a stranger's order has no purpose of ours."""
    events = [*BEGUN, filled(1, 1, 2, 100, fee=4), filled(2, -1, 3, 90, fee=7)]
    history = History().follow(events)
    (first,), (second,) = history.trades, history.running.values()
    assert (first.fees, first.reason, first.exit_value) == (4 + 7 * 2 // 3, BY_HAND, 2 * 90 * UNIT)
    assert (second.side, second.lots, second.entry_value) == (-1, 1, 90 * UNIT)
    history.follow([filled(3, 1, 1, 80)])
    assert first.fees + second.fees == 11
    assert second.profit == (90 - 80) * UNIT - second.fees
    assert not history.running


def test_every_step_of_a_position_is_there():
    """Lots before and after, the value that changed hands, and why."""
    who = {"account": "main", "venue": "v", "instrument": BTC, "buyer": "b", "seller": "a"}
    cross = Crossed(cross_id=1, lots=2, price_ticks=120, market_ns=5, **who)
    history = History().follow([*BEGUN, intended(1, Purpose.ENTRY, ("a", 2)), filled(1, 1, 2, 100, order=1), cross])
    assert history.changes == [
        Change(MINUTE, BTC, "a", 0, 2, 200 * UNIT, 0, 0, "entry"),
        Change(5, BTC, "a", 2, 0, 240 * UNIT, 40 * UNIT, 0, NETTED),
        Change(5, BTC, "b", 0, 2, 240 * UNIT, 0, 0, NETTED),
    ]
    assert [(trade.strategy, trade.profit) for trade in history.trades] == [("a", 40 * UNIT)]


def test_what_moved_a_position_without_an_order_has_a_name_of_its_own():
    """Held before the books began, taken over by a person, paid before anything was held."""
    who = {"account": "main", "venue": "v", "instrument": BTC}
    adopted = Intervened(petition_id="p", deed=Deed.ADOPT, subject=BTC, instrument=BTC, strategy="trend", lots=3)
    events = [
        *BEGUN,
        Opened(lots=3, price_ticks=100, market_ns=MINUTE, trade_id_next=1, **who),
        Funded(amount=-9, reference="early", market_ns=1, **who),
        adopted,
    ]
    history = History().follow(events)
    assert [(one.strategy, one.lots, one.cause) for one in history.changes] == [
        (EXTERNAL, 3, "held before"), (EXTERNAL, 0, adopted.deed), ("trend", 3, adopted.deed),
    ]  # fmt: skip
    (running,) = history.running.values()
    assert (running.strategy, running.lots, running.funding) == ("trend", 3, 0)


PIECE = st.tuples(st.sampled_from((1, -1)), st.integers(1, 50), st.integers(1, 10_000), st.integers(-3, 1000))


@given(st.lists(PIECE, max_size=30), st.sampled_from([("a",), ("a", "b"), ("a", "b", DUST)]))
def test_the_profits_of_all_trades_are_what_the_positions_brought(pieces, names):
    """To the last unit for each strategy: trades that are over, and what open ones have closed so far."""
    events = list(BEGUN)
    for number, (side, lots, ticks, fee) in enumerate(pieces, 1):
        parts = [(name, lots // len(names) + (lots % len(names) if name == "a" else 0)) for name in names]
        allocation = tuple((name, part) for name, part in parts if part)
        events += [
            intended(number, Purpose.ENTRY, *allocation),
            filled(number, side, lots, ticks, fee=fee, order=number),
        ]
    history = History().follow(events)
    for key, held in history.books.ledger.positions.items():
        if key.strategy == NET:
            continue
        mine = [trade for trade in (*history.trades, *history.running.values()) if trade.strategy == key.strategy]
        left = held.side * held.cost  # what the lots still held have cost
        came = sum(trade.side * (trade.exit_value - trade.entry_value) for trade in mine) + left
        assert came == held.realised
        assert sum(trade.fees for trade in mine) == held.fees
        assert sum(trade.side * (trade.lots - trade.closed) for trade in mine) == held.lots
