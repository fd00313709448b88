"""Schedules: read, refused in one line, drawn from a seed."""

import pytest

from engine.venue.embedded.faults.kinds import MARKET_DATA
from engine.venue.embedded.faults.schedule import Fault, Schedule, ScheduleError, drawn, parse, read


def test_a_schedule_is_read_as_toml_and_as_json(tmp_path):
    """What is written as JSON reads back the same."""
    file = tmp_path / "faults.toml"
    file.write_text('seed = 7\n[[fault]]\nkind = "gap"\nminute = 30\nsymbol = "BTCUSDT"\n')
    schedule = read(file)
    assert schedule == Schedule((Fault(kind="gap", minute=30, symbol="BTCUSDT"),), 7)
    (tmp_path / "faults.json").write_bytes(schedule.to_json())
    assert read(tmp_path / "faults.json") == schedule


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "gab"}, "did you mean gap"),
        ({"kind": "gap", "minutes": 3}, "did you mean minute"),
        ({"kind": "gap", "minute": "3"}, "must be of type int"),
        ({"kind": "gap", "minute": True}, "must be of type int"),
        ({"kind": "gap", "minute": -1}, "must not be negative"),
        ({"kind": "gap", "probability": 1.5}, "between 0 and 1"),
        ({"kind": "gap", "probability": 0.5, "count": 1}, "exclude one another"),
        ({"kind": "gap", "endpoint": "POST /x"}, "have no endpoint"),
        ({"kind": "gap", "value": "3"}, "has no value to choose"),
        ({"kind": "absurd", "value": "nan"}, "must be a number"),
        ({"kind": "server_error", "value": "maybe"}, "landed or lost"),
        ({"kind": "silent", "seconds": 1e9}, "between 0 and 3600"),
        ({"minute": 1}, "not known; a schedule has seed"),
        ({"fault": [{"minute": 1}]}, "fault 1: kind is missing"),
        ({"fault": "gap"}, "must be a list"),
        ({"seed": "x"}, "whole number"),
        ([], "a table"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(given, words):
    """The line names the field and, where one is near, the right word."""
    with pytest.raises(ScheduleError, match=words) as refused:
        parse(given)
    assert "\n" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """Missing and broken files: one line each."""
    with pytest.raises(ScheduleError, match=r"none.toml: No such file"):
        read(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("seed = [")
    with pytest.raises(ScheduleError, match=r"broken.toml: "):
        read(tmp_path / "broken.toml")


def test_the_same_seed_draws_the_same_faults():
    """One of each kind; another seed, other minutes."""
    first = drawn(3, MARKET_DATA, 60, ["BTCUSDT"])
    assert first == drawn(3, MARKET_DATA, 60, ["BTCUSDT"]) != drawn(4, MARKET_DATA, 60, ["BTCUSDT"])
    assert [fault.kind for fault in first.faults] == list(MARKET_DATA)
    assert parse({"seed": 3, "fault": []}) == Schedule((), 3)


def test_a_fault_meets_what_it_names():
    """No symbol is any symbol; a kind of request has its own endpoints."""
    assert Fault(kind="gap").meets("BTCUSDT")
    assert not Fault(kind="gap", symbol="ETHUSDT").meets("BTCUSDT")
    assert Fault(kind="request_lost").meets("BTCUSDT", "POST /fapi/v1/order")
    assert not Fault(kind="margin").meets("BTCUSDT", "POST /fapi/v1/order", reduces=True)
    assert Fault(kind="reduce_only").meets("BTCUSDT", "POST /fapi/v1/order", reduces=True)
    assert not Fault(kind="request_lost").meets("BTCUSDT", "GET /fapi/v1/order")
    assert Fault(kind="request_lost", endpoint="GET /fapi/v1/order").meets("", "GET /fapi/v1/order")
