"""Whether our books agree with the venue, look by look: pure.

look --differs--> looked at again --the same--> stands: entries wait, and it is written down (``Found``)
                                 \\-another---> a race, or more to come: looked at again
at a start the first look stands;  agrees --> written down as well, if something stood
"""

from engine.comparison import Difference, Resolution
from engine.events import Found
from shm.records import Finding


class Agreement:
    """What the last looks have found."""

    def __init__(self) -> None:
        """Nothing was looked at yet."""
        self.words = ""  # why entries wait; empty: they need not
        self._differences: tuple[Difference, ...] = ()  # of the last look
        self._stood: tuple[Difference, ...] = ()

    @property
    def cash_unexplained(self) -> int:
        """Minor units that the venue has and our books lack, beyond doubt."""
        return sum(one.found - one.expected for one in self._stood if one.finding is Finding.CASH_DIFFERS)

    def look(self, found: tuple[Difference, ...], *, is_first: bool) -> bool:
        """Take in what a look has found; whether it is to be looked at again soon."""
        stands = bool(found) and (found == self._differences or is_first)
        words = "; ".join(f"{one.finding.name} {one.instrument} {one.found - one.expected}" for one in found)
        is_news = bool(found) and found != self._differences
        self._differences, self._stood, self.words = found, found if stands else (), words if stands else ""
        return is_news

    def findings(self, told: str, wall_ns: int) -> list[Found]:
        """What the journal is told, ``told`` being the words that stood before this look."""
        if self.words == told:
            return []
        if not self._differences:
            return [_found(Difference(finding=Finding.MATCH, resolution=Resolution.NOTHING), "agrees", wall_ns)]
        return [_found(one, self.words, wall_ns) for one in self._stood]


def _found(one: Difference, text: str, wall_ns: int) -> Found:
    return Found(
        finding=one.finding,
        instrument=one.instrument,
        intent_id=one.intent_id,
        expected=one.expected,
        found=one.found,
        text=text,
        wall_ns=wall_ns,
    )
