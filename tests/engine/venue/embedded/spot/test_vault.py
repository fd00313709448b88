"""Units move, and none appears or vanishes."""

import pytest

from engine.venue.embedded.spot.vault import Swap, Vault


def test_a_swap_moves_units_between_account_market_and_fees():
    """What was paid is the market's, what was received less the fee is ours."""
    vault = Vault()
    vault.deposit("me", "USDT", 1000)
    vault.lock("me", "USDT", 600)
    vault.swap("me", Swap(pays="USDT", paid=500, receives="BTC", received=50, fee=1))
    assert (vault.purse("me", "USDT").free, vault.purse("me", "USDT").locked) == (400, 100)
    assert (vault.purse("me", "BTC").free, vault.market["BTC"], vault.fees["BTC"]) == (49, -50, 1)
    assert (vault.total("USDT"), vault.total("BTC")) == (1000, 0)


def test_nobody_can_owe():
    """Locking more than is free is a defect of ours, not a debt."""
    vault = Vault()
    vault.deposit("me", "USDT", 10)
    with pytest.raises(AssertionError, match="owe"):
        vault.lock("me", "USDT", 11)


def test_a_unit_from_nowhere_is_noticed():
    """A purse that was tampered with fails the proof."""
    vault = Vault()
    vault.deposit("me", "USDT", 10)
    vault.purse("me", "USDT").free += 1
    with pytest.raises(AssertionError, match="appeared"):
        vault.prove("me", "USDT")
