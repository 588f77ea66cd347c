"""A child process that cannot outlive us, with its log in a file."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bluenova_tools.local.system_user import SystemUser

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

# The kernel sends the parent-death signal when the *thread* that started the child ends. A
# thread of our own, which lives as long as the program, lets any other thread start services.
_launcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="launcher")


class ServiceError(RuntimeError):
    """A service did not do what was asked; the message ends with the tail of its log."""


class Child:
    """One program, called `name` in messages, that can be started, signalled and started again.

    The file `log` gets its standard output and error, appended over restarts. When we die, the
    kernel sends it `death_signal`.
    """

    def __init__(
        self, name: str, log: Path, *, death_signal: signal.Signals = signal.SIGKILL
    ) -> None:
        self.name = name
        self.log = log
        self._death_signal = death_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id. Raises ServiceError if it was never started."""
        return self._started().pid

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None while it runs or before the start."""
        return None if self._process is None else self._process.poll()

    @property
    def running(self) -> bool:
        """Whether the process exists. A frozen one does."""
        return self._process is not None and self._process.poll() is None

    def start(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        user: SystemUser | None = None,
        folder: Path | None = None,
    ) -> None:
        """Starts the program with a plain environment and these variables.

        Raises ServiceError if it runs already, or cannot be executed.
        """
        if self.running:
            raise ServiceError(f"{self.name} runs already.")
        parent = os.getpid()

        def die_with_parent() -> None:
            # A shell's background jobs ignore it, and all that they start with them.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            _libc.prctl(_PR_SET_PDEATHSIG, int(self._death_signal))
            if os.getppid() != parent:  # it died before the kernel knew what to do then
                os._exit(1)

        def launch() -> subprocess.Popen[bytes]:
            with self.log.open("ab") as log:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=plain_environment() | dict(environment or {}),
                    cwd=folder,
                    user=None if user is None else user.pw_uid,
                    group=None if user is None else user.pw_gid,
                    extra_groups=None if user is None else [],
                    # A Ctrl-C at the terminal is ours to handle. And a stopped process is
                    # woken by the kernel when the death of its parent orphans its group.
                    process_group=0,
                    preexec_fn=die_with_parent,  # noqa: PLW1509  # system calls alone, no locks
                )

        try:
            self._process = _launcher.submit(launch).result()
        except OSError as error:
            raise ServiceError(f"{self.name} cannot be started: {error}") from error

    def wait_until(self, ready: Callable[[], bool], what: str, *, timeout_s: float) -> None:
        """Waits until `ready` answers true.

        Raises ServiceError if the process ends before, or the time is up.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if not self.running and not ready():  # it may have got ready just before its end
                raise self.error(f"{self.name} ended with status {self.returncode}, not {what}.")
            if time.monotonic() > deadline:
                raise self.error(f"{self.name} was not {what} within {timeout_s:g} s.")
            time.sleep(0.02)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal; nothing happens if the process has ended."""
        if self._process is not None:
            self._process.send_signal(number)

    def wait(self, *, timeout_s: float) -> int:
        """Waits for the end. Returns the exit status.

        Raises ServiceError if it still runs when the time is up.
        """
        try:
            return self._started().wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise self.error(f"{self.name} still runs after {timeout_s:g} s.") from None

    def end(self, number: signal.Signals, *, timeout_s: float) -> None:
        """Ends the process with a signal, and with SIGKILL if it is still there after a while."""
        if not self.running:
            return
        self.send(number)
        self.send(signal.SIGCONT)  # a frozen process could not act on the signal
        try:
            self._started().wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Ends the process at once, without its leave."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def lines(self) -> list[str]:
        """All that it has printed so far, over its restarts."""
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []

    def tail(self, lines: int = 20) -> str:
        """The last lines of the log."""
        return "\n".join(self.lines()[-lines:])

    def error(self, message: str) -> ServiceError:
        """An exception with this message and the tail of the log."""
        return ServiceError(f"{message} The last lines of {self.log}:\n{self.tail()}")

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServiceError(f"{self.name} was never started.")
        return self._process


def plain_environment() -> dict[str, str]:
    """What a program needs from our environment, and nothing that would configure it."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "TERM")
    inherited = {name: os.environ[name] for name in kept if name in os.environ}
    return {**inherited, "PYTHONUNBUFFERED": "1"}
