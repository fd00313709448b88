"""Structured logs."""

import json

from shm.log import log


def test_a_line_is_an_object_with_its_context(tmp_path):
    """Role, bound context, level and time stand in every line; two processes append to one file."""
    path = tmp_path / "session" / "log.jsonl"
    log("feed", path, epoch=2).bind(symbol="BTC").info("subscribed", count=3)
    log("brain", path).warning("cold")
    first, second = [json.loads(line) for line in path.read_text().splitlines()]
    assert first.pop("at").endswith("Z")
    assert first == {"role": "feed", "epoch": 2, "symbol": "BTC", "event": "subscribed", "count": 3, "level": "info"}
    assert (second["role"], second["level"]) == ("brain", "warning")


def test_an_exception_is_one_line(tmp_path):
    """The traceback is an object in the line, not text after it."""
    path = tmp_path / "log.jsonl"
    log("engine", path).error("crashed", exc_info=ValueError("7 lots"))
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["exception"][0]["exc_value"] == "7 lots"
