"""Where a record stands in this process, as an address that kernels take."""

from typing import Any

import numpy as np

from shm.jit import address_of


class Staging:
    """Turns a record into an address; an array that comes again is not looked at twice."""

    def __init__(self, record: np.dtype[Any]) -> None:
        self.record = record
        self._copy = np.zeros(1, record)
        self._copy_address = address_of(self._copy)
        self._last: np.ndarray[Any, Any] = self._copy
        self._last_address = self._copy_address

    def address(self, record: np.ndarray[Any, Any] | np.void) -> int:
        """Address of ``record``: an array of one record, or a record (then of a copy)."""
        if record is self._last:
            return self._last_address
        if record.dtype != self.record:
            raise TypeError(f"a record of {record.dtype.names} where {self.record.names} is meant")
        if isinstance(record, np.void):
            self._copy[0] = record
            return self._copy_address
        if record.size < 1:
            raise ValueError("an array without a record")
        self._last_address = address_of(record)
        self._last = record
        return self._last_address
