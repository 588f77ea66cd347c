"""Reads one battery's console and publishes a snapshot per interval."""

from bluenova_shared.start import start


def main() -> int:
    """Entry point of the `bluenova-collector` command."""
    return start("bluenova_collector.__main__")
