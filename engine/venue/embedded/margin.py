"""What positions and open orders bind of the wallet.

worst(lots) = the larger of |held + open buys| and |held - open sells|
position margin = |held| * mark * unit / leverage, rounded up
order margin    = (worst - |held|) * mark * unit / leverage, rounded up
available       = wallet + unrealised - position margin - order margin, all of what is cross

A hedged account's LONG and SHORT are reckoned each by itself: neither covers the other.
An isolated position has its own part of the wallet, its profit is not available, and it
is liquidated alone.  Maintenance comes from the contract's tiers.
"""

from collections.abc import Mapping

from engine.venue.embedded.account import Account
from engine.venue.embedded.events import AccountState, PositionState
from engine.venue.embedded.filters import Draft
from engine.venue.embedded.orders import BOTH, Order
from engine.venue.embedded.pit import Pit
from engine.venue.embedded.tiers import notional_max, tier_of


def _bound(lots: int, ticks: int, unit: int, leverage: int) -> int:
    return -(-lots * ticks * unit // leverage)


def position_state(account: Account, pit: Pit, leg: str = BOTH) -> PositionState:
    """A position in one contract at its mark."""
    listing, mark = pit.listing, pit.mark_ticks
    position, leverage = account.ledger.position(listing.id, leg), account.leverage(listing.id)
    notional = listing.notional(mark, abs(position.lots))
    return PositionState(
        symbol=listing.id,
        lots=position.lots,
        cost=position.cost,
        unrealised=position.unrealised(mark, listing.unit),
        entry_e8=position.entry_e8(listing),
        mark_ticks=mark,
        leverage=leverage,
        margin=_bound(abs(position.lots), mark, listing.unit, leverage),
        maintenance=tier_of(listing.id, notional).maintenance(notional) if notional else 0,
        isolated=position.isolated,
        is_isolated=account.is_isolated(listing.id),
        leg=leg,
    )


def position_states(account: Account, pits: Mapping[str, Pit]) -> tuple[PositionState, ...]:
    """Every position of the account, also the empty ones."""
    return tuple(position_state(account, pit, leg) for pit in pits.values() for leg in account.legs)


def cross_balance(account: Account, pits: Mapping[str, Pit]) -> int:
    """Wallet and unrealised profit of everything that is not isolated."""
    states = position_states(account, pits)
    free = account.ledger.wallet - account.ledger.isolated
    return free + sum(state.unrealised for state in states if not state.is_isolated)


def cross_maintenance(account: Account, pits: Mapping[str, Pit]) -> int:
    """Margin that the cross positions must keep together."""
    states = position_states(account, pits)
    return sum(state.maintenance for state in states if not state.is_isolated)


def order_margin(account: Account, pit: Pit, draft: Draft | None = None) -> int:
    """What the open orders of one contract bind, with one more if ``draft`` is given."""
    opening = [
        (order.leg, order.side, order.lots_left)
        for order in account.book(pit.listing.id).waiting
        if isinstance(order, Order) and not order.reduce_only
    ]
    if draft is not None:
        opening.append((draft.request.leg, draft.request.side, draft.lots))
    bound = 0
    for leg in account.legs:
        held = account.ledger.position(pit.listing.id, leg).lots
        bids, offers = (
            sum(lots for whose, side, lots in opening if (whose, side) == (leg, wanted)) for wanted in (1, -1)
        )
        bound += max(abs(held), abs(held + bids), abs(held - offers)) - abs(held)
    return _bound(bound, pit.mark_ticks, pit.listing.unit, account.leverage(pit.listing.id))


def account_state(account: Account, pits: Mapping[str, Pit]) -> AccountState:
    """The whole account at the marks of the moment."""
    ledger = account.ledger
    positions = position_states(account, pits)
    unrealised = sum(position.unrealised for position in positions)
    position_margin = sum(position.margin for position in positions)
    orders = sum(order_margin(account, pit) for pit in pits.values())
    crossed = sum(position.margin for position in positions if not position.is_isolated)
    return AccountState(
        account=account.name,
        wallet=ledger.wallet,
        unrealised=unrealised,
        position_margin=position_margin,
        order_margin=orders,
        available=cross_balance(account, pits) - crossed - orders,
        deposit=ledger.deposited,
        realised=ledger.realised,
        fees=ledger.fees,
        funding=ledger.funding,
        insurance=ledger.insurance,
        positions=positions,
        is_hedged=account.is_hedged,
    )


def margin_is_enough(account: Account, pits: Mapping[str, Pit], draft: Draft) -> bool:
    """Whether the account can bear the order; one that binds nothing more is always borne."""
    pit = pits[draft.listing.id]
    extra = order_margin(account, pit, draft) - order_margin(account, pit)
    return extra <= 0 or account_state(account, pits).available >= extra


def leverage_allows(account: Account, draft: Draft, pit: Pit) -> bool:
    """Whether the account's leverage allows a position as large as the order would make it."""
    held = account.ledger.position(draft.listing.id, draft.request.leg).lots
    worst = max(abs(held), abs(held + draft.request.side * draft.lots))
    if worst == abs(held):
        return True
    most = notional_max(draft.listing.id, account.leverage(draft.listing.id))
    return draft.listing.notional(pit.mark_ticks, worst) <= most
