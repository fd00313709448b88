"""A spot exchange that was killed is played again from the chronicle that it shares with the futures."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.venue.embedded.chronicle import Chronicle
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.orders import PlaceOrder
from engine.venue.embedded.signing import Key
from engine.venue.embedded.spot.exchange import SpotExchange
from engine.venue.embedded.spot.hall import SpotHall
from engine.venue.embedded.spot.orders import Execution, PlaceSpot, SpotOrder
from engine.venue.embedded.synthetic import SyntheticMarket

FIRST_NS = 1_700_000_040 * 10**9
E8 = 10**8
READS = {
    "all_orders", "average_ticks", "balances", "drain", "fills", "forget_touches", "lists", "objection", "open_orders",
    "order", "orders_of", "walk",
}  # fmt: skip


def kept(folder: Path) -> SpotExchange:
    """Return the spot exchange of ``folder``, begun or resumed, futures beside it."""
    exchange = Exchange(SyntheticMarket(5, FIRST_NS), Settings(points_per_candle=2))
    chronicle, spot = Chronicle(folder, exchange.character(5)), SpotExchange(exchange)
    is_new = chronicle.is_new
    chronicle.play(exchange, spot)
    if is_new:
        exchange.deposit("me", 10_000 * E8)
    SpotHall(spot, {"k": Key("s", "me")}, {"USDT": 1_000_000 * E8, "BTC": 10 * E8})
    return spot


def trade(spot: SpotExchange, rounds: int) -> None:
    """Buy, rest, wait, list, amend and cancel, on both floors, with the market moving in between."""
    listing = spot.by_id["BTCUSDT"]

    def leg(side: int, kind: str, **given: str) -> PlaceSpot:
        timed = {"time_in_force": "GTC"} if kind == "LIMIT" else {}
        return PlaceSpot(**({"symbol": "BTCUSDT", "side": side, "type": kind, "quantity": "0.01"} | timed | given))  # type: ignore[arg-type]

    for number in range(rounds):
        last = spot.market.last_ticks("BTCUSDT")
        low, high = (listing.price_text(last + by) for by in (-300, 300))
        spot.place("me", leg(1, "MARKET"))
        spot.market.place("me", PlaceOrder(symbol="BTCUSDT", side=1, type="MARKET", quantity="0.01"))
        resting = spot.place("me", leg(1, "LIMIT", price=low))
        spot.place_list("me", "OCO", "", leg(-1, "LIMIT_MAKER", price=high), leg(-1, "STOP_LOSS", stop_price=low))
        spot.place_list("me", "OTO", "", leg(1, "LIMIT", price=low), leg(-1, "MARKET"))
        for _ in range(3):
            spot.market.advance()
        if isinstance(resting, SpotOrder) and number % 2:
            spot.amend("me", resting.order_id, "BTCUSDT", "0.006", "")
        elif open_orders := spot.open_orders("me"):
            spot.cancel("me", "BTCUSDT", open_orders[0].order_id)
        spot.order("nobody", "BTCUSDT", 1)


def everything(spot: SpotExchange) -> list[object]:
    """Return all that a client can see of the books."""
    return [
        spot.balances("me"),
        spot.all_orders("me", "BTCUSDT"),
        spot.open_orders("me"),
        spot.fills("me", "BTCUSDT"),
        spot.lists("me"),
        spot.vault.deposited,
        spot.market.account("me").wallet,
    ]


def test_a_resumed_spot_exchange_is_the_one_that_was_left(tmp_path: Path) -> None:
    """Orders, lists, fills, ids and balances are equal, deposits are not made twice, and it stays so afterwards."""
    left = kept(tmp_path)
    trade(left, 12)
    resumed = kept(tmp_path)
    assert everything(resumed) == everything(left)
    left.market.chronicle = None
    left.drain()
    for each in (left, resumed):
        trade(each, 4)
    assert everything(resumed) == everything(left)
    numbers = [[one.number for one in each.drain() if isinstance(one, Execution)] for each in (left, resumed)]
    assert numbers[0] == numbers[1]
    assert numbers[0][0] > 1


def test_whatever_changes_a_spot_exchange_is_recorded() -> None:
    """A public method is recorded, or stands in the list of those that change nothing but with the market."""
    methods = {name: one for name, one in vars(SpotExchange).items() if callable(one) and not name.startswith("_")}
    assert {name for name, one in methods.items() if not hasattr(one, "is_recorded")} == READS


@pytest.mark.stress
def test_a_killed_process_loses_no_spot_order_that_it_told(tmp_path: Path) -> None:
    """SIGKILL at an arbitrary moment, twice: every order it told of is there, and every unit of every asset."""
    program = (
        "import importlib.util; from pathlib import Path\n"
        f"spec = importlib.util.spec_from_file_location('spot_trader', {__file__!r})\n"
        "stage = importlib.util.module_from_spec(spec); spec.loader.exec_module(stage)\n"
        f"spot = stage.kept(Path({str(tmp_path)!r}))\n"
        "while True:\n"
        "    stage.trade(spot, 1)\n"
        "    print(spot.all_orders('me', 'BTCUSDT')[-1].order_id, len(spot.fills('me', 'BTCUSDT')), flush=True)\n"
    )
    root = Path(__file__).resolve().parents[5]
    for lines in (3, 8):
        with subprocess.Popen(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root)},
        ) as process:
            assert process.stdout is not None
            told = [process.stdout.readline().split() for _ in range(lines)]
            process.send_signal(signal.SIGKILL)
        order_id, fills = (int(word) for word in told[-1])
        spot = kept(tmp_path)
        assert isinstance(spot.order("me", "BTCUSDT", order_id), SpotOrder)
        assert len(spot.fills("me", "BTCUSDT")) >= fills
        assert spot.vault.total("BTC") == spot.vault.deposited["BTC"] == 10 * E8
        assert spot.market.chronicle is not None
        spot.market.chronicle.close()
