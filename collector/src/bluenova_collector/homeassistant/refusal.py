"""How long a message may be for a broker that ends the connection when one is too long. Pure.

Mosquitto's `message_size_limit` is such a limit: it is not announced, and the answer to a longer
message (reason 149 in a PUBACK) is one that MQTT does not allow there, so paho ends the connection.
"""

from enum import Enum

AGAIN_S = 60.0
# A connection that lives so long after a message has not ended because of it.
TRIAL_S = 10.0


class News(Enum):
    """What a connection that ended has taught."""

    SUSPECT = "a message of this length may be refused; it is tried once more"
    LEFT_OUT = "it is refused: it goes out no more"


class Refusal:
    """From which length on messages are held back, and when one of them is tried once more.

    A connection that ended with a message on its way makes it, and all that are not shorter,
    suspect. One of them is tried again after `again_s`. If that connection ends, too, they are left
    out, until one ends for another reason: the broker may have been restarted, with another limit.
    """

    def __init__(self, again_s: float = AGAIN_S) -> None:
        self._again_s = again_s
        self._suspect: int | None = None  # bytes
        self._next_s: float | None = None  # None: no more
        self._trial_ends_s: float | None = None

    def connection_lost(self, on_its_way: int | None, now_s: float) -> News | None:
        """A connection ended, perhaps with messages on their way, the shortest of so many bytes."""
        was_trial, self._trial_ends_s = self._trial_ends_s is not None, None
        if on_its_way is None:
            self._next_s = now_s
            return None
        before = self._suspect
        self._suspect = on_its_way if before is None else min(before, on_its_way)
        if before is None or on_its_way < before:
            self._next_s = now_s + self._again_s
            return News.SUSPECT
        if was_trial:
            self._next_s = None
            return News.LEFT_OUT
        return None

    def admits(self, length: int, now_s: float, *, trial: bool) -> bool:
        """Whether a message of so many bytes may go out now.

        If not, the next may, when it is time for a `trial` and the caller allows one.
        """
        if self._trial_ends_s is not None and now_s >= self._trial_ends_s:
            self._suspect = self._trial_ends_s = None
        if self._suspect is None or length < self._suspect:
            return True
        if self._trial_ends_s is not None or self._next_s is None:
            return False
        if now_s < self._next_s or not trial:
            return False
        self._trial_ends_s = now_s + TRIAL_S
        return True
