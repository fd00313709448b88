r"""Who owns what: free and locked units of 1e-8 of every asset, and the proof that nothing appears or vanishes.

outside --deposit--> free <--unlock-- locked     per account and asset
                      |  --lock------>  |
   market <--pays-----+-----------------+        the market and the fees are purses as well
   market --gives--> free (less the fee --> fees)

always, per asset: sum(free + locked) + market + fees == deposited
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Purse:
    """One account's units of one asset."""

    free: int = 0
    locked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """One trade as the vault sees it: ``paid`` out of locked units, ``received`` less ``fee`` into free ones."""

    pays: str
    paid: int
    receives: str
    received: int
    fee: int


@dataclass(slots=True)
class Vault:
    """All purses of all accounts."""

    purses: dict[str, dict[str, Purse]] = field(default_factory=dict)
    market: dict[str, int] = field(default_factory=dict)
    fees: dict[str, int] = field(default_factory=dict)
    deposited: dict[str, int] = field(default_factory=dict)

    def purse(self, account: str, asset: str) -> Purse:
        """The purse, made when it is first asked for."""
        return self.purses.setdefault(account, {}).setdefault(asset, Purse())

    def deposit(self, account: str, asset: str, amount: int) -> None:
        """Units come in, or with a negative amount go out."""
        self.purse(account, asset).free += amount
        self.deposited[asset] = self.deposited.get(asset, 0) + amount
        self.prove(account, asset)

    def lock(self, account: str, asset: str, amount: int) -> None:
        """Bind free units to an order; a negative amount frees them."""
        purse = self.purse(account, asset)
        purse.free -= amount
        purse.locked += amount
        self.prove(account, asset)

    def swap(self, account: str, swap: Swap) -> None:
        """Exchange locked units for others with the market."""
        self.purse(account, swap.pays).locked -= swap.paid
        self.market[swap.pays] = self.market.get(swap.pays, 0) + swap.paid
        self.market[swap.receives] = self.market.get(swap.receives, 0) - swap.received
        self.purse(account, swap.receives).free += swap.received - swap.fee
        self.fees[swap.receives] = self.fees.get(swap.receives, 0) + swap.fee
        self.prove(account, swap.pays)
        self.prove(account, swap.receives)

    def total(self, asset: str) -> int:
        """Every unit of the asset, wherever it is."""
        held = sum(purses[asset].free + purses[asset].locked for purses in self.purses.values() if asset in purses)
        return held + self.market.get(asset, 0) + self.fees.get(asset, 0)

    def prove(self, account: str, asset: str) -> None:
        """Assert that nobody owes and that every unit is where it was put."""
        purse = self.purse(account, asset)
        assert purse.free >= 0, "an account cannot owe a spot asset"
        assert purse.locked >= 0, "more was spent than was locked"
        assert self.total(asset) == self.deposited.get(asset, 0), "units of an asset appeared or vanished"
