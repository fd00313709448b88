"""The short form of the matching campaign."""

import numpy as np
import pytest

from engine import matching
from tests.engine import campaign


def test_hundreds_of_sequences_conserve_and_keep_price_and_time() -> None:
    """600 seeded sequences without a violation; the same seed gives the same bytes, another seed others."""
    one, again = campaign.campaign(7, 300), campaign.campaign(7, 300)
    assert one.digest.hexdigest() == again.digest.hexdigest()
    assert one.fills == again.fills > 1000
    assert campaign.campaign(8, 300).digest.hexdigest() != one.digest.hexdigest()


@pytest.mark.parametrize(("field", "lie"), [("lots", 1), ("ticks", 1), ("walked", -1)])
def test_the_checks_notice_a_lie(field: str, lie: int) -> None:
    """One lot, one tick or one step that is not true fails the campaign's checks."""
    course = campaign.begun(np.random.default_rng(1))
    order = np.zeros(2, matching.ORDER)
    order["id"], order["ticks"], order["lots_left"], order["side"] = (1, 2), (9_995, 9_990), 10, 1
    order["kind"] = matching.LIMIT
    course.orders, course.asked, course.got = order, {1: 10, 2: 10}, {1: 0, 2: 0}
    before, fills = course.orders.copy(), matching.fills_for(2)
    count = matching.advance(course.orders, 10_000, 9_980, course.book[0], course.held, fills)
    fills = fills[:count]
    fills[field][-1] += lie * 20
    with pytest.raises(AssertionError):
        check(course, before, fills)


def check(course: campaign.Course, before: np.ndarray, fills: np.ndarray) -> None:
    """All checks of one leg from 10,000 down to 9,980."""
    campaign.check_conservation(course, before, fills, np.zeros(3, np.int64))
    campaign.check_prices(before, fills, (10_000, 9_980), jumps=False)
    campaign.check_time(before, fills)
