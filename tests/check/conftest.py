"""A whole installation with the accounts and rights of docker-compose.yml, and checks beside it."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support.checking import Checked, Checker
from tests.support.databases import start_in
from tests.support.harness import collector, eventually, query, recorder, wait_until_ready
from tests.support.installation import Installation, account, use_accounts

from bluenova_collector.settings import CollectorSettings
from bluenova_recorder.account import Account
from bluenova_recorder.settings import RecorderSettings
from bluenova_tools.local import Database, Mosquitto, Postgres, Service, free_port


@pytest.fixture
def checker(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Checker:
    """A check with nothing of the machine's own environment, nor of a real battery's address."""
    for settings in (CollectorSettings, RecorderSettings):
        for field in settings.model_fields:
            monkeypatch.delenv(field.upper(), raising=False)
            monkeypatch.delenv(f"{field.upper()}_FILE", raising=False)
    monkeypatch.setenv("BATTERY_HOST", "127.0.0.1")
    return Checker(monkeypatch, capsys)


@pytest.fixture(scope="module")
def installation(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """A battery, a broker, a database, a collector and a recorder, all at work."""
    folder, battery_port = tmp_path_factory.mktemp("installation"), free_port()
    database = postgres.create_database("installation")
    with Mosquitto(anonymous=False) as broker:
        use_accounts(broker)
        broker.restart()
        collectors = {
            "MQTT_HOST": broker.host,
            "MQTT_PORT": broker.port,
            "BATTERY_PORT": battery_port,
            "OUTBOX_PATH": folder / "collector.sqlite",
            "INTERVAL": 1,
            "HEALTH_FILE": folder / "collector.json",
            **account("collector"),
        }
        recorders = {
            "MQTT_HOST": broker.host,
            "MQTT_PORT": broker.port,
            "HEALTH_FILE": folder / "recorder.json",
            **database.environment(),
            **account("recorder"),
        }
        battery = ["--port", str(battery_port)]
        with (
            Service("bluenova_tools.simulator", battery, folder=folder, name="battery"),
            recorder(folder, database, mqtt_port=broker.port, **recorders) as writer,
            collector(
                folder, battery_port=battery_port, mqtt_port=broker.port, **collectors
            ) as reader,
        ):
            wait_until_ready(writer, database)
            wait_until_ready(reader)
            eventually(lambda: query(database, "SELECT count(*) > 1 FROM battery_pack")[0][0])
            reader.wait_for_line("has 16 cells")
            yield Installation(broker, database, reader, writer, collectors, recorders)
    postgres.drop_database(database.name)


@pytest.fixture
def check_at(checker: Checker, tmp_path: Path) -> Callable[..., Checked]:
    """A check of a collector whose battery is away, with the broker at a port."""

    def run(port: int, **settings: Any) -> Checked:
        return checker.collector(
            {
                "BATTERY_PORT": free_port(),
                "MQTT_HOST": "127.0.0.1",
                "MQTT_PORT": port,
                "OUTBOX_PATH": tmp_path / "outbox.sqlite",
                **settings,
            }
        )

    return run


@pytest.fixture
def check(checker: Checker) -> Callable[..., Checked]:
    """A check of a recorder whose broker is away."""

    def run(where: Mapping[str, str], **settings: Any) -> Checked:
        broker = {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": free_port()}
        return checker.recorder({**broker, **where, **settings})

    return run


@pytest.fixture(scope="module")
def pattern(postgres: Postgres) -> Iterator[Database]:
    """A database as a recorder leaves it when it has started, to be copied."""
    made = postgres.create_database("pattern")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in made.environment().items():
            environment.setenv(name, value)
        start_in(Account(made.name, made.user, made.password))
    yield made
    postgres.drop_database(made.name)


@pytest.fixture
def ready(postgres: Postgres, pattern: Database) -> Iterator[Database]:
    """A database as a recorder leaves it, for this test alone."""
    yield postgres.create_database("ready", template=pattern.name)
    postgres.drop_database("ready")
