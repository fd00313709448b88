"""Live: who may start it, with what, and at which level."""

import argparse
from pathlib import Path

import pytest

from engine.venue.live import WIRES
from feed.source import DIALECTS
from orchestrator import killswitch, live
from orchestrator.examination import Examined
from orchestrator.keys import Keys
from orchestrator.screen import Screen
from orchestrator.settings import BadInputError
from shm.memory import Memory
from shm.records import Kill
from tests.orchestrator.sessions import session_in

KEYS = Keys(key="k" * 20, secret="s" * 20)


def typed(**more: object) -> argparse.Namespace:
    """What was typed."""
    plain = {"market": None, "faults": None, "seed": None, "speed": None, "config": None, "set": []}
    return argparse.Namespace(**plain | {"symbols": None, "strategy": None} | more)


def test_the_profile_is_small_on_purpose():
    """A thousand of capital, five hundred a position, leverage five."""
    settings = live.assembled(typed(), is_real=True)
    assert (int(settings.engine.sizing.capital), int(settings.engine.risk.position_notional_max)) == (1000, 500)
    assert settings.engine.risk.leverage_max == 5
    assert settings.market.speed == "1"


@pytest.mark.parametrize("what", [{"market": ["synthetic"]}, {"seed": 0}, {"speed": "60"}, {"faults": Path("f")}])
def test_what_only_play_money_has_is_refused(what: dict[str, object]):
    """A real market is not made up, nor made faster."""
    with pytest.raises(BadInputError, match="--live"):
        live.assembled(typed(**what), is_real=True)


def test_no_horizon_that_takes_silence_for_proof_meets_real_money():
    """Ours is 40 s; less is refused by name, but for a stand-in, which answers at once."""
    short = typed(set=["engine.executor.unknown_horizon_ms=2000"])
    with pytest.raises(BadInputError, match=r"unknown_horizon_ms 2000.*40000 or more"):
        live.assembled(short, is_real=True)
    assert live.assembled(short, is_real=False).engine.executor.unknown_horizon_ms == 2000


def test_names_of_exchanges():
    """The alias, and the ones that orders cannot be trusted to yet."""
    assert live.exchange_named("binance") == "binanceusdm"
    assert live.exchange_named("bybit") == "bybit"
    with pytest.raises(BadInputError, match="no closed candles"):
        live.exchange_named("kraken")


def test_a_timer_that_an_exchange_has_not_is_off():
    """Nobody is told again and again that it could not be set; where there is one, it stays."""
    settings = live.assembled(typed(), is_real=True)
    assert live.suited(settings, "binanceusdm").engine.executor.dead_man_ms == 60_000
    assert live.suited(settings, "bybit").engine.executor.dead_man_ms == 0


def test_a_universe_is_read_on_one_exchange_alone():
    """Elsewhere the symbols have to be named; nothing of Binance's is asked for a session on another exchange."""
    settings = live.assembled(typed(set=["engine.risk.basis_ppm_max=1000"]), is_real=True)
    assert live.suited(settings, "binanceusdm") == settings
    with pytest.raises(BadInputError, match="name the symbols"):
        live.suited(settings, "bybit")


def test_every_exchange_that_is_traded_on_has_a_wire_and_a_dialect():
    """And one that is refused says why."""
    for name, refusal in live.EXCHANGES.items():
        assert bool(refusal) is (name not in WIRES or name not in DIALECTS)


def test_the_address_book_of_tests_must_be_whole(tmp_path: Path):
    """A port and the certificate to trust; nothing set, nothing changed."""
    assert live.loopback_of({}) == (0, "")
    certificate = tmp_path / "cert.pem"
    certificate.touch()
    assert live.loopback_of({live.LOOPBACK: f"12:{certificate}"}) == (12, str(certificate))
    with pytest.raises(BadInputError, match="expected PORT:CERTIFICATE"):
        live.loopback_of({live.LOOPBACK: "12"})


def test_a_person_types_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Anything else, or no terminal, sends nothing; the key is shown by its ends alone."""
    session, found = session_in(tmp_path), Examined(is_fit=True)
    with pytest.raises(BadInputError, match="without a terminal give --yes"):
        live.confirm(session, KEYS, found, asks=True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    with pytest.raises(BadInputError, match="not confirmed"):
        live.confirm(session, KEYS, found, asks=True)
    monkeypatch.setattr("builtins.input", lambda _: "binanceusdm")
    live.confirm(session, KEYS, found, asks=True)
    assert KEYS.key not in capsys.readouterr().out
    live.confirm(session, KEYS, found, asks=False)


@pytest.mark.parametrize(
    ("lies", "observes", "level"),
    [(Kill.NORMAL, False, Kill.NORMAL), (Kill.EXITS_ONLY, False, Kill.EXITS_ONLY), (Kill.NORMAL, True, Kill.HALT)],
)
def test_a_session_starts_at_the_level_that_lies_there(
    memory: Memory, tmp_path: Path, lies: Kill, observes: bool, level: Kill
):
    """Positions want an engine; who only observes sends nothing at all."""
    killswitch.write(tmp_path, lies)
    live.begin_at(memory, tmp_path, Screen(), observes=observes)
    assert memory.words.kill_level() is level
