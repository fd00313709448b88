r"""The exchange's own books, the oracle: wallet, positions, cost, realised profit and fees of one account.

    fill ---> fee -------------------> wallet -= fee
         \--> closes part of a position -> wallet += realised
          \-> opens                        cost   += notional

    always: wallet = deposit + sum(realised) - sum(fees) + funding + insurance

A one-way account has one position a contract (BOTH), a hedged one two: LONG never sells
more than it holds, SHORT never buys more.

isolated: the part of the wallet that an isolated position may lose, moved by opening and
closing; a cross position has none of its own.

Every amount is an integer of 1e-8 quote (docs/money.md has the rules); nothing here
is shared with the engine's ledger, so that the two can be compared.
"""

from dataclasses import dataclass, field

from engine.venue.embedded.listing import E8, Listing
from engine.venue.embedded.orders import BOTH, LONG, SHORT

PPM = 1_000_000


@dataclass(slots=True)
class Position:
    """What is held of one contract: ``lots`` signed, ``cost`` positive while held."""

    lots: int = 0
    cost: int = 0
    isolated: int = 0  # of the wallet, set aside for this position

    @property
    def side(self) -> int:
        """+1 long, -1 short, 0 nothing."""
        return (self.lots > 0) - (self.lots < 0)

    def unrealised(self, mark_ticks: int, unit: int) -> int:
        """Profit if all were closed at the mark."""
        return self.side * (abs(self.lots) * mark_ticks * unit - self.cost)

    def entry_e8(self, listing: Listing) -> int:
        """Average entry price in 1e-8 quote, cut off."""
        return self.cost * E8 // (abs(self.lots) * listing.lot_e8) if self.lots else 0

    def book(self, side: int, ticks: int, lots: int, unit: int) -> int:
        """Take a fill in; the profit that it realises."""
        closing = min(lots, abs(self.lots)) if side == -self.side else 0
        realised = self._close(closing, ticks, unit) if closing else 0
        opening = lots - closing
        self.lots += side * opening
        self.cost += opening * ticks * unit
        assert (self.cost > 0) == (self.lots != 0), "a position has a cost, and nothing held has none"
        return realised

    def _close(self, closing: int, ticks: int, unit: int) -> int:
        side = self.side
        share = self.cost * closing // abs(self.lots)
        self.cost -= share
        self.lots -= side * closing
        return side * (closing * ticks * unit - share)


def fee_of(notional: int, ppm: int) -> int:
    """The fee on ``notional``, rounded to the nearest minor unit, half up."""
    return (notional * ppm + PPM // 2) // PPM


@dataclass(slots=True)
class Ledger:
    """The books of one account."""

    wallet: int = 0
    deposited: int = 0
    realised: int = 0
    fees: int = 0
    funding: int = 0
    insurance: int = 0  # what the insurance fund paid for us after a liquidation
    flows: int = 0  # every payment between the account and the rest of the world, summed apart
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)

    def position(self, symbol: str, leg: str = BOTH) -> Position:
        """A position in ``symbol``, made when it is first asked for."""
        return self.positions.setdefault((symbol, leg), Position())

    def deposit(self, amount: int) -> None:
        """Money comes in."""
        self.wallet += amount
        self.deposited += amount
        self.flows += amount
        self._conserve()

    @property
    def isolated(self) -> int:
        """What is set aside for isolated positions."""
        return sum(position.isolated for position in self.positions.values())

    def pay_funding(self, symbol: str, leg: str, amount: int, *, isolates: bool) -> None:
        """Funding of a position: received, or paid when negative; from its own margin where it is isolated."""
        self.wallet += amount
        self.funding += amount
        self.flows += amount
        if isolates:
            self.position(symbol, leg).isolated += amount
        self._conserve()

    def insure(self, amount: int) -> None:
        """The insurance fund covers what a liquidation lost beyond the margin."""
        assert amount > 0, "the fund pays, it never takes"
        self.wallet += amount
        self.insurance += amount
        self.flows += amount
        self._conserve()

    @staticmethod
    def isolate(position: Position, before: tuple[int, int], leverage: int) -> None:
        """Set aside what the change from ``before`` (lots, cost) needs, or give back what it frees."""
        lots, cost = before
        if lots * position.lots <= 0:
            lots = cost = position.isolated = 0
        if abs(position.lots) > abs(lots):
            position.isolated += -(-(position.cost - cost) // leverage)
        elif lots:
            position.isolated = position.isolated * abs(position.lots) // abs(lots)

    def fill(self, listing: Listing, side: int, ticks: int, lots: int, ppm: int, leg: str = BOTH) -> tuple[int, int]:
        """Book one fill; (realised, fee)."""
        position = self.position(listing.id, leg)
        worth_before = position.side * position.cost
        realised = position.book(side, ticks, lots, listing.unit)
        notional = listing.notional(ticks, lots)
        fee = fee_of(notional, ppm)
        self.wallet += realised - fee
        self.realised += realised
        self.fees += fee
        # The counterparty gets side * notional for the contract: profit is that payment
        # against the change of what the position cost us, whatever its parts were.
        self.flows += position.side * position.cost - worth_before - side * notional - fee
        assert leg == BOTH or position.side in (0, {LONG: 1, SHORT: -1}[leg]), "a leg keeps its side"
        self._conserve()
        return realised, fee

    def _conserve(self) -> None:
        earned = self.realised - self.fees + self.funding + self.insurance
        assert self.wallet == self.deposited + earned, "money appeared or vanished"
        assert self.wallet == self.flows, "what was paid is not what was booked"
