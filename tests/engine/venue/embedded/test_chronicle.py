"""An exchange that was killed is played again from its chronicle."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import FunctionType

import pytest

from engine.venue.embedded.chronicle import Chronicle, ChronicleError
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.orders import Order, PlaceOrder
from engine.venue.embedded.synthetic import SyntheticMarket

FIRST_NS = 1_700_000_040 * 10**9
MONEY = 10_000 * 10**8
READS = {
    "objection",
    "account",
    "advance",
    "algo_order",
    "all_algo_orders",
    "all_orders",
    "book_ticker",
    "cancel_all",
    "cancel_all_algo",
    "character",
    "depth",
    "drain",
    "forming",
    "funding_rates",
    "grid",
    "is_hedged",
    "is_isolated",
    "klines",
    "last_ticks",
    "leverage",
    "mark_ticks",
    "marks",
    "open_algo_orders",
    "open_orders",
    "order",
    "pit",
    "payments",
    "recent_trades",
    "user_trades",
}


def kept(folder: Path, seed: int = 5, points: int = 2) -> Exchange:
    """Return the exchange of ``folder``, begun or resumed."""
    exchange = Exchange(SyntheticMarket(seed, FIRST_NS), Settings(points_per_candle=points))
    chronicle = Chronicle(folder, exchange.character(seed))
    is_new = chronicle.is_new
    chronicle.play(exchange)
    if is_new:
        exchange.deposit("me", MONEY)
    return exchange


def trade(exchange: Exchange, rounds: int) -> None:
    """Buy, protect, rest a limit, cancel some, with the market moving in between."""
    contract = exchange.by_id["BTCUSDT"]
    for number in range(rounds):
        last = exchange.last_ticks("BTCUSDT")
        exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=1 - number % 2 * 2, type="MARKET", quantity="0.01"))
        below = contract.price_text(last - 40)
        exchange.place(
            "me",
            PlaceOrder(symbol="BTCUSDT", side=-1, type="STOP_MARKET", trigger_price=below, quantity="0.004"),
        )
        resting = PlaceOrder(
            symbol="BTCUSDT", side=1, type="LIMIT", price=below, quantity="0.02", client_id=f"r{number}"
        )
        exchange.place("me", resting)
        for _ in range(3):
            exchange.advance()
        if number % 3 == 0:
            exchange.cancel("me", "BTCUSDT", client_id=f"r{number}")
            exchange.set_leverage("me", "ETHUSDT", 3 + number % 7)


def everything(exchange: Exchange) -> list[object]:
    """Return all that a client can see of the books and of the market."""
    return [
        asdict(exchange.account("me")),
        exchange.all_orders("me", "BTCUSDT", limit=10**6),
        exchange.all_algo_orders("me", "BTCUSDT", limit=10**6),
        exchange.user_trades("me", "BTCUSDT", limit=10**6),
        exchange.open_orders("me"),
        exchange.open_algo_orders("me"),
        exchange.leverage("me", "ETHUSDT"),
        (exchange.now_ns, exchange.closes_in, exchange.grid(), exchange.book_ticker("BTCUSDT")),
        exchange.klines("ETHUSDT", "1m", None, None, 50).tolist(),
        exchange.recent_trades("BTCUSDT", 20),
    ]


def test_a_resumed_exchange_is_the_one_that_was_left(tmp_path: Path) -> None:
    """Orders, ids, fills, money, the half-played minute and the tape are equal, and stay equal afterwards."""
    left = kept(tmp_path)
    trade(left, 15)
    resumed = kept(tmp_path)
    assert everything(resumed) == everything(left)
    left.chronicle = None
    trade(left, 5)
    trade(resumed, 5)
    assert everything(resumed) == everything(left)


def test_a_command_cut_off_in_its_line_was_never_done(tmp_path: Path) -> None:
    """Half a line at the end is taken off, and the next command is whole."""
    trade(kept(tmp_path), 3)
    with (tmp_path / "commands.jsonl").open("ab") as file:
        file.write(b'[9,"deposit",["me",10')
    resumed = kept(tmp_path)
    assert resumed.account("me").deposit == MONEY
    resumed.deposit("me", 1)
    assert kept(tmp_path).account("me").deposit == MONEY + 1


def test_another_market_is_refused(tmp_path: Path) -> None:
    """One clear line instead of other people's orders in other people's prices."""
    kept(tmp_path, seed=5)
    with pytest.raises(ChronicleError, match="belongs to another market"):
        kept(tmp_path, seed=6)


def test_whatever_changes_an_exchange_is_recorded() -> None:
    """A public method is recorded, or stands in the list of those that change nothing."""
    own = [(name, one) for each in Exchange.__mro__[:-1] for name, one in vars(each).items()]
    methods = {name: one for name, one in own if isinstance(one, FunctionType) and not name.startswith("_")}
    assert {name for name, one in methods.items() if not hasattr(one, "is_recorded")} == READS


@pytest.fixture
def trader(tmp_path: Path) -> Callable[[], "subprocess.Popen[str]"]:
    """Return what starts a process that trades until it is killed, telling each order as it is answered."""
    program = (
        "import sys, importlib.util; from pathlib import Path\n"
        f"spec = importlib.util.spec_from_file_location('chronicle_trader', {__file__!r})\n"
        "stage = importlib.util.module_from_spec(spec); spec.loader.exec_module(stage)\n"
        f"exchange = stage.kept(Path({str(tmp_path)!r}))\n"
        "while True:\n"
        "    stage.trade(exchange, 1)\n"
        "    newest = exchange.all_orders('me', 'BTCUSDT', limit=1)[0]\n"
        "    trades = len(exchange.user_trades('me', 'BTCUSDT', limit=10**6))\n"
        "    print(newest.order_id, exchange.advances, trades, flush=True)\n"
    )
    root = Path(__file__).resolve().parents[4]
    return lambda: subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    )


@pytest.mark.stress
def test_a_killed_process_loses_nothing_that_it_told(
    tmp_path: Path, trader: Callable[[], "subprocess.Popen[str]"]
) -> None:
    """SIGKILL at an arbitrary moment, three times: every order it told of is there, and money is conserved."""
    for lines in (3, 11, 6):
        with trader() as process:
            assert process.stdout is not None
            told = [process.stdout.readline().split() for _ in range(lines)]
            process.send_signal(signal.SIGKILL)
        order_id, advances, fills = (int(word) for word in told[-1])
        resumed = kept(tmp_path)
        assert isinstance(resumed.order("me", "BTCUSDT", order_id), Order)
        assert resumed.advances >= advances
        trades = resumed.user_trades("me", "BTCUSDT", limit=10**6)
        assert len(trades) >= fills
        state = resumed.account("me")
        assert state.wallet == MONEY + sum(one.realised - one.fee for one in trades)
        assert resumed.chronicle is not None
        resumed.chronicle.close()
