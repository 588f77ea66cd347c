"""Wrong settings, and a secret among them."""

import pytest

from bluenova_shared.setting_types import WrongSettings
from bluenova_shared.settings import ServiceSettings

SECRET = "hunter2-hunter2"


def wrong(settings: type[ServiceSettings], *arguments: str) -> str:
    """What is said of these wrong settings."""
    with pytest.raises(WrongSettings) as raised:
        settings.load(arguments)
    return str(raised.value)
