"""The pure heart of the engine: told, and answering."""

from collections.abc import Mapping

from engine.messages import Answer, Message, Moment
from engine.settings import EngineSettings


class Core:
    """One account at one venue. ``units``: minor units of a tick times a lot, by symbol."""

    def __init__(self, settings: EngineSettings, *, run: str, venue: str, limits: Mapping[str, object]) -> None:
        """SIGNATURES FIRST: see below."""

    def tell(self, message: Message, now: Moment) -> Answer:
        """Digest ``message``; the books change at once, the world only by the answer's actions."""
        raise NotImplementedError

    @property
    def is_settled(self) -> bool:
        """Nothing is in flight, every fill is booked, every position has its stop acknowledged."""
        raise NotImplementedError
