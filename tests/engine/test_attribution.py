"""Several strategies on one instrument: every lot, fee and profit has its owner, and every position its own stop."""

from decimal import Decimal
from random import Random

import pytest

from engine.ledger import NET
from engine.settings import EngineSettings, ExitSettings, SizingSettings
from shm.records import Unit
from tests.engine.floor import Floor
from tests.engine.test_core import SYMBOL

NAMES = ("a", "b", "c")


def check(floor):
    """The strategies' lots, fees and profit at the last price add up to the account's, and that to the venue's."""
    parts = [floor.books.position(SYMBOL, name) for name in NAMES]
    whole, unit = floor.books.position(SYMBOL, NET), floor.rules.unit
    assert sum(part.lots for part in parts) == whole.lots == floor.lots
    assert sum(part.fees for part in parts) == whole.fees
    worth = [part.realised + part.unrealised(floor.price, unit) for part in parts]
    assert sum(worth) == whole.realised + whole.unrealised(floor.price, unit)
    stops = sum(lots for purpose, lots, _ in floor.resting() if purpose == "STOP")
    assert stops >= abs(whole.lots), "what the account holds is covered"


@pytest.mark.parametrize("style", ["market", "limit"])
@pytest.mark.parametrize("seed", range(6))
def test_attribution_sums_to_the_account_whatever_they_want(seed, style):
    """Three strategies change their minds for forty minutes, with stops and targets in between."""
    chance = Random(seed)
    settings = EngineSettings(exits=ExitSettings(tp_r_multiples=(Decimal("0.5"),), tp_splits=(Decimal("0.5"),)))
    object.__setattr__(settings.executor, "entry_style", style)
    floor = Floor(settings)
    floor.parts = chance.randrange(1, 4)
    floor.candle(500_000)
    for minute in range(40):
        for number, name in enumerate(NAMES):
            if chance.random() < 0.3:
                lots = chance.randrange(-9, 10)
                stop = floor.price - (1 if lots > 0 else -1) * chance.randrange(60, 300)
                floor.target(1 + 10 * minute + number, lots, stop, strategy=name)
                check(floor)
        floor.candle(*(floor.price + chance.randrange(-90, 91) for _ in range(3)))
        check(floor)
    assert len(floor.trades) > 20


def test_one_stop_that_fills_leaves_the_other_resting():
    """Long five and long three, each under its own stop; the nearer one takes five and nothing else."""
    floor = Floor()
    floor.target(7, 5, 499_500, strategy="a")
    floor.target(8, 3, 499_000, strategy="b")
    assert floor.resting() == [("STOP", 3, 499_000), ("STOP", 5, 499_500)]
    floor.candle(499_400)
    assert floor.resting() == [("STOP", 3, 499_000)]
    assert [floor.books.position(SYMBOL, name).lots for name in "ab"] == [0, 3]
    check(floor)


def test_a_stop_larger_than_the_net_position_gives_the_other_its_own_stop():
    """Long five against short two is three at the venue; when the five are stopped out the short has its own."""
    floor = Floor()
    floor.target(7, 5, 499_500, strategy="a")
    floor.target(8, -2, 501_000, strategy="b")
    assert (floor.lots, floor.resting()) == (3, [("STOP", 5, 499_500)])
    floor.candle(499_400)
    assert [floor.books.position(SYMBOL, name).lots for name in "ab"] == [0, -2]
    assert (floor.lots, floor.resting()) == (-2, [("STOP", 2, 501_000)])
    check(floor)


@pytest.mark.parametrize(("compounding", "lots"), [(False, 500), (True, 550)])
def test_what_a_strategy_earns_is_its_own_to_compound(compounding, lots):
    """It has made a tenth of its capital: the next trade risks a tenth more; another's budget is as it was."""
    sizing = SizingSettings(
        capital=Decimal(100), risk_share=Decimal("0.05"), compounding=compounding, leverage_max=Decimal(99)
    )
    floor = Floor(EngineSettings(sizing=sizing))
    gain = 10 * 10**8
    floor.books.profit_of = lambda strategy: gain if strategy == "a" else 0
    for number, name in enumerate("ab"):
        floor.target(7 + number, 1_000_000, 499_000, strategy=name, unit=Unit.RISK)
    each = 5 * 10**8 // (1_000 * floor.rules.unit)
    assert floor.books.goals[SYMBOL, "b"].lots == each == 50
    assert floor.books.goals[SYMBOL, "a"].lots == each * lots // 500
