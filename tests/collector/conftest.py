"""For the tests of settings."""

import pytest

from bluenova_collector.settings import CollectorSettings
from bluenova_recorder.settings import RecorderSettings


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own environment."""
    for settings in (CollectorSettings, RecorderSettings):
        for field in settings.model_fields:
            monkeypatch.delenv(field.upper(), raising=False)
            monkeypatch.delenv(f"{field.upper()}_FILE", raising=False)
