"""A paper session on another exchange's public market: a second embedded exchange, reached by its real host names."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.tape import read_folder
from shm.records import DECISION, MARKET
from tests.system import stage

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


class Real:
    """What plays the real exchange: it knows nothing of sessions, and nobody of it has keys."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "cert.pem"
        words = ["exchange", "--port", "0", "--speed", "60", "--seed", "3", "--certificate", str(self.certificate)]
        self.process = subprocess.Popen(
            [sys.executable, str(stage.ROOT / "run.py"), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        line = next(line for line in self.process.stdout if "https://127.0.0.1:" in line)
        self.port = int(line.split("https://127.0.0.1:")[1].split()[0])
        self._reading = threading.Thread(target=self.process.stdout.read)
        self._reading.start()

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(timeout=20)
        self._reading.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    """One that trades already."""
    made = Real(tmp_path)
    yield made
    made.close()


def test_paper_orders_meet_the_prices_of_the_other_exchange(real: Real, tmp_path: Path):
    """Books agree, and every fill lies within the candle of its minute, as the other exchange tells it."""
    state = tmp_path / "state"
    stand_in = f"market.stand_in={real.port}:{real.certificate}"
    options = ("--market", "binanceusdm", "--symbols", "BTC/USDT:USDT,ETH/USDT:USDT", "--set", stand_in)
    running = stage.start(state, *options, "--seconds", "25")
    running.ready()
    summary = running.finish()
    assert f"NOT binanceusdm: 127.0.0.1:{real.port} plays it" in "".join(running.told)
    assert summary["mismatches"] == summary["records_lost"] == summary["unknown_orders"] == 0
    assert summary["difference"] == "difference to the exchange 0"
    assert summary["fills"] == summary["exchange"]["fills"] > 0
    assert summary["candles"] == summary["decisions"] > 10
    assert stage.traces(state) == []


def test_its_spots_are_heard_where_a_strategy_looks(real: Real, tmp_path: Path):
    """Each contract's minute stands on the tape right behind its spot's; there both have one price: a basis of 0."""
    state = tmp_path / "state"
    options = ("--market", "binanceusdm", "--symbols", "BTC/USDT:USDT,ETH/USDT:USDT", "--strategy", "basis")
    running = stage.start(
        state, *options, "--set", f"market.stand_in={real.port}:{real.certificate}", "--seconds", "15"
    )
    summary = running.finish()
    assert summary["candles"] == summary["decisions"] > 10
    assert summary["difference"] == "difference to the exchange 0"
    (folder,) = state.glob("sessions/*")
    minutes = read_folder(folder / "market", MARKET)["record"]
    places = {(int(one["instrument"]), int(one["open_ns"])): place for place, one in enumerate(minutes)}
    mine = [key for key in places if key[0] < 2]
    assert len(mine) == summary["candles"]
    assert all(places[row + 2, open_ns] < places[row, open_ns] for row, open_ns in mine)
    said = read_folder(folder / "decisions", DECISION)["record"]
    assert set(said["values"][:, 1].tolist()) == {0.0}
    assert stage.replayed(state)["differences"] == 0


def test_a_market_out_of_reach_is_one_line(tmp_path: Path):
    """Nobody listens there: exit 2, one line, and no session is left."""
    (tmp_path / "cert.pem").write_text("nobody's")
    words = ["--paper", "--market", "binanceusdm", "--set", f"market.stand_in=1:{tmp_path}/cert.pem"]
    command = [sys.executable, str(stage.ROOT / "run.py"), *words, "--state", str(tmp_path / "state"), "--json", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("run.py: --market binanceusdm: its public market cannot be reached (")
    assert done.stderr.count("\n") == 1
    assert not list((tmp_path / "state").glob("sessions/*"))
    assert json.loads(done.stdout or "{}") == {}
