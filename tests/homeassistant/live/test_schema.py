"""The discovery messages, checked by Home Assistant's own schemas."""

import json
import subprocess
from itertools import product
from pathlib import Path

import pytest
from tests.homeassistant.live.instance import ROOT, other_root

from bluenova_collector.homeassistant.discovery import Describer
from bluenova_shared.topics import Topics


@pytest.mark.skipif(other_root() is not None, reason="checks the Home Assistant of .venv-ha only")
def test_home_assistant_accepts_every_word(tmp_path: Path) -> None:
    files: list[Path] = []
    entities: list[int] = []
    for cells, unit in product((1, 8, 16), ("Wh", "kWh", "MWh")):
        describer = Describer(Topics(), "c0ffee00", "1.2.3", 10, unit)
        for number, message in enumerate(describer.discovery("1A2B3C4D", cells)):
            payload = bytes(message.payload)  # type: ignore[arg-type]  # it was made from bytes
            files.append(tmp_path / f"{cells}-{unit}-{number}.json")
            files[-1].write_bytes(payload)
            components = json.loads(payload)["cmps"].values()
            entities.append(sum("uniq_id" in component for component in components))
    python, script = ROOT / ".venv-ha/bin/python", Path(__file__).with_name("schema.py")
    command = [python, script, *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert [int(line) for line in done.stdout.split()] == entities
