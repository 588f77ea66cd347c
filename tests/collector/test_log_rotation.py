"""The log files: what -n, -m and -f say, and what SIGTERM leaves behind."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.harness import MCU_ID, Battery, Listener, collector, eventually

from bluenova_tools.local import Mosquitto

pytestmark = pytest.mark.services

LINES = 1500


@pytest.fixture(scope="module")
def broker() -> Iterator[Mosquitto]:
    with Mosquitto() as one:
        yield one


@dataclass(frozen=True)
class Talk:
    """A log as it stood while the collector ran, and the file that was left when it had ended."""

    before_the_end: str
    log: Path

    @property
    def text(self) -> str:
        return self.log.read_text(encoding="utf-8")


def talk(folder: Path, broker: Mosquitto, *flags: str) -> Talk:
    """A collector that logs raw lines to a file, and is ended by SIGTERM."""
    log = folder / "c.log"
    topic = f"{folder.name}/{MCU_ID}/availability"
    with Battery() as battery, Listener(broker, topic) as listener:
        service = collector(
            folder,
            battery_port=battery.port,
            mqtt_port=broker.port,
            arguments=["-l", str(log), "-r", *flags],
            INTERVAL=60,
            TOPIC_ROOT=folder.name,
        )
        with service:
            battery.say(*[f"tick {number}" for number in range(LINES)], "SOC: 5")
            # The warning about an unreadable line takes all before it to the disk.
            battery.say("SOC: ")
            eventually(lambda: "Unreadable" in log.read_text(encoding="utf-8"))
            # The broker hears of the battery's name: so the line before it has been heard, too.
            battery.say("tick last", f"MCU ID: {MCU_ID}")
            eventually(lambda: b"online" in listener.payloads(topic))
            before_the_end = log.read_text(encoding="utf-8")
            assert service.terminate() == 0
            assert service.lines() == [], "all of it is in the file"
    return Talk(before_the_end, log)


def numbers(text: str) -> list[int]:
    """Which of the battery's lines are in the log."""
    return [int(number) for number in re.findall(r'RX: "tick (\d+)"', text)]


def kept(log: Path) -> list[str]:
    """The log files' texts, oldest first."""
    found = sorted(log.parent.glob(f"{log.name}*"), key=lambda path: path.name, reverse=True)
    return [path.read_text(encoding="utf-8") for path in found]


def test_an_existing_log_is_added_to_and_sigterm_loses_nothing(
    broker: Mosquitto, tmp_path: Path
) -> None:
    (tmp_path / "c.log").write_text("what was there\n", encoding="utf-8")
    talked = talk(tmp_path, broker, "-f", "0", "-m", "0")
    assert "tick last" not in talked.before_the_end, "it waited in memory"
    text = talked.text
    assert text.startswith("what was there\n")
    assert numbers(text) == list(range(LINES))
    assert 'RX: "tick last"' in text
    assert "Stopping" in text.splitlines()[-1]


def test_no_limit_means_one_file(broker: Mosquitto, tmp_path: Path) -> None:
    (text,) = kept(talk(tmp_path, broker, "-m", "0", "-n", "3").log)
    assert numbers(text) == list(range(LINES))


def test_as_many_files_are_kept_as_n_says_none_longer_than_m_says(
    broker: Mosquitto, tmp_path: Path
) -> None:
    texts = kept(talk(tmp_path, broker, "-m", "20000", "-n", "3").log)
    assert len(texts) == 3
    assert all(0 < len(text.encode()) <= 20000 for text in texts)
    found = numbers("".join(texts))
    assert found == list(range(LINES - len(found), LINES)), "the newest, without a gap"
    assert len(found) > 400
    assert "Stopping" in texts[-1].splitlines()[-1]


def test_of_one_file_the_newest_lines_are_kept(broker: Mosquitto, tmp_path: Path) -> None:
    (text,) = kept(talk(tmp_path, broker, "-m", "20000", "-n", "1").log)
    assert len(text.encode()) <= 20000
    found = numbers(text)
    assert found == list(range(LINES - len(found), LINES)), "the newest, without a gap"
    assert len(found) > 50
    assert 'RX: "tick last"' in text
    assert "Stopping" in text.splitlines()[-1]


def test_with_f_1_each_line_is_on_the_disk_at_once(broker: Mosquitto, tmp_path: Path) -> None:
    log = tmp_path / "c.log"
    with (
        Battery() as battery,
        collector(
            tmp_path, battery_port=battery.port, mqtt_port=broker.port,
            arguments=["-l", str(log), "-r", "-f", "1"],
        ) as service,
    ):  # fmt: skip
        for number in range(3):
            battery.say(f"tick {number}")
            eventually(lambda: f'"tick {number}"' in log.read_text(encoding="utf-8"))  # noqa: B023  # called at once
        service.kill()
    assert numbers(log.read_text(encoding="utf-8")) == [0, 1, 2]


@pytest.mark.parametrize("arguments", [[], ["-l", "-"]], ids=["none is named", "a dash is"])
def test_without_a_file_the_log_is_the_console(
    arguments: list[str], broker: Mosquitto, tmp_path: Path
) -> None:
    with (
        Battery() as battery,
        collector(
            tmp_path, battery_port=battery.port, mqtt_port=broker.port, arguments=arguments
        ) as service,
    ):
        line = service.wait_for_line("Connected to the battery", timeout_s=20)
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO ", line)


def test_a_raw_line_is_logged_as_it_was_received(broker: Mosquitto, tmp_path: Path) -> None:
    odd = 'SOC: 5 "quoted" \\ tab\t ü \x1b[31m'
    with (
        Battery() as battery,
        collector(
            tmp_path, battery_port=battery.port, mqtt_port=broker.port, arguments=["-r"]
        ) as service,
    ):
        battery.say(odd)
        line = service.wait_for_line("RX: ", timeout_s=20)
    assert json.loads(line.partition("RX: ")[2]) == odd
    assert "\x1b" not in line, "nothing that a terminal would obey"
