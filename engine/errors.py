"""What can go wrong at a venue, sorted by what we may do next.

    VenueError
      Rejected            it did not happen and never will    -> drop the order
        InsufficientFunds   size down or stand down, never a blind loop
        InvalidOrder        a filter refused it: our own check has a hole
        ReduceOnlyRejected  our position is probably gone: compare before anything
        WouldTrigger        the stop's price is behind the market: close at market
        WouldTake           post-only would have taken: price it again
        OrderNotFound       a cancel or a question found nothing open: look at trades
        NotPermitted        keys, permissions, address: stop and tell the operator
      NotSent             it did not happen                   -> safe to try again
        RateLimited         not before ``retry_after_ms``
        Unreachable         no byte left this machine
      Unknown             it may have happened                -> ask before acting

A timeout after the first byte is ``Unknown``, never ``NotSent``.
"""

# ruff: noqa: N818 - the tree names what happened


class VenueError(Exception):
    """Anything a venue, or the way to it, may answer instead of success."""

    def __init__(self, text: str, *, code: int = 0) -> None:
        """Carry the venue's own words and number, for people and for the journal."""
        super().__init__(text)
        self.text = text
        self.code = code


class Rejected(VenueError):
    """It did not happen and never will."""


class InsufficientFunds(Rejected):
    """The margin does not suffice."""


class InvalidOrder(Rejected):
    """A filter of the venue refused the order."""


class ReduceOnlyRejected(Rejected):
    """Nothing is left to reduce."""


class WouldTrigger(Rejected):
    """The stop would trigger at once."""


class WouldTake(Rejected):
    """The post-only order would have taken liquidity."""


class OrderNotFound(Rejected):
    """The venue has no such open order; whether it ever had is another question."""


class NotPermitted(Rejected):
    """The venue does not let us do this with these keys."""


class NotSent(VenueError):
    """It did not happen; trying again is safe."""


class RateLimited(NotSent):
    """The venue asks us to slow down; it refused before looking at the order."""

    def __init__(self, text: str, *, code: int = 0, retry_after_ms: int = 0) -> None:
        """Carry how long the venue wants to be left alone."""
        super().__init__(text, code=code)
        self.retry_after_ms = retry_after_ms


class Unreachable(NotSent):
    """The connection failed before the first byte of the request left."""


class Unknown(VenueError):
    """It may have happened: ask by client id and by trades before acting."""
