"""A paper session: what was typed becomes settings, and a kill switch that is on starts nothing."""

from pathlib import Path

import pytest

from orchestrator import cli, killswitch, paper
from shm.records import Kill


def test_options_have_dotted_names(tmp_path: Path):
    """Each option is a setting; a file of candles is named by its whole path."""
    recording = tmp_path / "BTCUSDT-1m.csv"
    recording.touch()
    typed = cli.parser().parse_args(["--paper", "--market", str(recording), "--symbols", "A, B", "--speed", "max"])
    assert paper.options_of(typed) == {
        "market.source": [str(recording)],
        "market.symbols": ["A", "B"],
        "market.speed": "max",
    }


def test_every_strategy_that_is_named_trades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The option may be repeated: none of them is dropped; a file is named by its whole path."""
    monkeypatch.chdir(tmp_path)
    typed = cli.parser().parse_args(["--paper", "--strategy", "trend", "--strategy", "my.py"])
    assert paper.options_of(typed) == {"brain.strategies": ["trend", str(tmp_path / "my.py")]}


@pytest.mark.parametrize("level", [Kill.NO_ENTRIES, Kill.HALT])
def test_a_switch_that_is_on_starts_nothing(level: Kill, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """One line with the level and the way out; no session folder, and the switch stays."""
    killswitch.write(tmp_path, level)
    assert cli.main(["--paper", "--state", str(tmp_path)]) == 2
    assert f"the kill switch is on ({level.name}" in capsys.readouterr().err
    assert not (tmp_path / "sessions").exists()
    assert killswitch.level_of(tmp_path) is level
