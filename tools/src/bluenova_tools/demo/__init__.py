"""The whole chain on this machine, with two simulated batteries."""

from bluenova_shared.start import start


def main() -> int:
    """Entry point of the `bluenova-demo` command."""
    return start("bluenova_tools.demo.__main__")
