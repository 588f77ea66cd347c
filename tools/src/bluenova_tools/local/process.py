"""Our own programs as child processes, with their log in a file."""

import re
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bluenova_tools.local.child import Child, plain_environment
from bluenova_tools.local.lifetime import Running
from bluenova_tools.local.system_user import remove_folder


class Service(Running):
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

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

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
