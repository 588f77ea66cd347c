"""Run by Home Assistant's own Python: checks discovery messages against its schemas.

    python schema.py FILE …

Each file holds one message. The first message that is refused ends the program with its reason.
"""

import asyncio
import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from homeassistant.components.mqtt.discovery import (  # type: ignore[import-not-found]  # it is in .venv-ha
    _replace_all_abbreviations,
)
from homeassistant.components.mqtt.schemas import (  # type: ignore[import-not-found]  # it is in .venv-ha
    DEVICE_DISCOVERY_SCHEMA,
)
from homeassistant.core import HomeAssistant  # type: ignore[import-not-found]  # likewise in there
from homeassistant.helpers import frame  # type: ignore[import-not-found]  # likewise in there


def check(payload: dict[str, object]) -> int:
    """Checks one message, and returns how many entities it describes."""
    _replace_all_abbreviations(payload)
    device = DEVICE_DISCOVERY_SCHEMA(payload)
    keys = ("state_topic", "availability", "availability_mode")
    shared = {key: device[key] for key in keys if key in device}
    entities = 0
    for component in device["components"].values():
        if len(component) == 1:  # one that is to be removed
            continue
        platform = import_module(f"homeassistant.components.mqtt.{component['platform']}")
        # As strict as for YAML: the schema of discovered ones forgives unknown keys.
        platform.PLATFORM_SCHEMA_MODERN(
            {**shared, **{key: v for key, v in component.items() if key != "platform"}}
        )
        entities += 1
    return entities


async def main(payloads: list[dict[str, object]]) -> None:
    """Prints the number of entities of each message."""
    with tempfile.TemporaryDirectory() as folder:
        frame.async_setup(HomeAssistant(folder))  # templates ask for it
        for payload in payloads:
            print(check(payload))  # noqa: T201  # the answer


if __name__ == "__main__":
    asyncio.run(main([json.loads(Path(file).read_bytes()) for file in sys.argv[1:]]))
