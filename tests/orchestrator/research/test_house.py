"""The house: the core and the exchange face to face keep the same books."""

import numpy as np
import pytest

from engine.messages import Candle, Target
from engine.settings import EngineSettings
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.exchange import Settings as Play
from engine.venue.embedded.synthetic import SyntheticMarket
from orchestrator import wiring
from orchestrator.research.house import House, Tenancy, private
from shm.jit import address_of
from shm.records import POSITION, Purpose, Unit
from shm.table import TableReader, TableWriter, table_size
from shm.topology import STRATEGIES_MAX, position_row

SYMBOL = "BTC/USDT:USDT"
MINUTE_NS = 60_000_000_000
DEPOSIT = 100_000 * 10**8


class Scene:
    """A house on a seeded market, and a strategy that is told to want things."""

    def __init__(self) -> None:
        market = SyntheticMarket(5, 1_700_000_000 * 10**9 // MINUTE_NS * MINUTE_NS, [SYMBOL])
        self.exchange = Exchange(market, Play(points_per_candle=1, tells_ticks=False))
        instruments = wiring.instruments_of(market, "paper", "main")
        self._memory = np.zeros(table_size(STRATEGIES_MAX, 2) // 8, np.int64)
        positions = TableWriter(address_of(self._memory), POSITION, (0, STRATEGIES_MAX))
        tenancy = Tenancy(
            account="main",
            venue="paper",
            instruments=instruments,
            strategies=("trend",),
            settings=EngineSettings(account="main"),
        )
        self.house = House(self.exchange, tenancy, DEPOSIT, positions)
        self.number = 0

    def minute(self) -> None:
        """Play one, and tell its candle."""
        happenings = self.exchange.advance()
        self.house.hear(private(happenings))
        last, now_ns = self.exchange.last_ticks("BTCUSDT"), self.exchange.now_ns
        candle = Candle(
            instrument=SYMBOL,
            open_ns=now_ns - MINUTE_NS,
            close_ns=now_ns,
            high_ticks=last,
            low_ticks=last,
            close_ticks=last,
        )
        self.house.take([candle])

    def want(self, amount: int, away: int = 300) -> None:
        """Ask for ``amount`` millionths of the risk budget with a stop ``away`` ticks off."""
        self.number += 1
        last = self.exchange.last_ticks("BTCUSDT")
        side = 1 if amount > 0 else -1
        self.house.take(
            [
                Target(
                    instrument=SYMBOL,
                    strategy="trend",
                    unit=Unit.RISK,
                    target_id=self.number,
                    amount=amount,
                    stop_ticks=last - side * away if amount else 0,
                    reference_ticks=last,
                    valid_until_ns=self.exchange.now_ns + 2 * MINUTE_NS,
                    open_ns=self.exchange.now_ns - MINUTE_NS,
                )
            ]
        )

    def shown(self) -> np.void:
        """The row of POSITIONS that the brain would read."""
        out = np.zeros(1, POSITION)
        TableReader(address_of(self._memory), POSITION, STRATEGIES_MAX).read(position_row(0, 0), out)
        return out[0]


@pytest.fixture
def scene() -> Scene:
    """Two minutes old."""
    scene = Scene()
    scene.minute()
    scene.minute()
    return scene


def test_a_target_is_filled_and_protected_before_the_next_minute(scene):
    """One entry, one resting stop, and the brain's row shows both at once."""
    scene.want(1_000_000)
    purposes = [order.intent.purpose for order in scene.house.books.orders.values()]
    assert purposes == [Purpose.ENTRY, Purpose.STOP]
    (held,) = [one for one in scene.exchange.account("main").positions if one.lots]
    assert held.lots == scene.shown()["lots"] > 0
    assert [order.trigger_ticks for order in scene.exchange.open_algo_orders("main")] == [scene.shown()["stop_ticks"]]
    assert scene.house.core.is_settled


def test_both_books_agree_to_the_last_unit_after_every_minute(scene):
    """Entries, turns, stops that fill and exits: equity by our books is equity by the exchange's."""
    generator = np.random.default_rng(3)
    for _ in range(120):
        if generator.random() < 0.3:
            scene.want(int(generator.choice([-1_000_000, 0, 1_000_000])), int(generator.integers(40, 400)))
        scene.minute()
        assert scene.house.equity == scene.exchange.account("main").equity
    assert len(scene.house.fills) > 20
    assert any(
        order.intent.purpose is Purpose.STOP and order.lots_filled for order in scene.house.books.orders.values()
    )


def test_a_stop_that_fills_is_seen_by_the_brain_before_it_decides_again(scene):
    """Its row is flat and names the side that was stopped; both books agree."""
    scene.want(1_000_000, 30)
    for _ in range(60):
        scene.minute()
        if not scene.shown()["lots"]:
            break
    assert scene.shown()["lots"] == 0
    assert scene.shown()["stopped_side"] == 1
    assert scene.house.equity == scene.exchange.account("main").equity
