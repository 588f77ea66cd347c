"""Folders of tests that `make test` leaves to a command of their own."""

from pathlib import Path

import pytest


def is_named(folder: Path, config: pytest.Config) -> bool:
    """Whether the command line names the folder, or something in it."""
    named = (config.invocation_params.dir / arg.split("::")[0] for arg in config.args)
    return any(path.resolve().is_relative_to(folder) for path in named)
