"""How long a message may be for a broker that ends the connection when one is too long. Pure.

Mosquitto's `message_size_limit` is such a limit: it is not announced, and the answer to a longer
message (reason 149 in a PUBACK) is one that MQTT does not allow there, so paho ends the connection.
"""

from bluenova_shared.backoff import Backoff

FIRST_S, LONGEST_S = 60.0, 86400.0
# A connection that lives so long after a message has not ended because of it.
TRIAL_S = 10.0


class Refusal:
    """From which length on messages are held back, and when one of them is tried again.

    A connection that ended with a message on its way makes it, and all that are not shorter,
    suspect. They are tried one at a time, ever more rarely, for the first time after `first_s`.
    """

    def __init__(self, first_s: float = FIRST_S) -> None:
        self._suspect: int | None = None  # bytes
        self._backoff = Backoff.doubling(first_s, LONGEST_S)
        self._next_s = 0.0
        self._trial_ends_s: float | None = None

    def connection_lost(self, on_its_way: int | None, now_s: float) -> bool:
        """A connection ended, perhaps with messages on their way, the shortest of so many bytes.

        True if it is news that a message of this length may be refused.
        """
        self._trial_ends_s = None
        if on_its_way is None:
            # It was not our doing; perhaps the broker was restarted, with another limit.
            self._next_s = now_s
            return False
        before, self._suspect = self._suspect, on_its_way
        self._next_s = now_s + self._backoff.next_s()
        return before is None or on_its_way < before

    def admits(self, length: int, now_s: float, *, trial: bool) -> bool:
        """Whether a message of so many bytes may go out now.

        If not, the next may, when it is time for a `trial` and the caller allows one.
        """
        if self._trial_ends_s is not None and now_s >= self._trial_ends_s:
            self._suspect = self._trial_ends_s = None
            self._backoff.reset()
        if self._suspect is None or length < self._suspect:
            return True
        if self._trial_ends_s is not None or now_s < self._next_s or not trial:
            return False
        self._trial_ends_s = now_s + TRIAL_S
        return True
