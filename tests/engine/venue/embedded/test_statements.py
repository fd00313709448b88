"""The shape of our statements against that of documented ones, and their arithmetic."""

import json
from decimal import Decimal

import pytest

from engine.venue.embedded.orders import BUY, SELL, PlaceOrder
from engine.venue.embedded.parameters import Parameters
from engine.venue.embedded.trading import Trading
from tests.recordings import DATA

DOCUMENTED = DATA / "account_events" / "nautilus" / "rs_binance" / "futures" / "http_json"


@pytest.fixture
def held(make_exchange):
    """An exchange where the account is long, with a bid and a stop resting."""
    exchange = make_exchange()
    exchange.advance()
    for request in (
        PlaceOrder(symbol="BTCUSDT", side=BUY, type="MARKET", quantity="0.01"),
        PlaceOrder(symbol="BTCUSDT", side=BUY, type="LIMIT", quantity="0.01", price="29000"),
        PlaceOrder(symbol="BTCUSDT", side=SELL, type="STOP_MARKET", quantity="0.01", trigger_price="25000"),
    ):
        exchange.place("paper", request)
    return exchange


@pytest.mark.parametrize(
    ("name", "ask", "renamed"),
    [
        ("order_response", lambda trading, p: trading.open_orders("paper", p)[0], set()),
        ("open_algo_orders", lambda trading, p: trading.open_algo_orders("paper", p), {"type"}),
        ("balance", lambda trading, p: trading.balance("paper", p), set()),
        ("position_risk", lambda trading, p: trading.positions_held("paper", p), set()),
        ("account_info_v2", lambda trading, p: trading.account("paper", p), set()),
    ],
)
def test_statements_have_the_documented_fields(held, name, ask, renamed):
    """
    Every documented field is there with its type; ``type`` of an algo order is ``orderType`` since.
    """
    path = DOCUMENTED / f"{name}.json"
    if not path.exists():
        pytest.skip(f"no documented statements: {path} (set RINGMASTER_DATA)")
    documented, ours = json.loads(path.read_bytes()), ask(Trading(held), Parameters({}, held))
    if isinstance(documented, list):
        documented, ours = documented[0], ours[0]
    for field in documented.keys() - renamed:
        assert type(ours[field]) is type(documented[field]), field
        if isinstance(documented[field], list):
            assert documented[field][0].keys() <= ours[field][0].keys()


def test_an_account_adds_up(held):
    """
    Wallet and profit make the margin balance; income adds up to the wallet's change.
    """
    trading, nothing = Trading(held), Parameters({}, held)
    whole = trading.account("paper", nothing)
    wallet, profit = Decimal(whole["totalWalletBalance"]), Decimal(whole["totalUnrealizedProfit"])
    assert Decimal(whole["totalMarginBalance"]) == wallet + profit
    income = sum(Decimal(row["income"]) for row in trading.income("paper", nothing))
    assert wallet == income  # the deposit is a transfer
    assert [row["symbol"] for row in trading.account_held("paper", nothing)["positions"]] == ["BTCUSDT"]


def test_pages_of_trades(held):
    """
    fromId walks forward from an id; without it the newest come, oldest first.
    """
    trading = Trading(held)
    for _ in range(4):
        held.place("paper", PlaceOrder(symbol="BTCUSDT", side=BUY, type="MARKET", quantity="0.01"))

    def ids(**given: str) -> list[int]:
        rows = trading.user_trades("paper", Parameters({"symbol": "BTCUSDT"} | given, held))
        return [row["id"] for row in rows]

    everything = ids()
    assert len(everything) == 5
    assert ids(limit="2") == everything[-2:]
    assert ids(fromId=str(everything[1]), limit="2") == everything[1:3]
    assert ids(startTime=str(held.now_ns // 10**6)) == everything
    assert ids(startTime=str(held.now_ns // 10**6 + 1)) == []
    assert ids(endTime=str(held.now_ns // 10**6 - 1)) == []
