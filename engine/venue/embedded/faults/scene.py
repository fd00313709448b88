"""What all injectors share: the exchange, its streams, the schedule while it runs, and the ledger."""

import time
from dataclasses import dataclass
from typing import Any

from engine.venue.embedded.faults.kinds import Place
from engine.venue.embedded.faults.ledger import FaultLedger, Injected
from engine.venue.embedded.faults.schedule import Fault
from engine.venue.embedded.faults.triggers import Triggers
from engine.venue.embedded.market import MINUTE_NS


@dataclass(slots=True)
class Scene:
    """Where faults happen."""

    triggers: Triggers
    ledger: FaultLedger
    exchange: Any = None
    streams: Any = None

    @property
    def minute(self) -> int:
        """Minutes of the market that are over."""
        return int((self.exchange.now_ns - self.exchange.start_ns) // MINUTE_NS)

    def strike(self, place: Place, symbol: str, endpoint: str = "", *, reduces: bool = False) -> Fault | None:
        """The fault that strikes this opportunity, if any does."""
        if not self.triggers.has(place):
            return None
        return self.triggers.strike(place, self.minute, (symbol, endpoint), reduces=reduces)

    def write(self, kind: str, where: str, hit: str) -> Injected:
        """Note in the ledger that a fault struck now."""
        return self.ledger.write(kind, (self.exchange.now_ns, time.time_ns()), where, hit)
