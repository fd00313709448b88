"""The first start of an account, and how it may end."""

import pytest

from engine import errors
from tests.engine.fake_venue import FakeVenue
from tests.engine.test_account import Stage


async def test_a_first_life_that_ended_before_it_knew_its_cash_is_made_good(tmp_path):
    """The journal's first event is durable, the question for the wallet failed: the next life asks again."""
    stage = Stage(tmp_path)
    wallet = FakeVenue.wallet

    async def unanswered(self, asset):
        raise errors.Unknown("timeout")

    FakeVenue.wallet = unanswered
    try:
        with pytest.raises(errors.Unknown):
            await stage.begin()
        await stage.end()
    finally:
        FakeVenue.wallet = wallet
    for _ in range(2):
        await stage.begin()
        stage.agrees()
        await stage.end()
