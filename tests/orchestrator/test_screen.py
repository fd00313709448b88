"""The screen: lines for a pipe, a live line for a terminal."""

import io

from orchestrator.screen import CLEAR, Screen


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Somebody watches."""
        return True


class Broken(io.StringIO):
    """A pipe whose reader is gone."""

    def write(self, _: str) -> int:
        """Refuse."""
        raise BrokenPipeError


def test_a_pipe_gets_plain_lines_and_no_live_line():
    """No control character, no redrawing."""
    stream = io.StringIO()
    screen = Screen(stream)
    screen.live("12:31 equity 1")
    screen.check("memory", "ok")
    assert stream.getvalue() == "[ok] memory        ok\n"


def test_a_line_goes_above_the_live_line():
    """The live line is taken away, and drawn again below."""
    stream = Terminal()
    screen = Screen(stream)
    screen.live("live")
    screen.line("news")
    screen.settle()
    assert stream.getvalue() == f"{CLEAR}live{CLEAR}news\nlive{CLEAR}"


def test_a_reader_that_leaves_does_not_end_the_session():
    """After a broken pipe the screen is silent."""
    screen = Screen(Broken())
    screen.line("anything")
    assert screen.is_broken
