"""The one page that shows the system has no contradictions."""

from hypothesis import given
from hypothesis import strategies as st

from shm import topology


def test_a_writer_does_not_read_its_own_ring():
    """A ring goes from one process to others."""
    for ring in topology.RINGS:
        assert ring.writer not in ring.readers, ring.name


def test_every_role_is_named_once():
    """Rows of PULSES and COMMANDS follow from the order of the roles."""
    assert [topology.role_row(role) for role in topology.ROLES] == list(range(len(topology.ROLES)))


@given(
    st.integers(0, 5),
    st.integers(0, len(topology.TIMEFRAMES_S) - 1),
    st.integers(0, 10**9),
    st.integers(1, topology.HISTORY_DEPTH - 1),
)
def test_candles_of_one_depth_never_share_a_row(instrument: int, timeframe: int, step: int, later: int):
    """HISTORY keeps the newest HISTORY_DEPTH candles of a series, each in a row of its own."""
    length_ns = topology.TIMEFRAMES_S[timeframe] * 10**9
    first = topology.history_row(instrument, timeframe, step * length_ns)
    assert first != topology.history_row(instrument, timeframe, (step + later) * length_ns)
    table = next(table for table in topology.TABLES if table.name == "HISTORY")
    assert first < table.rows(instrument + 1)


def test_each_strategy_has_its_own_position_row():
    """No strategy can overwrite another's position."""
    rows = {topology.position_row(i, s) for i in range(4) for s in range(topology.STRATEGIES_MAX)}
    assert len(rows) == 4 * topology.STRATEGIES_MAX
