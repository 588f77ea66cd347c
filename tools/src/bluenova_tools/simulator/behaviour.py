"""How a simulated battery receives a connection."""

from enum import Enum


class Behaviour(Enum):
    """One way to receive a connection, good or bad."""

    SERVE = "serve"
    """The console, as it should be."""
    SILENT = "silent"
    """The upgrade is answered, pings too, but no line ever comes."""
    HALF_OPEN = "half-open"
    """The upgrade is answered, then nothing: no line, no pong, no close, no FIN."""
    NEVER_ANSWER = "never-answer"
    """TCP is accepted, the upgrade is never answered."""
    NOT_FOUND = "404"
    """HTTP 404 instead of the upgrade."""
    FLAP = "flap"
    """The upgrade is answered, and the connection is closed at once."""
    REFUSE = "refuse"
    """TCP is refused; the port stays ours."""
