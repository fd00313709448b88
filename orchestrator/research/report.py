"""What a backtest came to: trades from flat to flat, equity, and the figures that people compare.

Money is in minor units of 1e-8 until it is written; ratios are statistics and therefore floats.
Sharpe and Sortino: mean over deviation of the returns of equal periods, times the root of the
periods in a year of 365 days; days where there are 30 of them, hours otherwise.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.books import NOBODY
from engine.history import History
from orchestrator import result
from orchestrator.trades import text_of, told
from orchestrator.why import stamp

if TYPE_CHECKING:
    from brain.strategies.loader import Strategy
    from orchestrator.research.backtest import Course
    from orchestrator.settings import Settings

DAY_NS, HOUR_NS = 86_400_000_000_000, 3_600_000_000_000
YEAR_NS = 365 * DAY_NS
DAYS_MIN = 30


def figures(course: "Course", settings: "Settings", strategies: Sequence["Strategy"], hashed: str) -> dict[str, Any]:
    """Return the whole report, ready for JSON."""
    house = course.house
    trades = [trade for trade in History().follow(house.events).trades if trade.strategy not in NOBODY]
    start = int(settings.market.deposit * 10**8)
    end = course.equity[-1] if course.equity else start
    gains, losses = (sum(abs(t.profit) for t in trades if (t.profit > 0) is is_gain) for is_gain in (True, False))
    period_ns, returns = _returns(course, start)
    yearly = math.sqrt(YEAR_NS / period_ns)
    theirs = house.exchange.account(house.account)
    return {
        "strategy": ", ".join(strategy.name for strategy in strategies),
        "settings": {
            strategy.name: {name: strategy.settings[0][name].item() for name in strategy.settings.dtype.names or ()}
            for strategy in strategies
        },
        "symbols": [listing.symbol for listing in course.listings],
        "from": stamp(course.times_ns[0]) if course.times_ns else "",
        "to": stamp(course.times_ns[-1]) if course.times_ns else "",
        "candles": course.candles,
        "decisions": sum(len(each) for each in course.decisions),
        "orders": house.intents_count,
        "rejects": house.rejects_count,
        "fills": len(house.fills),
        "trades": [told(trade, house.instruments[trade.instrument]) for trade in trades],
        "equity_start": text_of(start),
        "equity_end": text_of(end),
        "unrealised": text_of(house.unrealised),
        "fees": text_of(sum(fill.fee for fill in house.fills)),
        "funding": text_of(sum(paid.amount for paid in house.funded)),
        "return": (end - start) / start,
        "sharpe": _ratio(returns, returns, yearly),
        "sortino": _ratio(returns, [min(0.0, each) for each in returns], yearly, about=0.0),
        "ratio_period": "day" if period_ns == DAY_NS else "hour",
        "max_drawdown": _drawdown([start, *course.equity]),
        "profit_factor": gains / losses if losses else None,
        "win_rate": sum(trade.profit > 0 for trade in trades) / len(trades) if trades else None,
        "exposure": course.exposed / len(course.times_ns) if course.times_ns else 0.0,
        "decision_hash": hashed,
        "difference": text_of(theirs.wallet - house.wallet),
        "seconds": round(course.seconds, 3),
        "candles_per_second": round(course.candles / course.seconds, 1) if course.seconds else 0.0,
    }


def _returns(course: "Course", start: int) -> tuple[int, list[float]]:
    """The length of a period and the return of each whole one."""
    if not course.times_ns:
        return HOUR_NS, []
    span_ns = course.times_ns[-1] - course.times_ns[0]
    period_ns = DAY_NS if span_ns >= DAYS_MIN * DAY_NS else HOUR_NS
    ends = [value for at_ns, value in zip(course.times_ns, course.equity, strict=True) if at_ns % period_ns == 0]
    return period_ns, [after / before - 1.0 for before, after in zip([start, *ends], ends, strict=False)]


def _ratio(
    returns: Sequence[float], spread: Sequence[float], yearly: float, about: float | None = None
) -> float | None:
    """Mean return over the deviation of ``spread``, yearly; None where nothing varies."""
    if len(returns) < 2:
        return None
    mean = math.fsum(returns) / len(returns)
    centre = mean if about is None else about
    deviation = math.sqrt(math.fsum((each - centre) ** 2 for each in spread) / len(spread))
    return mean / deviation * yearly if deviation > 0.0 else None


def _drawdown(equity: Sequence[int]) -> float:
    """The deepest fall from a peak, as a share of the peak."""
    peak, deepest = equity[0], 0.0
    for value in equity:
        peak = max(peak, value)
        deepest = max(deepest, (peak - value) / peak if peak > 0 else 0.0)
    return deepest


def table(found: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that people read."""
    yield f"{found['strategy']} on {', '.join(found['symbols'])}, {found['from']} to {found['to']}"
    rows = [
        ("candles", f"{found['candles']}  ({found['candles_per_second']:.0f} a second)"),
        ("orders, fills, trades", f"{found['orders']}, {found['fills']}, {len(found['trades'])}"),
        ("equity", f"{found['equity_start']} -> {found['equity_end']}  ({found['return']:+.2%})"),
        ("fees, funding", f"{found['fees']}, {found['funding']}"),
        (f"sharpe, sortino (by {found['ratio_period']})", f"{_shown(found['sharpe'])}, {_shown(found['sortino'])}"),
        ("max drawdown", f"{found['max_drawdown']:.2%}"),
        ("win rate, profit factor", f"{_shown(found['win_rate'])}, {_shown(found['profit_factor'])}"),
        ("exposure", f"{found['exposure']:.1%} of the minutes"),
        ("decision hash", found["decision_hash"][:16]),
        ("difference to the exchange's wallet", found["difference"]),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        yield f"  {name:<{width}}  {value}"


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def write(found: dict[str, Any], course: "Course", place: str | None, folder: Path | None) -> None:
    """Write the JSON to ``place`` and, where asked for, report, trades and equity into ``folder``."""
    result.write(found, place)
    if folder is None:
        return
    result.write(found, str(folder / "report.json"))
    with (folder / "trades.csv").open("w", newline="") as file:
        names = list(found["trades"][0]) if found["trades"] else ["symbol"]
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(found["trades"])
    with (folder / "equity.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["time", "equity"])
        rows.writerows(
            [stamp(at_ns), text_of(value)] for at_ns, value in zip(course.times_ns, course.equity, strict=True)
        )
