"""Serves a capture of a console as if it were a battery."""

from bluenova_shared.start import start


def main() -> int:
    """Entry point of the `bluenova-replay` command."""
    return start("bluenova_tools.replay.__main__")
