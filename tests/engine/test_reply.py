"""An answer as it grows."""

from engine.books import Books
from engine.events import Started
from engine.messages import Compare
from engine.reply import Reply


def test_events_change_the_books_at_once_and_an_answer_is_taken_once():
    """The books know the run before the answer is taken; the next answer is empty."""
    books = Books()
    reply = Reply(books)
    reply.record(Started(run="r", account="main", venue="paper", wall_ns=1))
    reply.act(Compare("start"))
    assert books.run == "r"
    answer = reply.take()
    assert (len(answer.events), answer.actions) == (1, (Compare("start"),))
    assert reply.take().events == ()
