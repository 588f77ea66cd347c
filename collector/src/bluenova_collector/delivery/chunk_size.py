"""How long a chunk may be: shorter after one was lost, longer after many arrived. Pure."""

from bluenova_shared.wire import CHUNK_BYTES

SMALLEST_CHUNK_BYTES = 4096
# After so many chunks that arrived, longer ones are tried; after more, each time that proves wrong.
FIRST_PATIENCE = 16
LONGEST_PATIENCE = 1024


class ChunkSize:
    """Learns from what becomes of chunks.

    A broker that finds one too long may cut the link, or drop it without a word.
    """

    def __init__(self) -> None:
        self.bytes = CHUNK_BYTES
        self._breaks_link = False  # whether a longer chunk did
        self._arrived = 0  # chunks, since their length last changed
        self._is_trial = False  # whether the next one is longer than those that arrived
        self._patience = FIRST_PATIENCE

    def arrived(self) -> None:
        """A chunk was answered."""
        self._arrived += 1
        if self._is_trial:  # it was right to be longer
            self._is_trial = False
            self._patience = max(self._patience // 2, FIRST_PATIENCE)
        if self.bytes == CHUNK_BYTES:
            self._breaks_link = False
        elif self._arrived >= self._patience:
            self.bytes = min(2 * self.bytes, CHUNK_BYTES)
            self._arrived, self._is_trial = 0, True

    def unanswered(self, *, others_arrived: bool) -> None:
        """A chunk was not answered; if others were, it may well have been the length."""
        self._arrived, self._is_trial = 0, False
        if others_arrived and self.bytes > SMALLEST_CHUNK_BYTES:
            self._patience = min(2 * self._patience, LONGEST_PATIENCE)
        self.bytes = max(self.bytes // 2, SMALLEST_CHUNK_BYTES)

    def broke_link(self) -> None:
        """The link dropped under a chunk."""
        self.unanswered(others_arrived=True)
        self._breaks_link = True

    def recorder_is_ready(self) -> None:
        """Chunks that were not answered may have had nobody to answer them."""
        if not self._breaks_link:
            self.bytes, self._patience = CHUNK_BYTES, FIRST_PATIENCE
