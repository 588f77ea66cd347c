"""`check`, run within the test: its results by name, and whether it said that all is well."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from bluenova_collector import __main__ as collector
from bluenova_recorder import __main__ as recorder
from bluenova_shared.check.result import Result
from bluenova_shared.service import CannotRun

# What is listened for does not come in these tests, or at once.
COLLECTOR = collector.Parts(check_listens_s=1.0)
RECORDER = recorder.Parts(check_listens_s=1.0)


@dataclass
class Checked:
    """What a check found, in its order."""

    results: list[Result]
    is_well: bool

    def __getitem__(self, name: str) -> Result:
        (one,) = [one for one in self.results if one.name == name]
        return one

    def names(self, state: str) -> list[str]:
        """The names of those in that state."""
        return [one.name for one in self.results if one.state == state]

    def assert_names(self, name: str, state: str, words: str) -> None:
        """It has that result, and the regular expression is in what it says with its cure."""
        one = self[name]
        assert one.state == state, one
        assert one.cure, one
        assert re.search(words, f"{one.found} -> {one.cure}"), one


class Checker:
    """Runs a check with just these settings."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def collector(self, settings: Mapping[str, Any], parts: collector.Parts = COLLECTOR) -> Checked:
        """What `bluenova-collector check` finds."""
        return self._run(settings, lambda: collector.serve(["check", "--json"], parts))

    def recorder(self, settings: Mapping[str, Any], parts: recorder.Parts = RECORDER) -> Checked:
        """What `bluenova-recorder check` finds."""
        return self._run(settings, lambda: recorder.serve(["check", "--json"], parts))

    def _run(self, settings: Mapping[str, Any], serve: Any) -> Checked:
        with self._monkeypatch.context() as environment:
            for name, value in settings.items():
                environment.setenv(name, str(value))
            wrong = ""
            try:
                asyncio.run(serve())
            except CannotRun as reason:
                wrong = str(reason)
        said = json.loads(self._capsys.readouterr().out)
        checked = Checked([Result(**one) for one in said["checks"]], said["ok"])
        assert checked.is_well is not bool(wrong), wrong
        assert checked.is_well is not bool(checked.names("wrong"))
        assert all(one.cure for one in checked.results if one.state in ("wrong", "warning"))
        return checked
