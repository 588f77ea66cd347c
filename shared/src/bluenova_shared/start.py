"""The start of a program that a person called by its name. Imports nothing else of ours."""

import signal
from importlib import import_module


def start(module: str) -> int:
    """Imports a program and runs its `main`; returns the exit status.

    The import takes half a second. Ctrl-C ends the program silently meanwhile, as SIGTERM does.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    status: int = import_module(module).main()
    return status
