"""A small file system in memory that can be filled up, for those who may mount one."""

import contextlib
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self


class SmallDisk:
    """A tmpfs over an existing folder, within a ``with`` block; `mounted` tells if that is allowed.

    Args:
        folder: where; what was in it is hidden as long as it lasts.
        megabytes: how much it holds.
    """

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        self.megabytes = megabytes
        self.mounted = False
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Takes all the room that is left."""
        room = os.statvfs(self.folder)
        with self._ballast.open("wb") as file:
            while room.f_bavail > 0:
                with contextlib.suppress(OSError):  # somebody was faster
                    end, more = file.seek(0, os.SEEK_END), room.f_bavail * room.f_frsize
                    os.posix_fallocate(file.fileno(), end, more)
                room = os.statvfs(self.folder)

    def free(self) -> None:
        """Gives the room back."""
        self._ballast.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        """Mount it, and let it belong to whom the folder belonged to."""
        owner = self.folder.stat()
        options = f"size={self.megabytes}m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.folder],
            capture_output=True,
            check=False,
        )
        self.mounted = done.returncode == 0
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Unmount it, even if somebody still has a file open."""
        if self.mounted:
            subprocess.run(["umount", "--lazy", self.folder], check=False)
