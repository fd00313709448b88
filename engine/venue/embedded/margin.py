"""What positions and open orders bind of the wallet, cross margin, one-way mode.

worst(lots) = the larger of |held + open buys| and |held - open sells|
position margin = |held| * mark * unit / leverage, rounded up
order margin    = (worst - |held|) * mark * unit / leverage, rounded up
available       = wallet + unrealised - position margin - order margin
"""

from collections.abc import Mapping

from engine.venue.embedded.account import Account
from engine.venue.embedded.events import AccountState, PositionState
from engine.venue.embedded.filters import Draft
from engine.venue.embedded.orders import Order
from engine.venue.embedded.pit import Pit


def _bound(lots: int, ticks: int, unit: int, leverage: int) -> int:
    return -(-lots * ticks * unit // leverage)


def position_state(account: Account, pit: Pit) -> PositionState:
    """The position in one contract at its mark, which is the last price."""
    listing, mark = pit.listing, pit.last_ticks
    position, leverage = account.ledger.position(listing.id), account.leverage(listing.id)
    return PositionState(
        symbol=listing.id,
        lots=position.lots,
        cost=position.cost,
        unrealised=position.unrealised(mark, listing.unit),
        entry_e8=position.entry_e8(listing),
        mark_ticks=mark,
        leverage=leverage,
        margin=_bound(abs(position.lots), mark, listing.unit, leverage),
    )


def order_margin(account: Account, pit: Pit, side: int = 0, lots: int = 0) -> int:
    """What the open orders of one contract bind, with one more of ``side`` and ``lots``."""
    held = account.ledger.position(pit.listing.id).lots
    open_lots = {1: 0, -1: 0, side: lots}
    for order in account.book(pit.listing.id).waiting:
        if isinstance(order, Order) and not order.reduce_only:
            open_lots[order.side] += order.lots_left
    worst = max(abs(held), abs(held + open_lots[1]), abs(held - open_lots[-1]))
    leverage = account.leverage(pit.listing.id)
    return _bound(worst - abs(held), pit.last_ticks, pit.listing.unit, leverage)


def account_state(account: Account, pits: Mapping[str, Pit]) -> AccountState:
    """The whole account at the marks of the moment."""
    ledger = account.ledger
    positions = tuple(position_state(account, pit) for pit in pits.values())
    unrealised = sum(position.unrealised for position in positions)
    position_margin = sum(position.margin for position in positions)
    orders = sum(order_margin(account, pit) for pit in pits.values())
    return AccountState(
        account=account.name,
        wallet=ledger.wallet,
        unrealised=unrealised,
        position_margin=position_margin,
        order_margin=orders,
        available=ledger.wallet + unrealised - position_margin - orders,
        deposit=ledger.deposited,
        realised=ledger.realised,
        fees=ledger.fees,
        positions=positions,
    )


def margin_is_enough(account: Account, pits: Mapping[str, Pit], draft: Draft) -> bool:
    """Whether the account can bear the order; one that binds nothing more is always borne."""
    pit = pits[draft.listing.id]
    extra = order_margin(account, pit, draft.request.side, draft.lots) - order_margin(account, pit)
    return extra <= 0 or account_state(account, pits).available >= extra
