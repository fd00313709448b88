"""Several strategies' wishes on one instrument become one order, and every lot keeps its owner.

A +5, B -2  ->  B sells 2 to A inside our books;  the venue sees +3, all of it A's
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One order, or none (``lots`` 0), and the crosses inside our books."""

    side: int  # +1, -1, or 0 for none
    lots: int
    allocation: tuple[tuple[str, int], ...]  # (strategy, lots); sums to lots
    crosses: tuple[tuple[str, str, int], ...]  # (buyer, seller, lots)


def net(deltas: dict[str, int]) -> Proposal:
    """Net signed wishes; strategies meet in order of name."""
    buying = [(name, lots) for name, lots in sorted(deltas.items()) if lots > 0]
    selling = [(name, -lots) for name, lots in sorted(deltas.items()) if lots < 0]
    crosses = []
    while buying and selling:
        lots = min(buying[0][1], selling[0][1])
        crosses.append((buying[0][0], selling[0][0], lots))
        for waiting in (buying, selling):
            name, left = waiting[0]
            waiting[:1] = [(name, left - lots)] if left > lots else []
    rest = buying or selling
    total = sum(lots for _, lots in rest)
    side = 0 if not rest else 1 if buying else -1
    assert side * total == sum(deltas.values()), "netting neither makes nor loses lots"
    return Proposal(side=side, lots=total, allocation=tuple(rest), crosses=tuple(crosses))


def clipped(proposal: Proposal, lots_max: int) -> Proposal:
    """The proposal's order cut to ``lots_max``, first come first served; no crosses."""
    left, allocation = lots_max, []
    for strategy, lots in proposal.allocation:
        if left > 0:
            allocation.append((strategy, min(lots, left)))
            left -= min(lots, left)
    total = sum(lots for _, lots in allocation)
    return Proposal(side=proposal.side if total else 0, lots=total, allocation=tuple(allocation), crosses=())
