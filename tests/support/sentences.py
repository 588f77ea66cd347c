"""Names of cases that read as sentences."""


def sentence(given: object) -> str | None:
    """A case's name: its line, if that is short."""
    if not isinstance(given, str):
        return ""
    text = given if len(given) < 50 else f"{given[:20]}… of {len(given)} characters"
    return f"[{text}]"
