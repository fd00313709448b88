"""The doctor at an exchange: what is wrong is found before anything is sent."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.events import Crossed, Filled, Listed, Opened, Started
from engine.journal import Journal
from engine.venue.base import Permissions
from engine.venue.embedded import directory
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.orders import BUY, MARKET, PlaceOrder
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from engine.venue.embedded.signing import Key, fresh_key
from engine.venue.live import LiveVenue
from orchestrator import settings as settings_of
from orchestrator.examination import Examined, Patient, examine, permitted
from orchestrator.keys import Keys
from orchestrator.settings import BadInputError
from tests.engine.venue.bybit_door import KEY, SECRET, Door, now_ms
from tests.engine.venue.bybit_floor import Floor
from tests.engine.venue.embedded.conftest import WaveMarket
from tests.orchestrator.sessions import session_in

DEPOSIT = 5_000 * 10**8


class Practice:
    """An exchange with one account, and who looks at it."""

    def __init__(self, folder: Path) -> None:
        key, secret = fresh_key()
        self.folder, self.keys = folder, Keys(key=key, secret=secret)
        self.exchange = Exchange(WaveMarket(), Settings())
        self.exchange.deposit("paper", DEPOSIT)
        self.server = Server(self.exchange, Plan(keys={key: Key(secret, "paper")}, speed=Speed.parse("step")))
        self.shown: dict[str, tuple[bool, str]] = {}
        self.sets = ["engine.risk.leverage_max=20"]

    async def examine(self, **changes: Any) -> Examined:
        """Look."""
        certificate = self.folder / "cert.pem"
        certificate.write_text(self.server.certificate.pem)
        session = replace(
            session_in(self.folder),
            mode="live",
            loopback=str(certificate),
            port=self.port,
            settings=settings_of.assemble("live", None, self.sets, {}),
            **{"venue": "binanceusdm"} | changes,
        )
        return await examine(Patient(session, self.keys, Random(1)), self.show)

    def show(self, what: str, text: str, *, passed: bool = True) -> None:
        """Remember."""
        self.shown[what] = (passed, text)


@pytest.fixture
async def practice(tmp_path: Path) -> AsyncIterator[Practice]:
    """An exchange that listens."""
    made = Practice(tmp_path)
    made.port = (await made.server.start()).tls
    made.server.pace.step(1)
    yield made
    await made.server.close()


async def test_a_sound_account_passes_and_gives_its_rules(practice: Practice):
    """Instruments by the exchange's own filters, and the cash that it begins with."""
    found = await practice.examine()
    assert found.is_fit
    assert [one.symbol for one in found.instruments] == ["BTC/USDT:USDT"]
    assert (found.instruments[0].venue, found.wallet) == ("binanceusdm", DEPOSIT)
    assert practice.shown["account"] == (True, "no position; 0 orders rest")


async def test_keys_that_may_withdraw_are_refused(practice: Practice, monkeypatch: pytest.MonkeyPatch):
    """Whatever else is well."""
    monkeypatch.setitem(directory.KEY_RESTRICTIONS, "enableWithdrawals", True)
    assert not (await practice.examine()).is_fit
    assert practice.shown["keys"] == (False, "these keys may WITHDRAW: make keys that cannot, and delete these")


async def test_leverage_above_the_settings_is_refused_by_name(practice: Practice):
    """The live profile allows five, the account is set to twenty."""
    practice.sets = []
    assert not (await practice.examine()).is_fit
    assert "leverage of BTC/USDT:USDT is 20" in practice.shown["modes"][1]


async def test_capital_that_is_not_there_is_refused(practice: Practice):
    """Sizing would be of money that nobody has."""
    practice.sets += ["engine.sizing.capital=6000"]
    assert not (await practice.examine()).is_fit
    assert "asks for 6000" in practice.shown["capital"][1]


async def test_wrong_keys_are_a_finding(practice: Practice):
    """In the exchange's own words."""
    practice.keys = Keys(key="x" * 64, secret="y" * 64)
    assert not (await practice.examine()).is_fit
    assert practice.shown["exchange"][0] or "key" in practice.shown["exchange"][1].lower()


