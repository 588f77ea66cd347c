"""What the tables hold, compared with what was measured. Pure."""

import struct
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bluenova_shared.table import COLUMNS, KEY
from bluenova_tools.chaos.tap import Truth

Key = tuple[int, datetime]  # MCU ID and UTC time, as in the table

VALUES = [column for column in COLUMNS if column.name not in KEY]


@dataclass
class Tables:
    """What a run left in the database; times are UTC without a zone."""

    rows: Sequence[Mapping[str, Any]] = ()
    stored_s: Mapping[Key, float] = field(default_factory=dict)
    events: Sequence[tuple[int, datetime, str]] = ()
    rejected: Sequence[tuple[Mapping[str, Any], str]] = ()  # payload and reason


@dataclass
class Verdict:
    """What is wrong, each with an example or more."""

    measured: int = 0
    rows: int = 0
    events: int = 0
    time_taken: int = 0
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    not_measured: list[str] = field(default_factory=list)
    wrongly_rejected: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether the promise was kept."""
        return not (self.lost or self.duplicated or self.not_measured or self.wrongly_rejected)


def compare(truth: Truth, tables: Tables) -> Verdict:
    """Each measured item must be there once, and nothing else."""
    verdict = Verdict(measured=len(truth.measured), rows=len(tables.rows))
    _compare_snapshots(truth, tables, verdict)
    _compare_events(truth, tables, verdict)
    return verdict


def _compare_snapshots(truth: Truth, tables: Tables, verdict: Verdict) -> None:
    measured = _by_key(truth.measured.values())
    known = _by_key([*truth.measured.values(), *truth.offered.values()])
    rejected = {payload.get("id"): reason for payload, reason in tables.rejected}
    there: dict[Key, dict[str, Any]] = {}
    for row in tables.rows:
        key = (row["mcu_id"], row["insert_time_utc"])
        if key in there:
            verdict.duplicated.append(f"two rows for {_say(key)}")
        there[key] = _values(row)
        if there[key] not in [columns(snapshot) for snapshot in known.get(key, ())]:
            verdict.not_measured.append(f"the row of {_say(key)}: {_difference(key, row, known)}")
    for key, snapshots in measured.items():
        for snapshot in snapshots:
            stored = there.get(key) == columns(snapshot)
            reason = rejected.get(snapshot["id"])
            if stored and reason is not None:
                verdict.duplicated.append(f"{snapshot['id']} is recorded and rejected: {reason}")
            elif not stored and reason is None:
                verdict.lost.append(f"{snapshot['id']} of {_say(key)}")
            elif reason is not None and not (reason.startswith("time taken") and key in there):
                verdict.wrongly_rejected.append(f"{snapshot['id']} of {_say(key)}: {reason}")
            verdict.time_taken += reason is not None
    ids = truth.measured.keys() | truth.offered.keys()
    verdict.wrongly_rejected += [
        f"nobody sent {payload}: {reason}"
        for payload, reason in tables.rejected
        if payload.get("id") not in ids
    ]


def _compare_events(truth: Truth, tables: Tables, verdict: Verdict) -> None:
    """Events with equal time, battery and kind are one."""
    verdict.events = len(tables.events)
    measured = {_event(item) for item in truth.measured.values() if "event" in item}
    offered = {_event(item) for item in truth.offered.values() if "event" in item}
    there = Counter(tables.events)
    verdict.lost += [f"event {event}" for event in measured - there.keys()]
    verdict.not_measured += [f"event {event}" for event in there.keys() - measured - offered]
    verdict.duplicated += [f"event {event}" for event, times in there.items() if times > 1]


def columns(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """A snapshot's values by column, as the table's types hold them."""
    return {
        column.name: real(
            snapshot[column.field] if column.index is None else snapshot[column.field][column.index]
        )
        for column in VALUES
        if column.field in snapshot
    }


def real(value: Any) -> Any:
    """A number as PostgreSQL's REAL holds it."""
    return struct.unpack("f", struct.pack("f", value))[0] if isinstance(value, float) else value


def key_of(item: Mapping[str, Any]) -> Key:
    """An item's battery and time."""
    return int(item["mcu_id"], 16), datetime.fromisoformat(item["time"]).replace(tzinfo=None)


def _by_key(items: Iterable[Mapping[str, Any]]) -> dict[Key, list[Mapping[str, Any]]]:
    found: dict[Key, list[Mapping[str, Any]]] = defaultdict(list)
    for item in items:
        if "event" not in item:
            found[key_of(item)].append(item)
    return found


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    return {column.name: real(row[column.name]) for column in VALUES if column.name in row}


def _event(item: Mapping[str, Any]) -> tuple[int, datetime, str]:
    return (*key_of(item), item["event"])


def _say(key: Key) -> str:
    return f"{key[0]:08X} at {key[1]:%Y-%m-%d %H:%M:%S}"


def _difference(
    key: Key, row: Mapping[str, Any], known: Mapping[Key, list[Mapping[str, Any]]]
) -> str:
    if key not in known:
        return "no such snapshot"
    there, sent = _values(row), columns(known[key][0])
    return str({n: (there.get(n), v) for n, v in sent.items() if there.get(n) != v})
