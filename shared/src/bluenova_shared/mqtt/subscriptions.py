"""What we ask the broker for, and whether it grants that. Pure."""

from collections.abc import Sequence

from bluenova_shared.backoff import Backoff

Subscription = tuple[str, int]  # a topic filter and its QoS


class Subscriptions:
    """The subscriptions of one connection; one that is refused is asked for again, ever later.

    A broker may refuse for a while: until its list of accounts is there, or after a restart.
    """

    def __init__(
        self, needed: Sequence[Subscription], optional: Sequence[Subscription] = ()
    ) -> None:
        self._all = [*needed, *optional]
        self._needed = {topic_filter for topic_filter, _ in needed}
        self._asked: dict[int, Subscription] = {}
        self._granted: set[str] = set()
        self._refused: list[Subscription] = []
        self._backoff = Backoff.doubling(1, 60)
        self._looks = self._backoff.next_s()

    def begin(self) -> list[Subscription]:
        """All of them, to be asked for now."""
        self._granted.clear()
        self._refused.clear()
        return self._all

    def add(self, more: Sequence[Subscription]) -> None:
        """Needs these, too; to be asked for now if the others were."""
        self._all += more
        self._needed |= {topic_filter for topic_filter, _ in more}

    def asked(self, number: int, for_what: Subscription) -> None:
        """This was asked for, in a message with this number."""
        self._asked[number] = for_what

    def answered(self, number: int, *, is_refused: bool) -> str | None:
        """What the broker says to that message; returns the filter if it is refused."""
        if (one := self._asked.pop(number, None)) is None:
            return None
        if is_refused:
            self._refused.append(one)
            return one[0]
        self._granted.add(one[0])
        return None

    def look(self) -> list[Subscription]:
        """To be called once a second; gives what is to be asked for again now."""
        self._looks -= 1
        if self._looks > 0 or not self._refused:
            return []
        self._looks = self._backoff.next_s()
        again, self._refused = self._refused, []
        return again

    @property
    def filters(self) -> list[str]:
        """All filters."""
        return [topic_filter for topic_filter, _ in self._all]

    @property
    def are_granted(self) -> bool:
        """Whether the broker has granted all that we need."""
        return self._needed <= self._granted
