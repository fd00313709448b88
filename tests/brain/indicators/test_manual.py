"""docs/indicators.md says what the code does."""

from tests.brain.indicators.manual import PAGE, written


def test_the_table_is_the_code():
    """Every indicator with its outputs, warm-up, source and difference; rewrite it with the module's command."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page)
