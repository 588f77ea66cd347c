"""The user that servers run under when we are root.

PostgreSQL refuses to run as root. Mosquitto would change its user by itself, and a process
that does so no longer gets the signal that ends it with its parent.
"""

import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

# A user and group to run a child process as.
SystemUser = pwd.struct_passwd


def server_user() -> SystemUser | None:
    """`nobody` when we are root; otherwise None, which means our own user."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def make_folder(prefix: str, user: SystemUser | None) -> Path:
    """A new temporary folder that only this user can enter."""
    folder = Path(tempfile.mkdtemp(prefix=f"bluenova-{prefix}-"))
    give(folder, user)
    return folder


def give(path: Path, user: SystemUser | None) -> None:
    """Makes the user the owner of this one file or folder."""
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)


def everyone_can_enter(folder: Path) -> bool:
    """Whether an unprivileged user can reach the files below this folder."""
    folder = folder.resolve()
    return all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents))


def remove_folder(folder: Path) -> None:
    """Removes a folder that `make_folder` made, with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)
