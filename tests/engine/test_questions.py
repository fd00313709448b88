"""Asked about less and less often; absent only when the horizon is over by the machine's own time."""

from engine.order import Event, Order
from engine.questions import Questions
from engine.settings import ExecutorSettings
from tests.engine.test_exits import stop_of

MS = 1_000_000


def test_an_order_in_doubt_is_asked_about_less_and_less_often():
    """After 200 ms, then 400, 800, and so on to 5 s."""
    questions, order = Questions(ExecutorSettings()), Order(intent=stop_of(1, 3)).told(Event.DOUBT)
    asked = [ms for ms in range(0, 20_000, 100) if questions.is_due(order, ms * MS)]
    assert asked == [200, 600, 1400, 3000, 6200, 11_200, 16_200]


def test_an_unanswered_order_gets_its_time_and_a_resting_stop_is_left_alone():
    """It is not asked about at once; what rests is not asked about."""
    questions, order = Questions(ExecutorSettings()), Order(intent=stop_of(1, 3))
    assert [ms for ms in range(0, 10_500, 100) if questions.is_due(order, ms * MS)] == [500, 900, 1700, 3300, 6500]
    assert not questions.is_due(order.told(Event.ACK), 99_000 * MS)


def test_absence_is_proved_by_a_miss_after_the_horizon_of_this_life():
    """A first miss only begins the wait where nothing was known before."""
    questions = Questions(ExecutorSettings(unknown_horizon_ms=1_000))
    assert not questions.miss(stop_of(1, 3), 5_000 * MS)
    assert questions.missed == {1}
    assert not questions.miss(stop_of(1, 3), 5_999 * MS)
    assert questions.miss(stop_of(1, 3), 6_000 * MS)
    questions.forget([1])
    assert questions.open == ()
    assert questions.missed == frozenset()
