"""What all that runs as a child process has in common: a ``with`` block, its log, its troubles."""

import signal
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from bluenova_tools.local.child import Child


class Running(ABC):
    """Runs within a ``with`` block, and is gone with all that it left when that ends."""

    child: Child

    @abstractmethod
    def start(self) -> None:
        """Start it, or start it again."""

    @abstractmethod
    def close(self) -> None:
        """End it, and remove what it left."""

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
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []

    def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        self.child.kill()

    def freeze(self) -> None:
        """Stop it from running, connections open: what a hanging host looks like."""
        self.child.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it run on after :meth:`freeze`."""
        self.child.send(signal.SIGCONT)

    def __enter__(self) -> Self:
        """Start it."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self.close()
