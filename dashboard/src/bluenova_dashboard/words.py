"""Numbers and spans of time as people read them: pure."""

from datetime import timedelta

NOT_KNOWN = "–"
MINUS = "−"


def number(value: float | None, decimals: int = 0, unit: str = "", *, sign: bool = False) -> str:
    """A number with its unit; a dash if it is not known."""
    if value is None:
        return NOT_KNOWN
    text = f"{value:{'+' if sign else ''},.{decimals}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    if not float(f"{value:.{decimals}f}"):
        text = text.lstrip("-+")
    return text.replace("-", MINUS) + (f"\N{NO-BREAK SPACE}{unit}" if unit else "")


def span(seconds: float | timedelta | None) -> str:
    """A span of time with its two largest units."""
    if seconds is None:
        return NOT_KNOWN
    left = round(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def battery_name(mcu_id: int) -> str:
    """A battery's MCU ID as the battery itself says it."""
    return f"{mcu_id:08X}"
