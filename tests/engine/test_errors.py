"""The error tree: three answers to what we may do next."""

from engine import errors


def test_every_error_is_exactly_one_of_three():
    """Rejected, NotSent or Unknown; never two."""
    kinds = (errors.Rejected, errors.NotSent, errors.Unknown)
    named = [it for it in vars(errors).values() if isinstance(it, type) and it is not errors.VenueError]
    assert all(sum(issubclass(it, kind) for kind in kinds) == 1 for it in named)
    assert errors.RateLimited("slow", retry_after_ms=7).retry_after_ms == 7
