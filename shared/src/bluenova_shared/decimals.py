"""Numbers of no more decimals than the table has. Pure.

The console's rules round what they read. Other programs may publish anything, so the recorder makes
sure of it: `ExactSnapshot` sees that there is nothing to round, in a tenth of the time that it
takes to round, and `rounded` is for the rest.
"""

import re
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, from_json, to_json

from bluenova_shared.snapshot import Snapshot
from bluenova_shared.table import quantities

_COLUMNS = {name: column for name, _, column in quantities()}
# Such a number is nearly 0. It passes for one without decimals, and REAL refuses it. To begin with
# the minus, which is rare, takes a tenth of the time.
_NEARLY_0 = re.compile(rb"-(?<=[0-9][eE]-)")


def _forbid_more(schema: Any, decimals: int | None) -> None:
    if isinstance(schema, list):
        for part in schema:
            _forbid_more(part, decimals)
    elif isinstance(schema, dict):
        if schema.get("type") == "float" and decimals is not None:
            schema["multiple_of"] = 10**-decimals
        for name, part in schema.items():
            column = _COLUMNS.get(name)
            _forbid_more(part, column.decimals if column else decimals)


class ExactSnapshot(Snapshot):
    """A Snapshot, as any other; but one whose number has too many decimals is refused.

    So may be one with a very large number, too.
    """

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """The Snapshot's own, with the multiples that its numbers must be."""
        schema = handler(source)
        _forbid_more(handler.resolve_ref_schema(schema), None)
        return schema


def holds_nearly_0(payload: bytes) -> bool:
    """Whether there may be a number in it that ExactSnapshot lets through and the table refuses."""
    return _NEARLY_0.search(payload) is not None


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
