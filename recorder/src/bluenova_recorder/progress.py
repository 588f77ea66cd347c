"""How far PostgreSQL is with an index. Pure."""

# The phases of pg_stat_progress_create_index that take long: from which to which percent.
_BY_BLOCKS = {
    "building index: scanning table": (0, 50),
    "index validation: scanning index": (65, 70),
    "index validation: scanning table": (70, 95),
}
_BY_TUPLES = {"building index: loading tuples in tree": (50, 65)}
_AT = {
    "building index: sorting live tuples": 50,
    "waiting for writers before validation": 65,
    "index validation: sorting tuples": 70,
    "waiting for old snapshots": 95,
}


def percent(
    phase: str,
    blocks_done: int | None,
    blocks_total: int | None,
    tuples_done: int | None,
    tuples_total: int | None,
) -> int:
    """About how much of a concurrent build is done, 0 to 100."""
    if phase in _BY_BLOCKS:
        return _between(*_BY_BLOCKS[phase], blocks_done, blocks_total)
    if phase in _BY_TUPLES:
        return _between(*_BY_TUPLES[phase], tuples_done, tuples_total)
    return _AT.get(phase, 0)


def _between(start: int, end: int, done: int | None, total: int | None) -> int:
    part = min(1.0, (done or 0) / total) if total else 0.0
    return round(start + (end - start) * part)
