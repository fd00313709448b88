"""The command line: reads what was typed, refuses what makes no sense, and hands over.

exit 0  it worked        1  a check or a run failed        2  bad usage or bad input, one line on stderr
"""

import argparse
import difflib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from orchestrator.arguments import names, number, place, seconds, seed, whole
from orchestrator.settings import BadInputError, NotStartedError, build

LATER = ("optimise", "train", "record", "download")
WHAT = "synthetic, or files (or a folder) of candles or of recorded trades"
MIRROR = "; or binanceusdm: the real public market, mirrored, at its own speed"
ONLY_LIVE = ("exchange", "keys", "observe", "yes", "demo")
AGENT_WORDS = (4, 6)  # agent ROLE --session DIR, and of a standby --cue N
PEOPLE = {
    "close": ("SYMBOL", "close what is held of a symbol; no re-entry until the strategy changes its mind"),
    "pause": ("NAME", "a symbol or a strategy adds nothing any more; exits and stops go on"),
    "resume": ("NAME", "end a pause"),
    "move-stop": ("SYMBOL", "move the stop of a position; it stands until the strategy's next target"),
    "cancel": ("ID", "cancel an order of ours, by client id or number"),
    "adopt": (
        "SYMBOL",
        "make lots that were traded by hand a strategy's own; CASH: book what the exchange's cash differs by",
    ),
    "ignore": ("SYMBOL", "leave lots that were traded by hand alone, and trade on beside them"),
}


class Parser(argparse.ArgumentParser):
    """argparse, with one line for what went wrong."""

    commands: Mapping[str, argparse.ArgumentParser]  # of the top level, by name

    def error(self, message: str) -> NoReturn:
        """Say it and exit 2."""
        raise BadInputError(f"{message} (see: python {self.prog} --help)")


