"""The records' shapes are promises between processes."""

import numpy as np
import pytest

from shm import records


@pytest.mark.parametrize("name", sorted(records.RECORDS))
def test_a_record_fills_a_slots_payload(name: str):
    """120 bytes: two cache lines less the sequence word."""
    assert records.RECORDS[name].itemsize == 120


@pytest.mark.parametrize("name", sorted(records.RECORDS))
def test_every_eight_byte_field_lies_on_a_word(name: str):
    """A word is moved by one atomic store, so no number straddles two."""
    fields = records.RECORDS[name].fields
    assert fields is not None
    for field, (dtype, offset, *_) in fields.items():
        if dtype.base.itemsize == 8 and dtype.base.kind in "iuf":
            assert offset % 8 == 0, field


@pytest.mark.parametrize("name", ["MARKET", "TICK", "DECISION", "TARGET", "ORDER_EVENT", "CORRECTION"])
def test_a_ring_record_opens_with_its_kind(name: str):
    """Zeroes read as GAP in every ring."""
    blank = np.zeros(1, records.RECORDS[name])
    assert records.RECORDS[name].names[0] == "kind"
    assert blank["kind"][0] == records.GAP


def test_a_reason_fits_its_byte():
    """DECISION and TARGET carry the reason in one byte."""
    assert max(records.Reason) < 256
    assert min(records.Reason) > 0
