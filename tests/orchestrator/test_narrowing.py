"""Of ccxt only what is asked for is loaded, and it is what the whole of it would give."""

import subprocess
import sys

import ccxt.pro

from orchestrator.narrowing import narrow
from orchestrator.session import ROOT

NARROW = "import sys\nfrom orchestrator.narrowing import narrow\nnarrow()\nimport ccxt.pro\n"
COUNT = "len([name for name in sys.modules if name.startswith('ccxt.')])"


def told(code: str) -> str:
    """What a fresh process prints."""
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    return run.stdout.strip()


def test_one_exchange_is_loaded_and_not_a_hundred():
    """Our venue and our source make a client of Binance USDT-M with fewer than 40 of ccxt's 400 modules."""
    code = f"{NARROW}import engine.venue.live, feed.source\nprint(ccxt.pro.binanceusdm().id, {COUNT})"
    name, count = told(code).split()
    assert name == "binanceusdm"
    assert int(count) < 40


def test_an_exchange_is_fetched_before_it_is_asked_for():
    """One of ccxt's, with what it needs."""
    code = f"{NARROW}from orchestrator.narrowing import fetch\nfetch('bybit')\n"
    assert told(f"{code}print('ccxt.pro.bybit' in sys.modules, {COUNT} < 40)") == "True True"


def test_what_is_loaded_is_what_the_whole_package_has():
    """Errors, constants, base classes, other exchanges, their families and the version are the very same things."""
    names = ("BaseError", "NetworkError", "TICK_SIZE", "Exchange", "Precise", "binance", "pro.bybit", "pro.Exchange")
    names += ("pro.binance.__mro__", "async_support.krakenfutures", "async_support.Exchange", "pro.RequestTimeout")
    asked = "; ".join(f"print(ccxt.{name})" for name in names)
    assert told(f"{NARROW}import ccxt.async_support; {asked}") == told(f"import ccxt.pro, ccxt.async_support; {asked}")


def test_what_only_the_whole_package_knows_loads_the_whole_package():
    """The list of all exchanges is there, and the clients of before are still its own."""
    code = f"{NARROW}early = ccxt.kraken\nprint(len(ccxt.exchanges) > 100, early is ccxt.kraken, type(ccxt).__name__)"
    assert told(code) == "True True module"


def test_a_name_that_nobody_has_is_refused_as_ever():
    """AttributeError names the package and the name."""
    code = f"{NARROW}try:\n    ccxt.pro.nosuch\nexcept AttributeError as error:\n    print(error)"
    assert told(code) == "module 'ccxt.pro' has no attribute 'nosuch'"


def test_a_process_that_has_it_all_keeps_it_all():
    """Here ccxt may be loaded whole: nothing is taken away."""
    narrow()
    assert sys.modules["ccxt.pro"] is ccxt.pro
