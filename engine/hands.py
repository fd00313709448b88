"""What other hands did to an account, as our books remember it: people's petitions, and trades that are not ours.

pause, resume         NAME adds nothing, until somebody says so
a stranger's trade    closes what strategies hold on the other side, in order of name; the rest is EXTERNAL's;
                      entries there wait until a person says that it is well (resume, adopt, ignore)
ignore                EXTERNAL's lots matter no longer, until they change
"""

from collections.abc import Sequence

from engine.events import EXTERNAL, Filled, Intervened


class Hands:
    """One account's memory of them."""

    def __init__(self) -> None:
        """Nobody did anything yet."""
        self.petitions: dict[str, bool] = {}  # what people asked for and got, by id
        self.paused: dict[str, str] = {}  # symbols and strategies that add nothing, by whom
        self.disturbed: dict[str, int] = {}  # lots that others traded, until a person says that it is well
        self.ignored: dict[str, int] = {}  # lots that are not ours and shall not matter, by instrument

    def pauses(self, instrument: str, strategy: str) -> bool:
        """A person said that nothing is added there."""
        return instrument in self.paused or strategy in self.paused

    def foreign_lots(self, instrument: str, external: int) -> int:
        """Lots that others hold (``external``) or traded here, unless a person said that it is well."""
        standing = 0 if external == self.ignored.get(instrument) else external
        return standing or self.disturbed.get(instrument, 0)

    def told(self, event: Intervened) -> bool:
        """Remember a deed; False when it was done before."""
        if event.petition_id in self.petitions:
            return False
        self.petitions[event.petition_id] = True
        name = event.instrument
        if event.deed in ("resume", "ignore", "adopt"):
            self.disturbed.pop(name, None)
        match event.deed:
            case "pause":
                self.paused[name] = event.who
            case "resume":
                self.paused.pop(name, None)
            case "ignore":
                self.ignored[name] = event.lots
            case "adopt":
                self.ignored.pop(name, None)
        return True

    def traded(self, fill: Filled, held: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """Remember a trade that is not ours, and whose lots it is: of ``held`` (strategy, signed) what it closes.

        Whoever trades by hand closes what he traded by hand before; only what is left over was ours.
        """
        self.disturbed[fill.instrument] = fill.side * fill.lots
        theirs = sum(max(0, -fill.side * lots) for strategy, lots in held if strategy == EXTERNAL)
        left, parts = fill.lots - min(fill.lots, theirs), []
        for strategy, lots in held:
            closing = min(left, max(0, -fill.side * lots))
            if closing and strategy != EXTERNAL:
                parts.append((strategy, closing))
                left -= closing
        external = fill.lots - sum(closing for _, closing in parts)
        return [*parts, (EXTERNAL, external)] if external else parts
