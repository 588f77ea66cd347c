"""What all that runs as a child process has in common: a `with` block, its log, its troubles."""

import signal
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from bluenova_tools.local.child import Child


class Running(ABC):
    """Runs within a `with` block, and is gone with all that it left when that ends."""

    child: Child

    @abstractmethod
    def start(self) -> None:
        """Starts it, or starts it again."""

    @abstractmethod
    def close(self) -> None:
        """Ends it, and removes what it left."""

    def stop(self) -> None:
        """Ends it in good order."""
        self.child.end(signal.SIGTERM, timeout_s=5)

    def restart(self) -> None:
        """Stops it and starts it again, on the same port and data."""
        self.stop()
        self.start()

    @property
    def log(self) -> Path:
        """The file with all that it printed, over its restarts."""
        return self.child.log

    @property
    def running(self) -> bool:
        """Whether the process exists. A frozen one does."""
        return self.child.running

    def lines(self) -> list[str]:
        """All that it has printed so far."""
        return self.child.lines()

    def kill(self) -> None:
        """Ends it as a crash would (SIGKILL)."""
        self.child.kill()

    def freeze(self) -> None:
        """Stops it from running, connections open: what a hanging host looks like."""
        self.child.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it run on after `freeze`."""
        self.child.send(signal.SIGCONT)

    def __enter__(self) -> Self:
        """Starts it."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it."""
        self.close()
