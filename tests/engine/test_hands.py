"""What other hands did: remembered once, and whose lots a stranger's trade closes."""

import pytest

from engine.events import EXTERNAL, Filled, Intervened
from engine.hands import Hands

BTC = "BTC/USDT:USDT"


def deed(number, what, **more):
    """A petition that was granted."""
    return Intervened(petition_id=f"p{number}", deed=what, subject="BTC", instrument=BTC, who="ann", **more)


def trade(side, lots):
    """A trade without an intent of ours."""
    return Filled(
        account="main", venue="paper", instrument=BTC, trade_id=1, intent_id=0, venue_order_id="web", side=side,
        lots=lots, price_ticks=500, fee=0, is_maker=False, market_ns=0, wall_ns=0,
    )  # fmt: skip


def test_a_deed_is_done_once():
    """Its id decides, whatever else it says."""
    hands = Hands()
    assert hands.told(deed(1, "pause"))
    assert hands.told(deed(2, "resume"))
    assert not hands.told(deed(1, "pause"))
    assert not hands.pauses(BTC, "trend")


def test_a_pause_is_of_a_symbol_or_of_a_strategy():
    """Either name stops the pair, and no other pair."""
    hands = Hands()
    hands.told(Intervened(petition_id="p", deed="pause", subject="trend", instrument="trend", who="ann"))
    assert hands.pauses(BTC, "trend")
    assert not hands.pauses(BTC, "other")


@pytest.mark.parametrize(
    ("side", "lots", "held", "parts"),
    [
        (-1, 5, [("a", 10)], [("a", 5)]),
        (-1, 10, [("a", 4), ("b", 4), (EXTERNAL, 0)], [("a", 4), ("b", 4), (EXTERNAL, 2)]),
        (-1, 3, [("a", 10), ("b", 10)], [("a", 3)]),
        (1, 5, [("a", 10)], [(EXTERNAL, 5)]),
        (1, 5, [("a", 10), ("b", -3)], [("b", 3), (EXTERNAL, 2)]),
        (-1, 5, [("a", 3), (EXTERNAL, 9)], [(EXTERNAL, 5)]),
        (-1, 5, [("a", 3), (EXTERNAL, 4)], [("a", 1), (EXTERNAL, 4)]),
        (-1, 5, [("a", 3), (EXTERNAL, -4)], [("a", 3), (EXTERNAL, 2)]),
        (1, 5, [], [(EXTERNAL, 5)]),
    ],
)
def test_a_strangers_trade_closes_his_own_lots_then_ours(side, lots, held, parts):
    """On the other side only, ours in order of name, and what is left is nobody's."""
    assert Hands().traded(trade(side, lots), held) == parts


@pytest.mark.parametrize("what", ["resume", "adopt", "ignore"])
def test_entries_wait_until_a_person_has_looked(what):
    """A trade of others disturbs even when nothing of it is left over."""
    hands = Hands()
    hands.traded(trade(-1, 5), [("a", 5)])
    assert hands.foreign_lots(BTC, 0) == -5
    hands.told(deed(1, what))
    assert hands.foreign_lots(BTC, 0) == 0


def test_ignored_lots_matter_again_once_they_change():
    """Two more lots than a person said to ignore are seen; adoption forgets the word."""
    hands = Hands()
    hands.told(deed(1, "ignore", lots=7))
    assert (hands.foreign_lots(BTC, 7), hands.foreign_lots(BTC, 9)) == (0, 9)
    hands.told(deed(2, "adopt"))
    assert hands.foreign_lots(BTC, 7) == 7
