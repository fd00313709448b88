"""What the feed says of its data: each kind and symbol seldom, but never once and for all."""

from feed.reports import Reports


class Lines:
    """A log that keeps its lines."""

    def __init__(self):
        self.warned, self.told = [], []

    def warning(self, event, **context):
        """Keep one."""
        self.warned.append((event, context))

    def info(self, event, **context):
        """Keep one that nobody has to read."""
        self.told.append((event, context))


def test_a_storm_is_a_few_lines():
    """A thousand times the same is ten lines, the last of them the 512th; another symbol has its own count."""
    lines = Lines()
    reports = Reports(lines, ("BTC", "ETH").__getitem__)
    for at in range(1000):
        reports.tell(0, f"REST: attempt {at}", at)
    assert [context["times"] for _, context in lines.warned] == [1 << n for n in range(10)]
    reports.tell(1, "REST: attempt 1", 5)
    assert lines.warned[-1] == ("market data", {"symbol": "ETH", "what": "REST: attempt 1", "open_ns": 5, "times": 1})


def test_what_every_stream_brings_is_no_warning():
    """A duplicate is told, where nobody has to read it; what belongs to no symbol has none."""
    lines = Lines()
    reports = Reports(lines, str)
    reports.tell(0, "DUPLICATE", 1)
    reports.tell(None, "silence: candles", 0)
    assert len(lines.told) == 1
    assert [context["symbol"] for _, context in lines.warned] == [""]
