"""The outbox: whether it can be written, what waits in it, and whether there is room for more."""

import dataclasses
import errno
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bluenova_collector.check.known import Known
from bluenova_collector.check.outbox_copy import (
    BeingWritten,
    Contents,
    NoOutbox,
    contents_of,
    user_of,
)
from bluenova_collector.check.outbox_place import first_there, owner_cure, trouble_with
from bluenova_collector.delivery.damage import DAMAGE
from bluenova_collector.delivery.outbox_file import ROOM_FOR_DELETING_BYTES
from bluenova_collector.memory import Memory
from bluenova_shared.check.result import Findings, ago, size
from bluenova_shared.threads import in_daemon_thread

FILE, WAITING, ROOM, NEWEST = "outbox", "outbox waiting", "outbox room", "newest snapshot"
NAMES = (FILE, WAITING, ROOM, NEWEST)

# A receipt takes a second or two; what waits longer than this has nobody to store it.
PATIENCE_S = 120.0
# About as much as a snapshot takes in the outbox.
SNAPSHOT_BYTES = 1200
DAY_S = 86400.0


@dataclass(frozen=True)
class OutboxLook:
    """Which outbox, of which battery (host and port); `wall` gives the seconds since 1970."""

    path: Path
    battery: str
    limit: int
    interval_s: int
    has_recorder: bool
    known: Known
    wall: Callable[[], float]

    async def look(self, findings: Findings) -> None:
        """Looks at the file first: the others wait for what stands in it."""
        try:
            await in_daemon_thread(lambda: self._look(findings))
        finally:
            self.known.outbox_read.set()

    def _look(self, findings: Findings) -> None:
        is_writable, user = self._look_at_file(findings)
        # First: other lines say what to do from this, even if the contents cannot be read.
        self.known.in_use = user is not None
        if is_writable:
            self._look_at_contents(findings, is_running=user is not None)
            self._look_at_room(findings)

    def _look_at_file(self, findings: Findings) -> tuple[bool, int | None]:
        if trouble := trouble_with(self.path):
            findings.wrong(FILE, trouble.found, trouble.cure)
            return False, None
        if not self.path.exists():
            findings.ok(FILE, f"{self.path} is not there yet, and can be made")
            return True, None
        try:
            user = user_of(self.path)
        except OSError as error:
            cure = owner_cure(error.errno or 0, self.path)
            findings.wrong(FILE, f"{self.path} cannot be read ({error.strerror})", cure)
            return False, None
        used = "; the collector that runs has it" if user is not None else ""
        used += f" (process {user})" if user else ""  # 0: one of another container
        used += "; it is empty, and begun anew" if not self.path.stat().st_size else ""
        findings.ok(FILE, f"{self.path} can be written{used}")
        return True, user

    def _look_at_contents(self, findings: Findings, *, is_running: bool) -> None:
        contents = self._read(findings)
        if contents is None:
            return
        if contents.battery != self.battery:  # another battery starts without this memory
            contents = dataclasses.replace(contents, memory=Memory())
        self.known.contents = contents
        self._judge_waiting(findings, contents)
        self._judge_newest(findings, contents.memory.last_end_s, is_running=is_running)

    def _read(self, findings: Findings) -> Contents | None:
        """The contents; None if they cannot be read, which it reports."""
        try:
            return contents_of(self.path) if self.path.exists() else Contents()
        except NoOutbox as other:
            own = "Set OUTBOX_PATH to a file of its own: the collector would write into this one"
            findings.wrong(WAITING, f"{self.path} is no outbox: {other}", own)
        except BeingWritten:
            found, cure = "the outbox cannot be looked at while it is written", "Look again"
            if not self.known.in_use:
                found = "the outbox cannot be looked at: a collector ended while it wrote there"
                cure = "Start it, which mends that: docker compose up -d collector"
            findings.warning(WAITING, found, cure)
        except OSError as error:
            found, cure = f"the outbox cannot be looked at ({error.strerror or error})", "Try again"
            if error.errno == errno.ENOSPC:
                found = f"there is no room for a copy of the outbox in {tempfile.gettempdir()}"
                cure = "Make room there, or set TMPDIR to a folder on a disk with more room"
            findings.warning(WAITING, found, cure)
        except (*DAMAGE, TypeError) as error:
            findings.warning(
                WAITING,
                f"the outbox is damaged ({error}): the collector saves what can be read",
                "If it does not run, start it (docker compose up -d collector), and see its log",
            )
        return None

    def _judge_waiting(self, findings: Findings, contents: Contents) -> None:
        waiting, full = contents.waiting.total(), f"{self.limit:,} at most"
        about = "" if contents.is_exact else "about "
        if not self.has_recorder or not waiting or contents.oldest_s is None:
            findings.ok(WAITING, f"{about}{waiting:,} wait for a receipt ({full})")
            return
        oldest_s = self.wall() - contents.oldest_s
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(contents.oldest_s))
        found = f"{about}{waiting:,} wait for a receipt ({full}), the oldest since {since} UTC"
        if oldest_s < PATIENCE_S:
            findings.ok(WAITING, found)
            return
        findings.wrong(
            WAITING,
            found,
            "See what keeps the recorder: docker compose exec recorder bluenova-recorder check. "
            "Without a recorder, set RECORDER=none. The account must be allowed to read the "
            "receipts, too (see below)",
        )

    def _judge_newest(
        self, findings: Findings, last_end_s: int | None, *, is_running: bool
    ) -> None:
        if last_end_s is None:
            findings.skipped(NEWEST, "none of this battery yet")
            return
        age_s = self.wall() - last_end_s
        if age_s < -2 * self.interval_s:
            findings.wrong(
                NEWEST,
                f"it is {ago(-age_s)} in the future: the clock is wrong now, or was wrong then",
                "Set the clock: sudo timedatectl set-ntp true",
            )
        elif is_running and age_s > max(3 * self.interval_s, 60):
            findings.wrong(
                NEWEST,
                f"it is {ago(age_s)} old, though a collector runs",
                "See what is wrong with the battery here: docker compose logs --tail 20 collector. "
                "If it has only just started, look again in a minute",
            )
        else:
            findings.ok(NEWEST, f"it is {ago(age_s)} old")

    def _look_at_room(self, findings: Findings) -> None:
        folder = first_there(self.path.parent)
        free = shutil.disk_usage(folder).free
        left_s = free / SNAPSHOT_BYTES * self.interval_s
        found = f"{size(free)} free on the disk of {folder}"
        cure = (
            f"Make room on that disk: df -h {folder}; docker system prune frees what Docker keeps"
        )
        if free < ROOM_FOR_DELETING_BYTES:
            findings.wrong(ROOM, f"{found}: too little to keep anything", cure)
        elif left_s < DAY_S:
            findings.warning(ROOM, f"{found}: {ago(left_s)} of snapshots", cure)
        else:
            findings.ok(ROOM, f"{found}: {ago(left_s)} of snapshots")