async def test_a_symbol_that_is_not_listed_is_bad_input(practice: Practice):
    """One line with the symbol."""
    practice.sets += ['market.symbols=["DOGE/USDT:USDT"]']
    with pytest.raises(BadInputError, match="DOGE"):
        await practice.examine()


async def test_what_an_earlier_session_left_on_other_symbols_is_not_left_alone(practice: Practice):
    """A position whose symbol is not named would have nobody to move its stop: refused, and named."""
    account = session_in(practice.folder).account_path
    account = account.with_name("binanceusdm-main")
    journal = Journal(account, time.monotonic_ns)
    await journal.append(
        [
            Started(run="r", account="main", venue="binanceusdm", wall_ns=0),
            Listed(instrument="ETH/USDT:USDT", venue="binanceusdm", tick_e8=10**6, lot_e8=10**5, unit=1_000),
            Opened(
                account="main", venue="binanceusdm", instrument="ETH/USDT:USDT", lots=3, price_ticks=9,
                trade_id_next=1, market_ns=0,
            ),
        ]
    )  # fmt: skip
    journal.close()
    assert not (await practice.examine()).is_fit
    assert practice.shown["journal"] == (
        False,
        "ours: ETH/USDT:USDT; this session would not look after it: name it in --symbols and --strategy",
    )


async def test_what_a_strategy_that_is_not_there_holds_is_not_left_alone(practice: Practice):
    """Its stop rests, but nobody would ever decide to leave: refused, and named."""
    account = session_in(practice.folder).account_path.with_name("binanceusdm-main")
    journal, symbol = Journal(account, time.monotonic_ns), "BTC/USDT:USDT"
    held = {"account": "main", "venue": "binanceusdm", "instrument": symbol, "market_ns": 0}
    await journal.append(
        [
            Started(run="r", account="main", venue="binanceusdm", wall_ns=0),
            Listed(instrument=symbol, venue="binanceusdm", tick_e8=10**7, lot_e8=10**5, unit=10_000),
            Opened(**held, lots=3, price_ticks=9, trade_id_next=1),
            Crossed(**held, cross_id=1, buyer="gone", seller="external", lots=3, price_ticks=9),
        ]
    )
    journal.close()
    assert not (await practice.examine()).is_fit
    assert practice.shown["journal"][1].startswith("ours: BTC/USDT:USDT of gone;")


@pytest.mark.parametrize(("number", "is_fit"), [(1, True), (99, False)])
async def test_a_journal_of_another_account_is_not_gone_on_with(practice: Practice, number: int, is_fit: bool):
    """Its last trade is not on this account's list: the keys are another account's, and it would be traded on."""
    order = PlaceOrder(symbol="BTCUSDT", side=BUY, type=MARKET, quantity="0.010")
    practice.exchange.place("paper", order)
    (trade,) = practice.exchange.user_trades("paper", "BTCUSDT", 0, 10)
    journal = Journal(session_in(practice.folder).account_path.with_name("binanceusdm-main"), time.monotonic_ns)
    symbol, sides = "BTC/USDT:USDT", (1, -1)
    await journal.append(
        [
            Started(run="r", account="main", venue="binanceusdm", wall_ns=0),
            Listed(instrument=symbol, venue="binanceusdm", tick_e8=10**7, lot_e8=10**5, unit=10_000),
            *[
                Filled(
                    account="main", venue="binanceusdm", instrument=symbol,
                    trade_id=trade.trade_id + number - 1 - (side > 0),
                    intent_id=0, venue_order_id="w", side=side, lots=2, price_ticks=9, fee=0, is_maker=False,
                    market_ns=0, wall_ns=time.time_ns(),
                )
                for side in sides
            ],
        ]
    )  # fmt: skip
    journal.close()
    found = await practice.examine()
    assert found.is_fit is is_fit
    assert ("owner" in practice.shown) is not is_fit


