"""Writes the snapshots of every battery to PostgreSQL."""

from bluenova_shared.start import start


def main() -> int:
    """Entry point of the `bluenova-recorder` command."""
    return start("bluenova_recorder.__main__")
