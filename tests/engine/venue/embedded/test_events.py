"""What the exchange tells."""

from collections.abc import Callable

from engine.venue.embedded.events import AccountUpdate
from engine.venue.embedded.exchange import Exchange


def test_equity_is_the_wallet_and_what_is_not_realised(opened: Callable[..., Exchange]) -> None:
    """With nothing held it is the deposit."""
    state = opened().account("me")
    assert state.equity == state.wallet == state.deposit == 10_000 * 10**8


def test_a_deposit_is_told(opened: Callable[..., Exchange]) -> None:
    """Reason, amount and the wallet after it."""
    exchange = opened()
    exchange.deposit("me", 5)
    told = exchange.drain()
    assert [type(event) for event in told] == [AccountUpdate]
    assert (told[0].reason, told[0].change, told[0].wallet) == ("DEPOSIT", 5, 10_000 * 10**8 + 5)
