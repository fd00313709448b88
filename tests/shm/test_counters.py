"""Counters, gauges and latency histograms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shm.counters import BUCKETS, COUNTERS_BYTES, Counter, Counters, CountersView, Gauge, Hop, bucket, bucket_top


@pytest.fixture
def segment():
    """The memory of all areas."""
    return np.zeros(COUNTERS_BYTES // 8, np.int64)


@given(st.integers(0, 2**43 - 1))
def test_a_bucket_is_at_most_a_sixteenth_too_large(value):
    """The top of a value's bucket is not below it, and at most 6.25 % above."""
    top = bucket_top(bucket(value))
    assert value <= top <= value * 1.0625 + 1e-9


def test_buckets_are_in_order_without_holes():
    """Each bucket's top is its own, and the next value falls into the next bucket."""
    for number in range(BUCKETS - 1):
        assert bucket(bucket_top(number)) == number
        assert bucket(bucket_top(number) + 1) == number + 1
    assert bucket(2**62) == BUCKETS - 1
    assert bucket(-5) == 0


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=300))
def test_percentiles_are_those_of_the_values(values):
    """p50, p99 and p999 lie between the true one and 6.25 % above it; count, mean and max are exact."""
    memory = np.zeros(COUNTERS_BYTES // 8, np.int64)
    counters = Counters(memory.ctypes.data, "brain", retain=memory)
    for value in values:
        counters.record(Hop.FRAME_TO_RING, value)
    found = CountersView(memory.ctypes.data).read("brain")["hops"]["FRAME_TO_RING"]
    ordered = sorted(values)
    for name, share in (("p50_ns", 0.5), ("p99_ns", 0.99), ("p999_ns", 0.999)):
        true = ordered[max(1, int(np.ceil(share * len(values)))) - 1]
        assert true <= found[name] <= true * 1.0625 + 1
    assert (found["count"], found["max_ns"]) == (len(values), max(values))
    assert found["mean_ns"] == sum(values) // len(values)


def test_areas_do_not_touch(segment):
    """What one role counts, no other shows; totals add up; a restart goes on counting."""
    for role in ("feed", "engine", "engine"):
        counters = Counters(segment.ctypes.data, role)
        counters.add(Counter.RECONNECTS)
        counters.set(Gauge.STREAM_AGE_S, 1.5)
    view = CountersView(segment.ctypes.data)
    assert view.read("engine") == {"counters": {"RECONNECTS": 2}, "gauges": {"STREAM_AGE_S": 1.5}, "hops": {}}
    assert view.read("brain") == {"counters": {}, "gauges": {}, "hops": {}}
    assert view.total(Counter.RECONNECTS) == 3
    assert (view.highest(Gauge.STREAM_AGE_S), view.highest(Gauge.WALLET)) == (1.5, 0.0)
    assert view.read_all()["feed"]["counters"] == {"RECONNECTS": 1}


def test_a_kernel_may_count_at_the_address(segment):
    """The address of a counter is that of its word."""
    counters = Counters(segment.ctypes.data, "brain")
    word = (counters.address(Counter.DECISIONS) - segment.ctypes.data) // 8
    segment[word] += 41
    counters.add(Counter.DECISIONS)
    assert counters.value(Counter.DECISIONS) == 42
