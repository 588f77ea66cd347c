"""The start of a program that a person called by its name. Imports nothing else of ours."""

import os
import signal
from importlib import import_module


def start(module: str) -> int:
    """Imports a program and runs its `main`; returns the exit status.

    The import takes half a second. Ctrl-C and SIGTERM end the program silently meanwhile, even if
    it is the first process of a container, which heeds no signal by itself.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    status: int = import_module(module).main()
    return status
