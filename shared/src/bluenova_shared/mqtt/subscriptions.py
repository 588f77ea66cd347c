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
        self._asked: dict[int, Sequence[Subscription]] = {}
        self._granted: set[str] = set()
        self._refused: list[Subscription] = []
        self._backoff = Backoff.doubling(1, 60)
        self._looks = 0.0

    def begin(self) -> list[Subscription]:
        """All of them, to be asked for now."""
        self._granted.clear()
        self._refused.clear()
        return self._all

    def add(self, more: Sequence[Subscription]) -> None:
        """Needs these, too; to be asked for now if the others were."""
        self._all += more
        self._needed |= {topic_filter for topic_filter, _ in more}

    def asked(self, number: int, for_what: Sequence[Subscription]) -> None:
        """These were asked for, in a message with this number."""
        self._asked[number] = for_what

    def answered(self, number: int, are_refused: Sequence[bool]) -> list[str]:
        """What the broker says to that message, in its order; returns the filters it refuses."""
        refused = []
        for one, is_refused in zip(self._asked.pop(number, []), are_refused, strict=False):
            if is_refused:
                refused.append(one)
            else:
                self._granted.add(one[0])
        if refused:
            self._looks = self._backoff.next_s()
        self._refused += refused
        return [topic_filter for topic_filter, _ in refused]

    def look(self) -> list[Subscription]:
        """To be called once a second; gives what is to be asked for again now."""
        self._looks -= 1
        if self._looks > 0:
            return []
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
