"""Our own programs as child processes, with their log in a file."""

import re
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bluenova_tools.local.child import Child
from bluenova_tools.local.lifetime import Running
from bluenova_tools.local.system_user import remove_folder


class Service(Running):
    """`python -m <module>` with exactly the given settings, within a `with` block.

    Its settings are `environment`; of ours it inherits PATH and the like, nothing else. It works
    and keeps its log in `folder`, by default a temporary one. Messages and the log file call it
    `name`, by default as the module.
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
        name = name or module
        self.arguments = list(arguments)
        self._command = [sys.executable, "-m", module, *arguments]
        self._environment = dict(environment or {})
        self._own_folder = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix=f"bluenova-{name}-"))
        self.child = Child(name, self.folder / f"{name}.log")

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self.child.returncode

    def start(self) -> None:
        """Starts it, or starts it again. `wait_for_line` waits until it is ready."""
        self.child.start(self._command, environment=self._environment, folder=self.folder)

    def wait(self, *, timeout_s: float = 10) -> int:
        """Waits until it ends by itself. Returns the exit status.

        Raises ServiceError if it still runs when the time is up, as do `terminate` and
        `interrupt`.
        """
        return self.child.wait(timeout_s=timeout_s)

    def terminate(self, *, timeout_s: float = 10) -> int:
        """Asks it to end (SIGTERM). Returns the exit status."""
        self.child.send(signal.SIGTERM)
        return self.wait(timeout_s=timeout_s)

    def interrupt(self, *, timeout_s: float = 10) -> int:
        """Does what Ctrl-C does (SIGINT). Returns the exit status."""
        self.child.send(signal.SIGINT)
        return self.wait(timeout_s=timeout_s)

    def restart(self) -> None:
        """Kills it and starts it again."""
        self.kill()
        self.start()

    def wait_for_line(self, pattern: str, *, timeout_s: float = 10, after: int = 0) -> str:
        """The first line that the regular expression is found in, waiting for it if need be.

        `after` lines are passed over; `len(service.lines())` means from now on. Raises
        ServiceError if it ends, or the line does not come in time.
        """
        found: list[str] = []

        def seen() -> bool:
            found.extend(line for line in self.lines()[after:] if re.search(pattern, line))
            return bool(found)

        self.child.wait_until(seen, f"printing a line with {pattern!r}", timeout_s=timeout_s)
        return found[0]

    def close(self) -> None:
        """Ends it, and removes its folder if that was a temporary one."""
        self.stop()
        if self._own_folder:
            remove_folder(self.folder)
