"""What the exchange says of the account: asked for as the reconciler needs it, in few questions, however many symbols.

positions, wallet, open orders ------------------------------------> Snapshot
trades: where those differ from the books, and of others in turn ----^
        everywhere, where the whole is asked for
"""

from collections.abc import Callable, Mapping, Sequence

from engine.books import Books
from engine.comparison import OrderThere, Snapshot, TradeThere, stirring, there_of
from engine.rota import Rota, few_at_once
from engine.venue.base import Venue


class Inventory:
    """One account at one venue, asked again and again."""

    def __init__(self, venue: Venue, symbols: Sequence[str], asset: str, beat: Callable[[], None]) -> None:
        """``beat`` is called between questions: a process that asks still lives."""
        self._venue, self._asset, self._beat = venue, asset, beat
        self._symbols = tuple(symbols)
        self._rota = Rota(symbols)

    async def take(self, books: Books, trades_from: Mapping[str, int], *, whole: bool) -> Snapshot:
        """What is there now; ``books``, as they are, say where trades may tell more."""
        positions = {seen.symbol: seen.lots for seen in await self._venue.positions()}
        wallet = await self._venue.wallet(self._asset)
        orders: list[OrderThere] = []
        trades: list[TradeThere] = []
        if self._rota.is_long:
            orders += [there_of(seen) for seen in await self._venue.open_orders()]
        asked = self._symbols if whole else self._rota.due(stirring(books, orders, positions))

        async def ask(symbol: str) -> None:
            if not self._rota.is_long:
                orders.extend([there_of(seen) for seen in await self._venue.open_orders(symbol)])
            trades.extend(
                TradeThere(
                    instrument=seen.symbol,
                    trade_id=seen.trade_id,
                    venue_order_id=seen.venue_order_id,
                    side=seen.side,
                    lots=seen.lots,
                    price_ticks=seen.price_ticks,
                )
                for seen in await self._venue.trades_since(symbol, trades_from[symbol])
            )
            self._beat()

        await few_at_once(asked, ask)
        return Snapshot(
            instruments=self._symbols,
            orders=tuple(orders),
            trades=tuple(trades),
            trades_complete_from=tuple((symbol, trades_from[symbol]) for symbol in asked),
            positions=tuple(positions.items()),
            wallet=wallet.wallet,
        )