async def test_a_lot_that_changed_under_a_position_is_named(practice: Practice):
    """The engine could not open such books: a line before the start, and not seven crashes after it."""
    journal = Journal(session_in(practice.folder).account_path.with_name("binanceusdm-main"), time.monotonic_ns)
    symbol = "BTC/USDT:USDT"
    held = {"account": "main", "venue": "binanceusdm", "instrument": symbol, "market_ns": 0}
    await journal.append(
        [
            Started(run="r", account="main", venue="binanceusdm", wall_ns=0),
            Listed(instrument=symbol, venue="binanceusdm", tick_e8=10**7, lot_e8=10**6, unit=100_000),
            Opened(**held, lots=3, price_ticks=9, trade_id_next=1),
        ]
    )
    journal.close()
    assert not (await practice.examine()).is_fit
    assert practice.shown["lots"][1].startswith(f"the lot of {symbol} has changed")


async def test_the_capital_of_each_strategy_is_asked_for(practice: Practice):
    """What one strategy is given by name counts like what all are given."""
    practice.sets += ["engine.sizing.capitals.trend=6000"]
    assert not (await practice.examine()).is_fit
    assert "asks for 6000" in practice.shown["capital"][1]


async def test_fees_in_the_exchanges_own_coin_are_refused(practice: Practice, monkeypatch: pytest.MonkeyPatch):
    """Our books would call a trade's profit what its fees have eaten; who only observes is told."""
    real = LiveVenue.permissions

    async def burning(venue: LiveVenue) -> Any:
        return replace(await real(venue), burns_coin=True)

    monkeypatch.setattr(LiveVenue, "permissions", burning)
    assert not (await practice.examine()).is_fit
    assert "BNB" in practice.shown["fees"][1]
    assert (await practice.examine(observes=True)).is_fit


class Abroad(Practice):
    """The same at a Bybit of our own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.keys = folder, Keys(key=KEY, secret=SECRET)
        self.floor = Floor(now_ms)
        self.server: Any = Door(self.floor)
        self.shown, self.sets = {}, []


@pytest.fixture
async def abroad(tmp_path: Path) -> AsyncIterator[Abroad]:
    """A Bybit that listens."""
    made = Abroad(tmp_path)
    made.port = await made.server.open()
    yield made
    await made.server.close()


async def test_a_sound_account_at_bybit_passes(abroad: Abroad):
    """Keys by its own account of them, modes, cash; what its stream may lose and what it does not tell is said."""
    found = await abroad.examine(exchange="bybit", venue="bybit")
    assert found.is_fit, abroad.shown
    assert [(one.symbol, one.venue) for one in found.instruments] == [("BTC/USDT:USDT", "bybit")]
    assert abroad.shown["keys"] == (True, "cannot withdraw, bound to an address, they end in 80 days")
    assert "between two connections" in abroad.shown["stream"][1]
    assert "leverage" in abroad.shown["not told"][1]


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        ({"hedged": True}, "modes", "position mode is hedge"),
        ({"margin_mode": "PORTFOLIO_MARGIN"}, "modes", "margin type of BTC/USDT:USDT is portfolio"),
        ({"leverage": {"BTCUSDT": "50"}}, "modes", "leverage of BTC/USDT:USDT is 50"),
        (
            {"others": [{"coin": "ETH", "equity": "1", "walletBalance": "1", "collateralSwitch": True}]},
            "modes",
            "margin mode is multi-asset",
        ),
        ({"cash": Decimal(10)}, "capital", "the wallet holds 10"),
    ],
)
async def test_what_is_wrong_at_bybit_is_found(abroad: Abroad, change: dict[str, Any], line: str, words: str):
    """By name, before anything is sent."""
    for name, value in change.items():
        setattr(abroad.floor, name, value)
    assert not (await abroad.examine(exchange="bybit", venue="bybit")).is_fit
    assert words in abroad.shown[line][1]
    assert abroad.floor.orders == {}


async def test_keys_of_bybit_that_may_withdraw_are_refused(abroad: Abroad):
    """It tells, so it is asked."""
    abroad.server.permissions["Wallet"].append("Withdraw")
    assert not (await abroad.examine(exchange="bybit", venue="bybit")).is_fit
    assert "WITHDRAW" in abroad.shown["keys"][1]


def test_what_an_exchange_does_not_say_of_keys_is_said_to_be_unsaid():
    """Silence is no promise."""
    may = Permissions(may_trade=True, may_withdraw=None, is_bound_to_address=None)
    _, passed, words = permitted(may, observes=False)
    assert passed
    assert "NOT TOLD" in words
