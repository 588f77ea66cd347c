"""A live view in the terminal of what is on MQTT."""

from bluenova_shared.start import start


def main() -> int:
    """Entry point of the `bluenova-watch` command."""
    return start("bluenova_tools.watch.__main__")
