"""The ledger of faults: asked, kept, concluded."""

from engine.venue.embedded.faults.ledger import NOTHING, FaultLedger, read_back


def test_every_fault_has_a_line_that_says_what_became_of_it(tmp_path):
    """What the file holds is what memory holds; what was never heard of again says so."""
    ledger = FaultLedger(tmp_path / "faults.jsonl")
    gap = ledger.write("gap", (60, 1), "btcusdt@kline_1m", "candle 0")
    ledger.write("duplicate", (120, 2), "btcusdt@kline_1m", "candle 60000")
    ledger.became(gap, "asked for by REST")
    ledger.became(gap, "asked for by REST")
    ledger.close()
    ledger.close()
    assert [row.became for row in ledger.rows] == [["asked for by REST"], [NOTHING]]
    assert read_back(tmp_path / "faults.jsonl") == ledger.rows
    again = FaultLedger(tmp_path / "faults.jsonl")
    assert again.write("gap", (180, 3), "here", "this").id == 3


def test_a_client_that_asks_for_ever_fills_no_disk():
    """Of one fault eight notes are kept."""
    ledger = FaultLedger()
    row = ledger.write("gap", (0, 0), "", "")
    for number in range(100):
        ledger.became(row, str(number))
    assert len(row.became) == 8
