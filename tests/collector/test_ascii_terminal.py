"""A console that has only ASCII's letters costs no line of the log."""

from pathlib import Path

import pytest
from tests.support.harness import Battery, collector


@pytest.mark.services
def test_a_line_with_other_letters_is_logged_all_the_same(tmp_path: Path) -> None:
    with (
        Battery() as battery,
        collector(
            tmp_path,
            battery_port=battery.port,
            mqtt_port=1,
            arguments=["-r"],
            PYTHONIOENCODING="ascii",
        ) as service,
    ):
        battery.say("Case: 21 °C")
        assert service.wait_for_line("Case: ").endswith('"Case: 21 ?C"')
        assert service.terminate() == 0
        assert "cannot be written" not in "\n".join(service.lines())
