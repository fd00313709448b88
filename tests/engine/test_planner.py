"""What may be reduced, at every pair of signs; the account at its worst; a perpetual and its spot."""

import msgspec
import pytest

from engine.events import Intervened
from engine.messages import Recorded
from engine.netting import Proposal
from engine.order import Event
from engine.planner import expiry, reducing, risk_book
from engine.risk import Refusal
from engine.settings import EngineSettings, RiskSettings
from shm.records import OrderState
from tests.engine.test_core import SYMBOL, Desk, sends


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


def test_a_perpetual_that_left_its_spot_is_not_entered():
    """0.2 % is the most, it is 1 % away: refused by name; back at the spot's price it is entered."""
    desk = Desk(settings=EngineSettings(risk=RiskSettings(basis_ppm_max=2_000)))
    (announce,) = desk.target(7, 3, 490_000)
    assert "no spot price" in announce.refused.words
    desk.core.bases = {SYMBOL: 10_000}
    (announce,) = desk.target(8, 3, 490_000)
    assert announce.refused.refusal == Refusal.BASIS
    assert "10000 ppm from its spot" in announce.refused.words
    desk.core.bases = {SYMBOL: 2_000}
    assert len(sends(desk.target(9, 3, 490_000))) == 1
