"""What may happen to an instrument while we hold it, and what follows: pure; each has an alert and a policy.

    gone from the list (delisted, renamed)   paused: nothing is added; what is held keeps its stop, exits go on
    not trading (halt, settlement)           paused; a resumption of trade needs a person's word
    tick changed                             paused: our integers mean other prices until the next start
    lot changed (redenomination)             paused: ... and other quantities; start anew when flat
    minimum or maximum changed               told; the venue refuses what no longer fits
    liquidated, deleveraged, settled         booked at its price, target spent, stop taken away, paused

A pause is written in the journal in the exchange's name; ``resume SYMBOL`` ends it.
"""

from dataclasses import dataclass

from engine.events import Intervened
from shm.instruments import Instrument

EXCHANGE = "exchange"  # who paused it

# Client ids that the venue itself gives to orders on our account.
FORCED = {
    "adl_autoclose": "auto-deleveraged",
    "settlement_autoclose-": "settled: the contract was delisted",
    "delivery_autoclose-": "delivered",
    "autoclose-": "liquidated",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happened, and whether anything may still be added."""

    instrument: str
    words: str
    pauses: bool


def changed(before: Instrument, after: Instrument | None) -> Change | None:
    """What a new look at the venue's rules says of ``before``; None: nothing new."""
    symbol = before.symbol
    if after is None:
        return Change(instrument=symbol, words="is not listed any more: delisted or renamed", pauses=True)
    if (after.tick_e8, after.lot_e8) != (before.tick_e8, before.lot_e8):
        words = f"tick {before.tick_e8} -> {after.tick_e8}, lot {before.lot_e8} -> {after.lot_e8} (1e-8)"
        what = "was redenominated" if after.lot_e8 != before.lot_e8 else "has another tick"
        when = " when flat" if after.lot_e8 != before.lot_e8 else ""
        return Change(instrument=symbol, words=f"{what}: {words}; start anew{when}", pauses=True)
    if before.status == 1 and after.status != 1:
        return Change(instrument=symbol, words="does not trade any more: halted or settling", pauses=True)
    if before.status != 1 and after.status == 1:
        return Change(instrument=symbol, words="trades again; resume it", pauses=False)
    names = ("lots_min", "lots_max", "market_lots_max", "notional_min")
    moved = [name for name in names if getattr(before, name) != getattr(after, name)]
    if moved:
        words = ", ".join(f"{name} {getattr(before, name)} -> {getattr(after, name)}" for name in moved)
        return Change(instrument=symbol, words=f"has other limits: {words}", pauses=False)
    return None


def forced(symbol: str, client_id: str) -> Change | None:
    """What the venue did to our position, if an order of ``client_id`` is its own."""
    words = next((words for prefix, words in FORCED.items() if client_id.startswith(prefix)), "")
    return Change(instrument=symbol, words=f"was {words} by the exchange ({client_id})", pauses=True) if words else None


def pause(change: Change, wall_ns: int) -> Intervened:
    """What the journal says of a change that stops entries."""
    return Intervened(
        petition_id=f"exchange {change.instrument} {wall_ns}",
        deed="pause",
        subject=change.instrument,
        instrument=change.instrument,
        who=EXCHANGE,
        why=change.words,
        wall_ns=wall_ns,
    )
