"""A private network for the tests: Home Assistant reaches nothing but what we start."""

import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
from pathlib import Path

_NEW_MOUNTS, _NEW_NETWORK = 0x00020000, 0x40000000
_SET_FLAGS = 0x8914  # SIOCSIFFLAGS
_UP_RUNNING_MULTICAST = 0x1 | 0x40 | 0x1000
_libc = ctypes.CDLL(None, use_errno=True)


def isolate(root: Path | None = None) -> bool:
    """Moves this process, and all that it starts, into a network with a loopback device alone.

    Home Assistant looks for devices by multicast as soon as it starts. Answers False, and does
    nothing, if we are not root. With `root`, programs can be run in that folder by chroot.
    """
    if os.geteuid() != 0 or _libc.unshare(_NEW_NETWORK | _NEW_MOUNTS) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", _UP_RUNNING_MULTICAST)
        fcntl.ioctl(any_socket, _SET_FLAGS, request)
    if shutil.which("ip"):  # it complains if there is no way for multicast
        subprocess.run(["ip", "route", "add", "224.0.0.0/4", "dev", "lo"], check=False)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    for part in ("proc", "dev", "sys") if root else ():
        subprocess.run(["mount", "--rbind", f"/{part}", f"{root}/{part}"], check=True)
    return True
