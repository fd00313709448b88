"""What is done when a request was not answered: ours, and three of others that must fail in the same campaign."""

from engine import errors
from engine.order import Intent
from engine.venue.base import Acknowledged
from tests.stress.wire import Wire


class Policy:
    """What is done after a timeout; the first is ours."""

    OURS, NEW_ID, SAME_ID, FAILED = "ask", "resend with a new id", "resend with the same id", "timeout means failed"


class Hasty(Wire):
    """A venue that handles timeouts as others do."""

    policy = Policy.OURS

    async def _send(self, intent: Intent) -> Acknowledged:
        try:
            return await super()._send(intent)
        except errors.Unknown as error:
            if self.policy == Policy.NEW_ID:
                raise errors.NotSent(error.text) from error
            if self.policy == Policy.FAILED:
                raise errors.Rejected(error.text) from error
            return await super()._send(intent)
