"""What may be reduced, at every pair of signs; the account at its worst; a perpetual and its spot."""

from dataclasses import replace

import msgspec
import pytest

from engine.books import Books
from engine.core import Core
from engine.events import Intervened, Listed
from engine.messages import Candle, Moment, Recorded
from engine.netting import Proposal
from engine.order import Event
from engine.planner import basis_ppm, expiry, reducing, risk_book
from engine.risk import Refusal
from engine.settings import EngineSettings, RiskSettings
from shm.records import OrderState
from tests.engine.test_core import SYMBOL, Desk, Rules, S, sends


@pytest.mark.parametrize(
    ("have", "want", "allowed"),
    [(0, 5, 0), (3, 5, 3), (5, 3, 3), (5, 0, 0), (5, -5, 0), (-3, -5, -3), (-5, -3, -3), (-5, 4, 0), (0, 0, 0)],
)
def test_reducing_never_adds_and_never_turns(have, want, allowed):
    """The part of the way that only makes the position smaller."""
    assert reducing(have, want) == allowed


def test_an_entry_whose_target_was_given_up_meanwhile_is_kept_back():
    """Approved, then somebody closed what is held: the bytes stay here; an order that leaves is none of that."""
    desk = Desk()
    desk.enter(7, 3, 490_000)
    (send,) = sends(desk.target(8, 5, 490_000))
    assert expiry(desk.books, send, desk.core.circumstances(desk.moment)) == ""
    desk.tell(Recorded(Intervened(petition_id="p", deed="close", subject=SYMBOL, instrument=SYMBOL)))
    assert expiry(desk.books, send, desk.core.circumstances(desk.moment)) == "target 8 was given up"
    way_out = msgspec.structs.replace(send, side=-1)
    assert expiry(desk.books, way_out, desk.core.circumstances(desk.moment)) == ""


@pytest.mark.parametrize("event", [None, Event.DOUBT, Event.ACK])
def test_an_order_that_is_open_or_in_doubt_counts_as_filled(event):
    """Its lots are in the worst case, whatever is known of it; what only reduces, and a stop, are not."""
    desk = Desk()
    (send,) = sends(desk.target(7, 5, 490_000))
    if event is not None:
        desk.ack(send, event, refusal="Unknown" if event == Event.DOUBT else "")
    at = desk.core.circumstances(desk.moment)
    proposal = Proposal(side=1, lots=1, allocation=(("trend", 1),), crosses=())
    book = risk_book(desk.books, SYMBOL, proposal, at, 0)
    assert (book.position_lots, book.open_lots, book.in_doubt) == (0, 5, int(event == Event.DOUBT))
    (stop,) = sends(desk.fill(send, 5))
    desk.ack(stop)
    book = risk_book(desk.books, SYMBOL, proposal, desk.core.circumstances(desk.moment), 0)
    assert (book.position_lots, book.open_lots, book.in_doubt) == (5, 0, 0)


def test_the_worst_case_holds_at_the_limit_while_an_order_is_in_doubt():
    """I18: Ten lots at most, six of them in doubt: a restart does not forget them, and no five more are bought."""
    settings = EngineSettings(risk=RiskSettings(position_lots_max=10))
    desk = Desk(settings=settings)
    (send,) = sends(desk.target(7, 6, 490_000))
    desk.ack(send, Event.DOUBT, refusal="Unknown")
    again = Desk(desk.books, settings=settings)
    assert sends(again.target(8, 11, 490_000)) == []
    assert again.books.working_of(SYMBOL)[0].state == OrderState.IN_DOUBT


@pytest.mark.parametrize(
    ("spot_ticks", "expected"),
    [(50_000, 0), (49_900, 2_004), (50_100, 1_996), (0, None)],
)
def test_the_basis_is_measured_in_prices_not_in_ticks(spot_ticks, expected):
    """The spot's tick is ten times the perpetual's."""
    books = Books()
    spot = SYMBOL.partition(":")[0]
    for name, tick_e8 in ((SYMBOL, 10**7), (spot, 10**8)):
        books.apply(Listed(instrument=name, venue="paper", tick_e8=tick_e8, lot_e8=10**5, unit=1))
    marks = {SYMBOL: 500_000, spot: spot_ticks}
    at = replace(Desk().core.circumstances(Moment(market_ns=1, wall_ns=1, monotonic_ns=1)), marks=marks)
    assert basis_ppm(books, SYMBOL, at) == expected


def test_a_perpetual_that_left_its_spot_is_not_entered():
    """0.2 % is the most, it is 1 % away: refused by name; back at the spot's price it is entered."""
    spot = SYMBOL.partition(":")[0]
    settings = EngineSettings(risk=RiskSettings(basis_ppm_max=2_000))
    desk = Desk(settings=settings)
    desk.core = Core(
        desk.books, settings, run="r1", venue="paper", instruments={SYMBOL: Rules(), spot: Rules(symbol=spot)}
    )
    desk.take(desk.core.restarted(desk.moment))
    (announce,) = desk.target(7, 3, 490_000)
    assert "no spot price" in announce.refused.words
    for name, ticks in ((SYMBOL, 500_000), (spot, 495_000)):
        desk.tell(
            Candle(
                instrument=name, open_ns=desk.ns - 60 * S, close_ns=desk.ns, high_ticks=ticks, low_ticks=ticks,
                close_ticks=ticks,
            )
        )  # fmt: skip
    (announce,) = desk.target(8, 3, 490_000)
    assert announce.refused.refusal == Refusal.BASIS
    desk.core._marks[spot] = 499_900
    assert len(sends(desk.target(9, 3, 490_000))) == 1
