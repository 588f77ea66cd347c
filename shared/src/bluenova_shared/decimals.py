"""Numbers of no more decimals than the table has. Pure.

The console's rules round what they read. Other programs may publish anything, so the recorder makes
sure of it: `ExactSnapshot` and `has_long_numbers` see that there is nothing to round, in a tenth of
the time that it takes to round, and `rounded` is for the rest.
"""

import re
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, from_json, to_json

from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import quantities

_COLUMNS = {name: column for name, _, column in quantities()}
# No column has more than four decimals. Each pattern begins with what is rare: looked for as one,
# they take four times as long.
_FIVE_DECIMALS = re.compile(rb"\.[0-9]{5}")
_BELOW_1 = re.compile(rb"-(?<=[0-9][eE]-)")


def _fields(schema: Any) -> Any:
    return schema["fields"] if "fields" in schema else _fields(schema["schema"])


def _limit(schema: Any, multiple_of: float) -> None:
    """Limits the number that a field's schema holds, maybe in an array."""
    if schema["type"] == "float":
        schema["multiple_of"] = multiple_of
    elif "schema" in schema:
        _limit(schema["schema"], multiple_of)
    else:
        for items in schema["items_schema"]:
            _limit(items, multiple_of)


class ExactSnapshot(Snapshot):
    """A Snapshot, as any other; but a number with more decimals than its column is refused.

    By a billionth it may differ: see `has_long_numbers`. A very large number may be refused, too.
    Like any two models, this and a Snapshot with the same values are not equal.
    """

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """The Snapshot's own, with the multiples that its numbers must be."""
        schema = handler(source)
        fields = _fields(handler.resolve_ref_schema(schema))
        for name, column in _COLUMNS.items():
            if column.decimals is not None:
                _limit(fields[name], 10**-column.decimals)
        return schema


def has_long_numbers(payload: bytes) -> bool:
    """Whether there may be a number with more than four decimals, however spelled."""
    return (_FIVE_DECIMALS.search(payload) or _BELOW_1.search(payload)) is not None


def rounded(payload: bytes) -> bytes:
    """The same JSON with each number as the table holds it; what is no JSON stays as it is."""
    try:
        return to_json(_as_held(from_json(payload), None))
    except ValueError:
        return payload


def _as_held(value: Any, name: str | None) -> Any:
    match value:
        case float() if name in _COLUMNS:
            return _COLUMNS[name].rounded(value)
        case list():
            return [_as_held(one, name) for one in value]
        case dict():
            return {key: _as_held(one, key) for key, one in value.items()}
    return value
