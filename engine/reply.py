"""An answer as it grows: events change the books at once, actions wait for the disk."""

from engine.books import Books
from engine.events import BookEvent
from engine.messages import Action, Answer


class Reply:
    """What the core will answer to the message that it is digesting."""

    def __init__(self, books: Books) -> None:
        """Start empty."""
        self._books = books
        self._events: list[BookEvent] = []
        self._actions: list[Action] = []

    def record(self, event: BookEvent) -> None:
        """Change the books by ``event``, which the journal will hold before anything is done."""
        self._books.apply(event)
        self._events.append(event)

    def act(self, *actions: Action) -> None:
        """Do ``actions``, in order, once the events are durable."""
        self._actions += actions

    def take(self) -> Answer:
        """The whole answer; the next one starts empty."""
        answer = Answer(tuple(self._events), tuple(self._actions))
        self._events, self._actions = [], []
        return answer
