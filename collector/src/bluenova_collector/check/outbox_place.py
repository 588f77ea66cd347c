"""The place of an outbox: why it cannot be written there, and what to do about it."""

import errno
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

_PARTS = ("", "-wal", "-shm")

# Others need these and what is in them; a new owner would lock those out.
_SYSTEM = set("/ /etc /home /media /mnt /opt /root /run /snap /srv /tmp /var".split())
_ALL_BELOW = ("/bin", "/boot", "/dev", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr")
# Each folder right in these is a person's, a disk's or a part of the system, as /var/lib.
_EACH_IN = ("/home", "/media", "/run", "/var")


@dataclass(frozen=True)
class Trouble:
    """What keeps the outbox from its place, and the cure."""

    found: str
    cure: str


def trouble_with(path: Path) -> Trouble | None:
    """What keeps this user from writing the outbox, found without making anything; None if nothing.

    What is not there is asked with `os.path`: `Path` raises in a folder that is closed to us.
    """
    folder = Path(os.path.abspath(path.parent))  # noqa: PTH100  # absolute() keeps ".." in it
    if os.path.isdir(path):  # noqa: PTH112  # see above
        inside = Path("/var/lib/bluenova") if is_of_the_system(path) else path
        example = shlex.quote(f"OUTBOX_PATH={inside / 'outbox.sqlite'}")
        return Trouble(f"{path} is a folder; name a file in it", f"For example: {example}")
    above = first_there(folder)
    if number := _why_not_written(above):
        own = above == folder
        cure = owner_cure(number, above) if own else _folder_cure(number, folder)
        return _cannot_write(above, number, cure)
    for part in _parts_of(path):
        if number := _why_not_written(part):
            return _cannot_write(part, number, owner_cure(number, *_parts_of(path)))
    return None


def first_there(folder: Path) -> Path:
    """The folder, or the first above it that is there: the others are made."""
    above = (folder, *folder.absolute().parents)
    return next(one for one in above if os.path.isdir(one))  # noqa: PTH112  # see `trouble_with`


def is_of_the_system(folder: Path) -> bool:
    """Whether others than the collector need the folder, so that it must keep its owner."""
    real = Path(os.path.realpath(folder))
    return (
        str(real) in _SYSTEM
        or str(real.parent) in _EACH_IN
        or any(real.is_relative_to(one) for one in _ALL_BELOW)
    )


def owner_cure(number: int, *places: Path) -> str:
    """What to do if the outbox's own folder, or its files, cannot be written (`number`: errno)."""
    if any(is_of_the_system(one) for one in places if one.is_dir()):
        return "Set OUTBOX_PATH to a file in a folder of its own, such as /var/lib/bluenova"
    elsewhere = "Set OUTBOX_PATH to a file in a folder that is ours to write"
    if number not in (errno.EACCES, errno.EPERM):
        return elsewhere  # a disk that is full or may only be read: no owner changes that
    is_ours = all(one.stat().st_uid == os.geteuid() for one in places)
    command = "chmod u+rwX" if is_ours else f"sudo chown {os.geteuid()}"
    return f"{elsewhere}, or: {command} {_quoted(*places)}"


def _folder_cure(number: int, folder: Path) -> str:
    elsewhere = "Set OUTBOX_PATH to a file in a folder that is ours to write"
    if number not in (errno.EACCES, errno.EPERM):
        return elsewhere
    owner = f"-o {os.geteuid()} -g {os.getegid()}"
    return f"{elsewhere}, or make this one: sudo install -d {owner} {_quoted(folder)}"


def _cannot_write(place: Path, number: int, cure: str) -> Trouble:
    why = os.strerror(number)
    return Trouble(f"user {os.geteuid()} cannot write {place} ({why})", cure)


def _parts_of(path: Path) -> list[Path]:
    """The outbox's files that are there."""
    files = [Path(f"{path}{part}") for part in _PARTS]
    return [one for one in files if os.path.exists(one)]  # noqa: PTH110  # see `trouble_with`


def _quoted(*places: Path) -> str:
    return " ".join(shlex.quote(str(one)) for one in places)


def _why_not_written(place: Path) -> int:
    """Why a file, or one in a folder, cannot be written (errno); 0 if it can. It makes nothing."""
    if place.is_dir():
        try:  # a file without a name is gone as soon as it is closed
            os.close(os.open(place, os.O_TMPFILE | os.O_RDWR, 0o600))
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR):  # not with this file system
                return error.errno or errno.EIO
    needed = os.W_OK | (os.X_OK if place.is_dir() else os.R_OK)
    return 0 if os.access(place, needed) else errno.EACCES
