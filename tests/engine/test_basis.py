"""The limit on the basis in the engine's process: the spot in QUOTES decides whether a target is entered."""

from dataclasses import replace

from engine.settings import RiskSettings
from tests.engine.test_agent import SYMBOL, close, floor, held

__all__ = ["floor"]


async def test_a_contract_that_left_its_spot_is_not_entered(floor):
    """1 % away, and 0.2 % is allowed: nothing is sent; back at its spot, the same target is."""
    await floor.kill()
    floor.settings = replace(floor.settings, risk=RiskSettings(basis_ppm_max=2_000))
    await floor.begin()
    await floor.settled(close(floor))
    close_ns = floor.candle()
    floor.quote(1.01)
    floor.engine._based_ns = 0  # not now and then, but now
    floor.decide(lots=10, stop_ticks=250_000)
    await floor.settled(close_ns)
    assert not [one for one in floor.exchange.account("paper").positions if one.lots]
    assert floor.engine._account.core.bases == {SYMBOL: 9_901}
    close_ns = floor.candle()
    floor.quote(1.001)
    floor.engine._based_ns = 0
    floor.decide(lots=10, stop_ticks=250_000)
    await floor.settled(close_ns)
    assert held(floor) == (10, [250_000])
