"""A simulated battery: a believable pack, its console, and its troubles."""

from bluenova_shared.start import start


def main() -> int:
    """Entry point of the `bluenova-simulator` command."""
    return start("bluenova_tools.simulator.__main__")
