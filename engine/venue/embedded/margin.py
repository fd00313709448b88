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
from dataclasses import replace

from engine.venue.embedded.account import Account
from engine.venue.embedded.events import AccountState, PositionState
from engine.venue.embedded.filters import Draft
from engine.venue.embedded.orders import BOTH, Order, Refusal
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


def concerned(account: Account, pits: Mapping[str, Pit]) -> Mapping[str, Pit]:
    """The pits that the account has anything to do with: its sums need no others, however many there are."""
    return {symbol: pits[symbol] for symbol in account.concerns}


def cross_balance(account: Account, pits: Mapping[str, Pit]) -> int:
    """Wallet and unrealised profit of everything that is not isolated."""
    states = position_states(account, concerned(account, pits))
    free = account.ledger.wallet - account.ledger.isolated
    return free + sum(state.unrealised for state in states if not state.is_isolated)


def cross_maintenance(account: Account, pits: Mapping[str, Pit]) -> int:
    """Margin that the cross positions must keep together."""
    states = position_states(account, concerned(account, pits))
    return sum(state.maintenance for state in states if not state.is_isolated)


def _worst_lots(account: Account, pit: Pit, leg: str, draft: Draft | None = None) -> int:
    """The largest position that a leg's open orders could make of it, with one more if ``draft`` is given."""
    opening = [
        (order.side, order.lots_left)
        for order in account.book(pit.listing.id).waiting
        if isinstance(order, Order) and not order.reduce_only and order.leg == leg
    ]
    if draft is not None and draft.request.leg == leg:
        opening.append((draft.request.side, draft.lots))
    held = account.ledger.position(pit.listing.id, leg).lots
    bids, offers = (sum(lots for side, lots in opening if side == wanted) for wanted in (1, -1))
    return max(abs(held), abs(held + bids), abs(held - offers))


def order_margin(account: Account, pit: Pit, draft: Draft | None = None) -> int:
    """What the open orders of one contract bind, with one more if ``draft`` is given."""
    bound = sum(
        _worst_lots(account, pit, leg, draft) - abs(account.ledger.position(pit.listing.id, leg).lots)
        for leg in account.legs
    )
    return _bound(bound, pit.mark_ticks, pit.listing.unit, account.leverage(pit.listing.id))


def account_state(account: Account, pits: Mapping[str, Pit]) -> AccountState:
    """The whole account at the marks of the moment."""
    ledger = account.ledger
    positions = position_states(account, pits)
    unrealised = sum(position.unrealised for position in positions)
    position_margin = sum(position.margin for position in positions)
    orders = sum(order_margin(account, pit) for pit in concerned(account, pits).values())
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


def objection_to_risk(account: Account, pits: Mapping[str, Pit], draft: Draft) -> Refusal | None:
    """Why the account may not take on what the order could open, or None."""
    if not margin_is_enough(account, pits, draft):
        return Refusal(-2019, "Margin is insufficient.")
    if not leverage_allows(account, draft, pits[draft.listing.id]):
        return Refusal(-2027, "Exceeded the maximum allowable position at current leverage.")
    return None


def margin_is_enough(account: Account, pits: Mapping[str, Pit], draft: Draft) -> bool:
    """Whether the account can bear the order; one that binds nothing more is always borne."""
    pit = pits[draft.listing.id]
    extra = order_margin(account, pit, draft) - order_margin(account, pit)
    return extra <= 0 or account_state(account, concerned(account, pits)).available >= extra


def leverage_allows(account: Account, draft: Draft, pit: Pit) -> bool:
    """Whether the account's leverage allows what the order could make of the position, with those that are open."""
    leg, listing = draft.request.leg, draft.listing
    worst = _worst_lots(account, pit, leg, draft)
    if worst == _worst_lots(account, pit, leg):
        return True
    return listing.notional(pit.mark_ticks, worst) <= notional_max(listing.id, account.leverage(listing.id))


def objection_to_leverage(account: Account, pits: Mapping[str, Pit], symbol: str, leverage: int) -> Refusal | None:
    """Why a contract's leverage may not be changed to this, or None."""
    pit = pits[symbol]
    if not 1 <= leverage <= pit.listing.leverage_max:
        return Refusal(-4028, f"Leverage {leverage} is not valid")
    before = account.leverage(symbol)
    falls, rises = leverage < before, leverage > before
    if falls and account.is_isolated(symbol) and any(account.held(symbol)):
        return Refusal(-4161, "Leverage reduction is not supported in Isolated Margin Mode with open positions.")
    worst = pit.listing.notional(pit.mark_ticks, max(_worst_lots(account, pit, leg) for leg in account.legs))
    if rises and worst > notional_max(symbol, leverage):
        return Refusal(-2027, "Exceeded the maximum allowable position at current leverage.")
    changed = replace(account, leverages=account.leverages | {symbol: leverage})
    if falls and account_state(changed, concerned(account, pits)).available < 0:
        return Refusal(-2028, "Leverage is smaller than permitted: insufficient margin balance.")
    return None
