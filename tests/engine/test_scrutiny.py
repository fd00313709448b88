"""Risk's desk: entries of the last minute survive a restart, refusals are told once."""

from decimal import Decimal

from engine.messages import Announce
from engine.risk import Refusal
from engine.settings import EngineSettings, RiskSettings
from tests.engine.test_core import SYMBOL, Desk, S, sends

TWO_A_MINUTE = EngineSettings(risk=RiskSettings(orders_per_minute_max=2))


def test_the_order_rate_survives_a_restart():
    """Two entries before the kill, none after it, one more when the minute of market time is over."""
    desk = Desk(settings=TWO_A_MINUTE)
    for target_id in (1, 2):
        (send,) = [action for action in desk.target(target_id, target_id, 490_000) if hasattr(action, "approved")]
        stop = sends(desk.fill(send.intent, send.intent.lots))[0]
        desk.ack(stop)
        for old in desk.books.stops_of(SYMBOL, "trend")[:-1]:
            desk.ack(old.intent, event=8)
    again = Desk(desk.books, settings=TWO_A_MINUTE)
    (announce,) = again.target(3, 3, 490_000)
    assert announce.refused.refusal == Refusal.ORDER_RATE
    assert "2 orders in a minute; the most is 2" in announce.refused.words
    again.ns += 61 * S
    assert [intent.lots for intent in sends(again.target(4, 3, 490_000))] == [1]


def test_a_refusal_is_told_again_when_something_was_sent_in_between():
    """The same limit for the same target twice in a row is one announcement."""
    desk = Desk(settings=EngineSettings(risk=RiskSettings(order_notional_max=Decimal(100))))
    assert isinstance(desk.target(1, 3, 490_000)[0], Announce)
    assert desk.target(1, 3, 490_000) == ()
    assert len(sends(desk.target(2, 1, 490_000))) == 1
    assert len(desk.events) > 0
