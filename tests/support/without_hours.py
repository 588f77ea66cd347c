"""A recorder that keeps no hours: what it costs to keep them is measured against it."""

import sys

from bluenova_recorder.__main__ import Parts, serve
from bluenova_recorder.rollup.keeper import HoursKeeper
from bluenova_shared import service


class KeepsNone(HoursKeeper):
    """Computes nothing, and makes no trigger on a table that has none."""

    def work(self) -> bool:
        """All is well, always."""
        return True


def main() -> int:
    """Entry point."""
    parts = Parts(keeper=KeepsNone)
    return service.main("recorder", lambda words: serve(words, parts))


if __name__ == "__main__":
    sys.exit(main())
