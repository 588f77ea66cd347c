"""What was published over a connection, and whether the broker acknowledges it. Pure."""


class Acknowledgements:
    """The messages that are out; those of QoS 0 are acknowledged as soon as they are sent.

    The oldest may stay out for `patience` looks, which are a second apart. Looks are counted, not
    the time: one who slept has not looked.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._out: dict[int, tuple[str, int]] = {}  # topics and QoS by the message's number
        self._oldest: int | None = None
        self._looks = 0

    def sent(self, number: int, topic: str, qos: int) -> None:
        """A message with this number is on its way."""
        self._out[number] = topic, qos

    def came(self, number: int) -> str:
        """That one is acknowledged; returns its topic, empty if it is not one of these."""
        topic, _ = self._out.pop(number, ("", 0))
        return topic

    @property
    def all_came(self) -> bool:
        """Whether nothing is out."""
        return not self._out

    @property
    def missing(self) -> frozenset[str]:
        """The topics of what was sent at QoS 1 and is out."""
        return frozenset(topic for topic, qos in self._out.values() if qos > 0)

    def look(self) -> str | None:
        """To be called once a second; gives the topic of one that has been out for too long."""
        oldest = next((number for number, (_, qos) in self._out.items() if qos > 0), None)
        self._looks = self._looks + 1 if oldest == self._oldest else 0
        self._oldest = oldest
        if oldest is None or self._looks < self._patience:
            return None
        return self._out[oldest][0]
