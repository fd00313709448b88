"""A child's way in: it waits for those it needs, and stops waiting when told."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.policy import MIRROR_NEEDS, NEEDS
from orchestrator.process import ENTRIES, MODULES, await_needs, bells
from orchestrator.session import ROOT
from shm.agent import Body, Pulse, Stopping
from shm.log import log
from shm.memory import Memory
from shm.records import Life


def body_of(role: str, folder: Path) -> Body:
    """Return the body of ``role`` in run ``test``."""
    memory = Memory.attach("test", role)
    return Body(memory, Pulse(memory), log(role, folder / "log.jsonl"), Stopping())


def test_every_role_has_an_entry():
    """Whoever is in the order of starting can be started."""
    assert ENTRIES.keys() == NEEDS.keys()


def test_bells_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    """Names and numbers of eventfds; none is none."""
    monkeypatch.setenv("RINGMASTER_BELLS", "feed=7,engine=8")
    assert bells() == {"feed": 7, "engine": 8}
    monkeypatch.delenv("RINGMASTER_BELLS")
    assert bells() == {}


def test_the_feed_waits_for_the_exchange(memory: Memory, tmp_path: Path):
    """Ready at once when the exchange is ready; not at all once told to stop; the brain waits for nobody."""
    assert memory.role == "supervisor"
    feed = body_of("feed", tmp_path)
    feed.stopping.tell()
    assert not await_needs(feed, "feed", {})
    fresh = Body(feed.memory, feed.pulse, feed.log, Stopping())
    assert await_needs(fresh, "feed", {"exchange": Life.READY}), "a real exchange is there without us"
    exchange = body_of("exchange", tmp_path)
    exchange.pulse.tell(life=Life.READY)
    assert await_needs(fresh, "feed", {})
    assert await_needs(body_of("brain", tmp_path), "brain", {})


def test_a_mirroring_exchange_waits_for_the_feed(memory: Memory, tmp_path: Path):
    """What the feed hears is its market."""
    assert memory.role == "supervisor"
    exchange, feed = body_of("exchange", tmp_path), body_of("feed", tmp_path)
    exchange.stopping.tell()
    assert not await_needs(exchange, "exchange", {}, MIRROR_NEEDS)
    feed.pulse.tell(life=Life.READY)
    fresh = Body(exchange.memory, exchange.pulse, exchange.log, Stopping())
    assert await_needs(fresh, "exchange", {}, MIRROR_NEEDS)


def test_a_real_exchange_is_there_without_us(memory: Memory, tmp_path: Path):
    """Nobody of ours plays it, so nobody's pulse is waited for."""
    assert memory.role == "supervisor"
    assert await_needs(body_of("engine", tmp_path), "engine", {"exchange": Life.READY})


def test_every_role_imports_before_it_waits():
    """What a role is made of is listed, importable, and free of ccxt where nobody talks to an exchange."""
    assert MODULES.keys() == ENTRIES.keys()
    program = (
        "import importlib, sys; from orchestrator.process import MODULES;"
        "[importlib.import_module(name) for role in ('exchange', 'brain', 'recorder') for name in MODULES[role]];"
        "sys.exit('ccxt' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


WAITING = """
import os, select, socket, sys
from orchestrator import process
near, far = socket.socketpair()
if os.fork() == 0:
    near.close()
    is_cued = process.await_cue("engine", "binanceusdm", far.detach())
    print(is_cued, "ccxt.pro.binanceusdm" in sys.modules, "uvloop" in sys.modules, process.COMM.read_text().strip())
    os._exit(0)
far.close()
if sys.argv[1] == "early cue":
    near.send(b"\\n")
elif sys.argv[1] == "hang up unread":
    select.select([near], [], [])
else:
    assert near.recv(1) == b"\\n"
if sys.argv[1] == "cue":
    near.send(b"\\n")
near.close()
os.wait()
"""


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("cue", "True True True engine"),
        ("early cue", "True True True engine"),
        ("hang up", "False True True engine"),
        ("hang up unread", "False True True engine"),
    ],
)
def test_a_standby_has_loaded_the_exchange_too_before_it_says_so(end: str, words: str):
    """A byte back is its cue, even one that came while it loaded; a line that ends without one is none."""
    told = subprocess.run(
        [sys.executable, "-c", WAITING, end], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert told.stdout.strip() == words
