"""Every recorded file of the real exchange is compared with ours, or it stands here why not."""

from fnmatch import fnmatch

import pytest

from tests.engine.venue.embedded import test_shapes as futures
from tests.engine.venue.embedded.shapes import RECORDED
from tests.engine.venue.embedded.spot import test_shapes as spot

COMPARED = {*futures.COMPARED, *spot.COMPARED}
ASKED = "account_events/nautilus/py_binance/http_responses/http_futures_market"
NOT_COMPARED = {
    "account_events/nautilus/rs_bybit/*": "another exchange",
    "raw_frames/cryptofeed/BYBIT*": "another exchange",
    "raw_frames/cryptofeed/COINBASE*": "another exchange",
    "raw_frames/cryptofeed/KRAKEN*": "another exchange",
    "raw_frames/cryptofeed/OKX*": "another exchange",
    "raw_frames/cryptofeed/*.jsonl.zst": "the captures that are compared, in another file format",
    "raw_frames/cryptofeed/BINANCE.0.gz": "the exchangeInfo that market_metadata has as well",
    "raw_frames/cryptofeed/BINANCE_FUTURES.0.gz": "the exchangeInfo that market_metadata has as well",
    "raw_frames/labelled_quality/*": "rewritten as columns, so the exchange's field names are gone",
    "account_events/nautilus/*/SOURCES.md": "prose",
    "account_events/nautilus/rs_binance/spot/user_data_sbe/*": "binary encoding, which is not served",
    "market_metadata/ccxt_binance_markets_2021-01.json.gz": "ccxt's own fields, not the exchange's",
    f"{ASKED}_asset_index.json": "multi-assets mode is not served",
    f"{ASKED}_blvt_nav_kline.json": "leveraged tokens were withdrawn",
    f"{ASKED}_index_info.json": "composite indices are not listed",
    f"{ASKED}_open_interest.json": "there are no other traders whose positions could be counted",
    f"{ASKED}_open_interest_historical.json": "the same",
    f"{ASKED}_*_ratio.json": "the same",
    f"{ASKED}_funding_rate.json": "the list is empty where no funding was charged",
}


def recorded() -> list[str]:
    """Every file of the folders with bodies and frames."""
    if not RECORDED.exists():
        pytest.skip(f"no recordings at {RECORDED}")
    folders = ("raw_frames", "account_events", "market_metadata")
    return sorted(
        path.relative_to(RECORDED).as_posix()
        for folder in folders
        for path in (RECORDED / folder).rglob("*")
        if path.is_file()
    )


def test_every_recording_is_compared_or_excused() -> None:
    """
    A file that nobody looks at would be a promise that nobody keeps.
    """
    excused = {name for name in recorded() if any(fnmatch(name, pattern) for pattern in NOT_COMPARED)}
    assert set(recorded()) - excused == COMPARED
    assert not excused & COMPARED


def test_every_excuse_is_needed() -> None:
    """
    A pattern that matches no file is forgotten.
    """
    names = recorded()
    assert [pattern for pattern in NOT_COMPARED if not any(fnmatch(name, pattern) for name in names)] == []