def market_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that runs a market."""
    add = parser.add_argument
    add("--config", type=Path, metavar="FILE", help="TOML over the profile; unknown keys are refused")
    add("--market", nargs="+", metavar="WHAT", help=WHAT + MIRROR)
    which = "ccxt unified symbols, e.g. BTC/USDT:USDT; those of the market when left out"
    add("--symbols", type=names, metavar="A,B", help=which)
    which = "ours, or the path of your own file; may be repeated"
    add("--strategy", type=names, action="append", metavar="NAME", help=which)
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="any setting by its dotted name")
    add("--speed", metavar="X", help="market seconds a second (60), or max, or step")
    add("--seed", type=seed, metavar="N", help="everything random; printed when not given")
    add("--seconds", type=seconds, metavar="N", help="stop by itself (also RUN_SECONDS)")
    add("--max-candles", type=whole, metavar="N", help="stop by itself (also MAX_LOOPS)")
    add("--faults", type=Path, metavar="FILE", help="what shall go wrong at the embedded exchange, TOML or JSON")
    add("--json", type=place, metavar="PATH", help="write the summary there; - is standard output")


def state_option(parser: argparse.ArgumentParser) -> None:
    """Add where sessions are kept."""
    parser.add_argument("--state", type=Path, default=Path("var"), metavar="DIR", help="where sessions are kept (var/)")


def live_options(parser: argparse.ArgumentParser) -> None:
    """Add what belongs to real exchanges."""
    add = parser.add_argument
    add("--live", action="store_true", help="trade on a real exchange: keys, doctor, typed confirmation")
    add("--exchange", metavar="NAME", help="with --live: which, e.g. binanceusdm")
    add("--keys", type=Path, metavar="FILE", help="with --live: their file, mode 0600; else environment")
    add("--observe", action="store_true", help="with --live: reconcile and decide, but send nothing")
    add("--demo", action="store_true", help="with --live: the exchange's demo trading, its hosts and keys, play money")
    add("--yes", action="store_true", help="with --live: no typed confirmation")


def parser() -> Parser:
    """Return the whole command line."""
    top = Parser(prog="run.py", description="Ringmaster: a trading engine for crypto markets.")
    top.add_argument("--paper", action="store_true", help="trade with play money on the embedded exchange")
    live_options(top)
    market_options(top)
    state_option(top)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)

    def command(name: str, text: str, act: Callable[[argparse.Namespace], int], **extra: Any) -> Parser:
        sub = commands.add_parser(name, help=text, description=text, **extra)
        sub.set_defaults(act=act)
        return sub

    state_option(sub := command("status", "one page about the running session", _status))
    sub.add_argument("--json", type=place, metavar="PATH", help="write it there; - is standard output")
    state_option(sub := command("stop", "end the running session in order", _stop))
    how = sub.add_mutually_exclusive_group()
    how.add_argument("--leave", action="store_true", help="keep positions and their stops (the default)")
    how.add_argument("--flatten", action="store_true", help="close every position first")
    state_option(
        sub := command("kill-switch", "stop trading now: no entries until it is off and a session starts", _kill)
    )
    levels = "NO_ENTRIES, EXITS_ONLY (on), FLATTEN, HALT"
    sub.add_argument("position", metavar="on|off|LEVEL", help=f"{levels}; off: the next session may trade")
    people_commands(command)
    state_option(sub := command("doctor", "check machine, memory, disk, settings; say what to do", _doctor))
    sub.add_argument("--config", type=Path, metavar="FILE", help="check this file of settings too")
    sub.add_argument("--json", type=place, metavar="PATH", help="write it there; - is standard output")
    markets_command(command)
    research_commands(command)
    exchange_command(command)
    top.commands = commands.choices
    return top


def markets_command(command: Callable[..., Parser]) -> None:
    """Add what would be traded."""
    sub = command("markets", "what the rules of market.universe would trade, and why not the others", _markets)
    sub.add_argument("--market", nargs="+", metavar="WHAT", help=WHAT + MIRROR)
    # A name of its own: the top level's --exchange belongs to --live.
    sub.add_argument("--exchange", dest="of", metavar="NAME", help="what --live would trade there, without keys")
    sub.add_argument("--file", type=Path, nargs="+", metavar="FILE", help="of recorded exchangeInfo, JSON or gzip")
    sub.add_argument("--config", type=Path, metavar="FILE", help="TOML over the profile; unknown keys are refused")
    sub.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any setting by its dotted name")
    sub.add_argument("--all", action="store_true", help="a line for every market that is left out")
    sub.add_argument("--json", type=place, metavar="PATH", help="write everything there; - is standard output")


def people_commands(command: Callable[..., Parser]) -> None:
    """Add what a person may do to a running session by hand."""
    for name, (metavar, text) in PEOPLE.items():
        state_option(sub := command(name, text, _ask))
        sub.add_argument("subject", metavar=metavar)
        if name == "move-stop":
            sub.add_argument("price", metavar="PRICE", help="where the stop goes, on the instrument's grid")
        if name == "adopt":
            sub.add_argument("--stop", dest="price", metavar="PRICE", help="where its stop belongs")
            sub.add_argument("--strategy", dest="strategy_name", metavar="NAME", help="whose it becomes")
        sub.add_argument("--why", default="", metavar="TEXT", help="for the journal")


def research_commands(command: Callable[..., Parser]) -> None:
    """Add what looks at records and at candles."""
    state_option(sub := command("why", "the decision records there, in words", _why))
    sub.add_argument("symbol", help="e.g. BTC/USDT:USDT")
    sub.add_argument("time", help="market time, e.g. 2025-11-20T12:31 (UTC)")
    sub.add_argument("--session", type=Path, metavar="DIR", help="the newest when left out")
    sub.add_argument("--json", type=place, metavar="PATH", help="write them there; - is standard output")
    state_option(sub := command("replay", "prove that a recorded session decides the same again", _replay))
    sub.add_argument("session", type=Path, nargs="?", metavar="SESSION", help="its folder; the newest when left out")
    sub.add_argument("--json", type=place, metavar="PATH", help="write the result there; - is standard output")
    state_option(sub := command("statement", "a day of the account: every line that changed the wallet", _statement))
    sub.add_argument("--day", metavar="D", help="of market time, e.g. 2025-11-20 (UTC); the last one when left out")
    sub.add_argument("--account", metavar="NAME", help="e.g. binanceusdm-main; every one when left out")
    sub.add_argument("--json", type=place, metavar="PATH", help="write it there; - is standard output")
    state_option(sub := command("trades", "what the account has traded, from flat to flat, by strategy", _trades))
    sub.add_argument("--account", metavar="NAME", help="e.g. binanceusdm-main; every one when left out")
    sub.add_argument("--symbol", metavar="S", help="only this one, e.g. BTC/USDT:USDT")
    sub.add_argument("--strategy", metavar="NAME", help="only this one's")
    sub.add_argument("--positions", action="store_true", help="every step of the positions instead")
    sub.add_argument("--json", type=place, metavar="PATH", help="write it there; - is standard output")
    sub = command("backtest", "trade a strategy over recorded candles", _backtest)
    sub.add_argument("--data", nargs="+", required=True, metavar="FILE", help="candle files, or a folder of them")
    sub.add_argument("--strategy", type=names, metavar="NAME", help="a strategy of ours, or the path of your own file")
    sub.add_argument("--symbols", type=names, metavar="A,B", help="only these of the files' symbols")
    sub.add_argument("--config", type=Path, metavar="FILE", help="TOML over the profile; unknown keys are refused")
    sub.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any setting by its dotted name")
    sub.add_argument("--max-candles", type=whole, metavar="N", help="stop once so many have closed, of all symbols")
    sub.add_argument("--json", type=place, metavar="PATH", help="write the report there; - is standard output")
    sub.add_argument("--out", type=Path, metavar="DIR", help="write report.json, trades.csv and equity.csv there")
    command("indicator", "one indicator over a candle file, as CSV (indicator --help lists them)", _indicator)


def exchange_command(command: Callable[..., Parser]) -> None:
    """Add the embedded exchange on its own."""
    sub = command("exchange", "the embedded exchange alone, for any Binance client", _exchange)
    sub.add_argument("--port", type=number, required=True, metavar="N", help="of loopback; 0: any that is free")
    sub.add_argument("--data", nargs="+", default=["synthetic"], metavar="WHAT", help=WHAT)
    sub.add_argument("--speed", default="1", metavar="X", help="market seconds a second (1), or max")
    sub.add_argument("--seed", type=seed, default=1, metavar="N", help="of a synthetic market (1)")
    sub.add_argument("--faults", type=Path, metavar="FILE", help="what shall go wrong, TOML or JSON")
    # A name of its own: the session's --state of the top level has a default, and this has none.
    sub.add_argument("--state", dest="keep", type=Path, metavar="DIR", help="keep its books there over a restart")
    sub.add_argument(
        "--limits", choices=("generous", "published"), default="generous", help="the exchange's own, or none"
    )
    sub.add_argument("--certificate", type=place, metavar="FILE", help="write there what TLS clients must trust")
    for name, what in (("order", "until a request reaches the book"), ("feed", "until news reaches a client")):
        sub.add_argument(f"--{name}-latency", type=number, default=0, metavar="MS", help=f"of market time, {what}")
        sub.add_argument(
            f"--{name}-jitter", type=number, default=0, metavar="MS", help="at most so much more, by --seed"
        )


def main(argv: Sequence[str]) -> int:
    """Do what ``argv`` says; returns the exit code."""
    try:
        if argv and argv[0] == "agent":
            _check_agent(argv)
            from orchestrator.process import enter

            return enter(argv[1:])
        if argv and argv[0] == "indicator":
            from orchestrator.indicate import compute

            return compute(argv[1:], Parser, place)
        top = parser()
        _check_command(argv[0] if argv else "", list(top.commands))
        return _act(top.parse_args(argv))
    except BadInputError as error:
        # What a file contains may be quoted here; a terminal obeys what is not text.
        print("run.py: " + "".join(c if c.isprintable() else "?" for c in str(error)), file=sys.stderr)
        return 2
    except NotStartedError as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output has enough; tell the interpreter not to try again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _check_agent(argv: Sequence[str]) -> None:
    """Refuse an agent that no supervisor started."""
    if len(argv) not in AGENT_WORDS or "RINGMASTER_PARENT" not in os.environ:
        raise BadInputError("agent is how the supervisor starts a process; start with: python run.py --paper")


def _check_command(word: str, known: Sequence[str]) -> None:
    """Refuse a first word that is no command of this version."""
    if word in LATER:
        raise BadInputError(f"{word} is not in this version; here are: --paper, {', '.join(known)}")
    if word and not word.startswith("-") and word not in known:
        near = difflib.get_close_matches(word, known, n=1)
        raise BadInputError(f"{word} is no command; " + (f"did you mean {near[0]}?" if near else "see --help"))


def _act(typed: argparse.Namespace) -> int:
    if typed.live and typed.paper:
        raise BadInputError("--paper and --live are two commands; give one of them")
    if not typed.live and (word := next((word for word in ONLY_LIVE if getattr(typed, word)), "")):
        raise BadInputError(f"--{word} belongs to --live")
    if typed.command is not None:
        if typed.paper or typed.live:
            mode = "--paper" if typed.paper else "--live"
            raise BadInputError(f"{mode} and {typed.command} are two commands; give one of them")
        act: Callable[[argparse.Namespace], int] = typed.act
        return act(typed)
    if not typed.paper and not typed.live:
        raise BadInputError("nothing to do; start with: python run.py --paper (see: python run.py --help)")
    typed.seconds = typed.seconds or _from_environment("RUN_SECONDS", seconds)
    typed.max_candles = typed.max_candles or _from_environment("MAX_LOOPS", whole)
    if typed.live:
        from orchestrator import live

        return live.trade(typed)
    from orchestrator import paper

    return paper.trade(typed)


def _from_environment(name: str, kind: Callable[[str], Any]) -> Any:
    text = os.environ.get(name, "")
    if not text:
        return None
    try:
        return kind(text)
    except (ValueError, argparse.ArgumentTypeError):
        raise BadInputError(f"{name}={text} in the environment is not a number above 0") from None


def _status(typed: argparse.Namespace) -> int:
    from orchestrator.status import show

    return show(typed.state, typed.json)


def _stop(typed: argparse.Namespace) -> int:
    from orchestrator.status import stop

    return stop(typed.state, flatten=typed.flatten)


def _kill(typed: argparse.Namespace) -> int:
    from orchestrator.killswitch import turn

    return turn(typed.state, typed.position)


def _ask(typed: argparse.Namespace) -> int:
    from orchestrator.petitions import ask

    return ask(typed)


def _doctor(typed: argparse.Namespace) -> int:
    from orchestrator.doctor import examine

    return examine(typed.state, typed.config, typed.json)


def _markets(typed: argparse.Namespace) -> int:
    from orchestrator.markets import show

    return show(typed, dict(os.environ))


def _why(typed: argparse.Namespace) -> int:
    from orchestrator.why import explain

    return explain(typed.state, typed.session, (typed.symbol, typed.time), typed.json)


def _indicator(typed: argparse.Namespace) -> int:
    raise BadInputError(f"{typed.command} comes first: python run.py indicator NAME --data FILE --out FILE")


def _replay(typed: argparse.Namespace) -> int:
    from orchestrator.research.replay import replay

    return replay(typed.state, typed.session, typed.json)


def _statement(typed: argparse.Namespace) -> int:
    from orchestrator.statement import show

    return show(typed.state, typed.day, typed.account, typed.json)


def _trades(typed: argparse.Namespace) -> int:
    from orchestrator.trades import Wanted, show

    wanted = Wanted(account=typed.account, symbol=typed.symbol, strategy=typed.strategy, has_positions=typed.positions)
    return show(typed.state, wanted, typed.json)


def _backtest(typed: argparse.Namespace) -> int:
    from orchestrator.research.backtest import backtest

    return backtest(typed)


def _exchange(typed: argparse.Namespace) -> int:
    from orchestrator.solo import Solo, serve_exchange

    distance = {
        "order_latency_ms": typed.order_latency,
        "order_jitter_ms": typed.order_jitter,
        "feed_latency_ms": typed.feed_latency,
        "feed_jitter_ms": typed.feed_jitter,
        "latency_seed": typed.seed,
    }
    return serve_exchange(
        Solo(
            port=typed.port,
            data=typed.data,
            speed=typed.speed,
            seed=typed.seed,
            has_published_limits=typed.limits == "published",
            certificate=Path(typed.certificate) if typed.certificate else None,
            faults=typed.faults,
            state=typed.keep,
            distance=build({"exchange": distance}).exchange,
        )
    )
