"""Where a record stands."""

import numpy as np
import pytest

from shm.records import CLOCK, TICK
from shm.staging import Staging


def test_an_array_is_used_where_it_stands():
    """Its own address, the first time and the next."""
    staging, record = Staging(CLOCK), np.zeros(1, CLOCK)
    assert staging.address(record) == staging.address(record) == record.ctypes.data


def test_a_scalar_is_copied():
    """A record of a batch is staged; its bytes are those of the batch."""
    staging, batch = Staging(CLOCK), np.zeros(2, CLOCK)
    batch["market_ns"] = 4, 5
    assert staging.address(batch[1]) not in (batch.ctypes.data, batch[1:].ctypes.data)


def test_what_is_no_record_is_refused():
    """Another dtype, or an array without a row."""
    with pytest.raises(TypeError):
        Staging(CLOCK).address(np.zeros(1, TICK))
    with pytest.raises(ValueError, match="without a record"):
        Staging(CLOCK).address(np.zeros(0, CLOCK))
