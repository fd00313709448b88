"""Several wishes, one order: nothing is made, nothing is lost."""

from hypothesis import given
from hypothesis import strategies as st

from engine.netting import clipped, net

WISHES = st.dictionaries(st.sampled_from("abcdef"), st.integers(-20, 20))


def test_the_smaller_side_is_served_inside():
    """A +5 and B -2: B sells 2 to A, the venue sees +3 of A."""
    proposal = net({"b": -2, "a": 5})
    assert (proposal.side, proposal.lots, proposal.allocation) == (1, 3, (("a", 3),))
    assert proposal.crosses == (("a", "b", 2),)


@given(WISHES)
def test_attribution_sums_to_the_account_exactly(wishes):
    """Crosses and the order together give each strategy what it wished."""
    proposal = net(wishes)
    got = dict.fromkeys(wishes, 0)
    for buyer, seller, lots in proposal.crosses:
        assert lots > 0
        got[buyer] += lots
        got[seller] -= lots
    for strategy, lots in proposal.allocation:
        got[strategy] += proposal.side * lots
    assert got == wishes
    assert sum(lots for _, lots in proposal.allocation) == proposal.lots


@given(WISHES, st.integers(0, 30))
def test_a_clipped_proposal_is_a_part_of_it(wishes, lots_max):
    """At most ``lots_max``, and no strategy gets more than it asked."""
    whole = net(wishes)
    part = clipped(whole, lots_max)
    assert part.lots == min(whole.lots, lots_max)
    assert all(lots <= dict(whole.allocation)[strategy] for strategy, lots in part.allocation)
