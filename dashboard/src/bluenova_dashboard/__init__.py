"""A page and a report of what batteries did."""

from bluenova_shared.start import start


def main() -> int:
    """Entry point of the `bluenova-dashboard` command."""
    return start("bluenova_dashboard.__main__")


def report() -> int:
    """Entry point of the `bluenova-report` command."""
    return start("bluenova_dashboard.report.__main__")
