"""Our own programs as child processes, with their log in a file."""

import re
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from bluenova_tools.local.account import remove_folder
from bluenova_tools.local.child import Child, plain_environment


class Service:
    """``python -m <module>`` with exactly the given settings, within a ``with`` block.

    Args:
        module: the package to run, for example ``bluenova_collector``.
        arguments: its command line.
        environment: its settings. Of ours it inherits PATH and the like, nothing else.
        folder: where it works and where its log is kept; a temporary one by default.
        name: what messages and the log file call it, by default the module's name.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str] = (),
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        name: str | None = None,
    ) -> None:
        self.module = module
        self.arguments = list(arguments)
        self.environment = dict(environment or {})
        self._own_folder = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix=f"bluenova-{name or module}-"))
        self.child = Child(name or module, self.folder / f"{name or module}.log")

    @property
    def log(self) -> Path:
        """The file with all that the program printed, over its restarts."""
        return self.child.log

    @property
    def running(self) -> bool:
        """Whether the process exists. A frozen one does."""
        return self.child.running

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self.child.returncode

    def start(self) -> None:
        """Start it, or start it again. Use :meth:`wait_for_line` to wait until it is ready."""
        self.child.start(
            [sys.executable, "-m", self.module, *self.arguments],
            environment=plain_environment() | self.environment,
            folder=self.folder,
        )

    def wait(self, *, timeout_s: float = 10) -> int:
        """Wait until it ends by itself, and return the exit status.

        Raises:
            ServiceError: it still runs when the time is up.
        """
        return self.child.wait(timeout_s=timeout_s)

    def terminate(self, *, timeout_s: float = 10) -> int:
        """Ask it to end (SIGTERM), and return the exit status.

        Raises:
            ServiceError: it still runs when the time is up.
        """
        self.child.send(signal.SIGTERM)
        return self.child.wait(timeout_s=timeout_s)

    def interrupt(self, *, timeout_s: float = 10) -> int:
        """What Ctrl-C does (SIGINT); returns the exit status.

        Raises:
            ServiceError: it still runs when the time is up.
        """
        self.child.send(signal.SIGINT)
        return self.child.wait(timeout_s=timeout_s)

    def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        self.child.kill()

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Stop it from running, its connections open."""
        self.child.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it run on after :meth:`freeze`."""
        self.child.send(signal.SIGCONT)

    def lines(self) -> list[str]:
        """All that it has printed so far."""
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []

    def wait_for_line(self, pattern: str, *, timeout_s: float = 10, after: int = 0) -> str:
        """The first line that the regular expression is found in.

        Args:
            pattern: what to look for.
            timeout_s: how long to wait for it.
            after: how many lines to pass over; ``len(service.lines())`` means from now on.

        Raises:
            ServiceError: it ended, or the line did not come in time.
        """
        found: list[str] = []

        def seen() -> bool:
            found.extend(line for line in self.lines()[after:] if re.search(pattern, line))
            return bool(found)

        self.child.wait_until(seen, f"printing a line with {pattern!r}", timeout_s=timeout_s)
        return found[0]

    def close(self) -> None:
        """End it, and remove its folder if that was a temporary one."""
        self.child.end(signal.SIGTERM, timeout_s=5)
        if self._own_folder:
            remove_folder(self.folder)

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self.close()
