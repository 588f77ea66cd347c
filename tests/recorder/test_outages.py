"""The database and the broker go and come back: recording goes on, and the log says so once."""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.support.c_program import C_PROGRAMS_TABLE
from tests.support.databases import odd_database, recording_in
from tests.support.factories import MCU_ID, START_S, an_id, snapshot_keys
from tests.support.harness import Listener, eventually, recorder, seconds, stored, wait_until_ready
from tests.support.recording import Recording

from bluenova_tools.local import Database, Mosquitto, Postgres, Service

pytestmark = [pytest.mark.services, pytest.mark.slow]

AWAY = re.compile(r"The database does not take anything \((.*)\); trying again")


def records_again(broker: Mosquitto, database: Database, start_s: int) -> None:
    """What is published from now on reaches the table in time."""
    with Listener(broker) as listener:
        sent: list[int] = []

        def arrived() -> bool:
            # A snapshot is published once: what comes while nobody is subscribed yet is not for us.
            sent.append(start_s + len(sent))
            one = json.dumps(snapshot_keys(sent[-1]))
            listener.publish("bluenova/1A2B3C4D/snapshot", one)
            return any(seconds(row) in sent for row in stored(database))

        eventually(arrived, timeout_s=20)


def said(service: Service, pattern: str) -> list[str]:
    """The log's lines of warnings and news that the pattern is found in."""
    return [line for line in service.lines() if re.search(pattern, line)]


def test_a_database_that_goes_and_comes_back_costs_a_line_for_each_reason_and_one_for_its_return(
    mosquitto: Mosquitto, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with (
        Postgres(fast=True) as server,
        recorder(
            tmp_path_factory.mktemp("recorder"), server.database(), mqtt_port=mosquitto.port
        ) as service,
        Listener(mosquitto) as listener,
    ):
        wait_until_ready(service, server.database())
        records_again(mosquitto, server.database(), START_S)
        for start_s, end in ((START_S + 1000, server.stop), (START_S + 2000, server.kill)):
            before = len(service.lines())
            end()
            listener.publish("bluenova/1A2B3C4D/snapshot", json.dumps(snapshot_keys(start_s)))
            service.wait_for_line(AWAY.pattern, after=before)
            time.sleep(3.5)  # the attempts after 1 and after 3 s fail alike
            server.start()
            service.wait_for_line("The database is back", after=before)
            records_again(mosquitto, server.database(), start_s + 1)
            *away, back = service.lines()[before:]
            assert "The database is back" in back
            # A server that shuts down or starts up refuses for a reason of its own.
            reasons = [AWAY.findall(line) for line in away]
            assert all(reasons), away
            assert all(one != other for one, other in pairwise(reasons)), reasons
        assert service.running


def test_a_database_that_is_not_there_yet_is_waited_for(
    mosquitto: Mosquitto, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Postgres(fast=True) as server:
        server.stop()
        with recorder(
            tmp_path_factory.mktemp("recorder"), server.database(), mqtt_port=mosquitto.port
        ) as service:
            service.wait_for_line("does not take anything", timeout_s=20)
            server.start()
            service.wait_for_line("The database is back", timeout_s=20)
            records_again(mosquitto, server.database(), START_S)


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_broker_that_goes_and_comes_back_costs_two_lines(
    how: str, mosquitto: Mosquitto, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with recorder(
        tmp_path_factory.mktemp("recorder"), database, mqtt_port=mosquitto.port
    ) as service:
        wait_until_ready(service, database)
        records_again(mosquitto, database, START_S)
        if how == "kill":
            mosquitto.kill()
        else:
            mosquitto.stop()
        service.wait_for_line("Lost the MQTT broker")
        service.wait_for_line("No MQTT broker")
        mosquitto.start()
        records_again(mosquitto, database, START_S + 1000)
        assert len(said(service, "Lost the MQTT broker")) == 1
        assert len(said(service, "No MQTT broker")) == 1
        assert len(said(service, "Connected to the MQTT broker")) == 2


def test_a_recorder_that_starts_without_a_broker_waits_for_it(
    mosquitto: Mosquitto, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mosquitto.stop()
    with recorder(
        tmp_path_factory.mktemp("recorder"), database, mqtt_port=mosquitto.port
    ) as service:
        service.wait_for_line("No MQTT broker", timeout_s=20)
        mosquitto.start()
        wait_until_ready(service, database)
        records_again(mosquitto, database, START_S)
        assert len(said(service, "No MQTT broker")) == 1


def trouble_with_the_second(what: str) -> str:
    """The first row takes a while, and the next one's batch waits meanwhile."""
    return C_PROGRAMS_TABLE + (
        "CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF NEW.soc = 2 THEN {what}; END IF; PERFORM pg_sleep(0.5); RETURN NEW; END $$;"
        "CREATE TRIGGER trouble BEFORE INSERT ON battery_pack "
        "FOR EACH ROW EXECUTE FUNCTION trouble();"
    )


@contextlib.contextmanager
def trouble_after_a_row(
    what: str, postgres: Postgres, folder: Path
) -> Iterator[tuple[Recording, Callable[[], bool]]]:
    """A recorder that stores a row, and then has this trouble; whether that row has its receipt."""
    with (
        odd_database(postgres, before=trouble_with_the_second(what)) as database,
        recording_in(database, folder, BATCH_ROWS=1) as recording,
    ):
        one, other = (snapshot_keys(START_S + n, soc=n, id=an_id()) for n in (1, 2))
        recording.publish(one, other)
        receipts = f"bluenova/{MCU_ID}/recorded"
        named = one["id"].encode()
        yield recording, lambda: named in b"".join(recording.listener.payloads(receipts))


def test_what_was_stored_before_the_trouble_has_its_receipt_while_it_lasts(
    postgres: Postgres, tmp_path: Path
) -> None:
    with trouble_after_a_row("RAISE disk_full", postgres, tmp_path) as (recording, has_receipt):
        recording.service.wait_for_line("The disk of the database is full")
        eventually(has_receipt)


def test_what_was_stored_before_a_stop_has_its_receipt(postgres: Postgres, tmp_path: Path) -> None:
    with trouble_after_a_row("PERFORM pg_sleep(60)", postgres, tmp_path) as (
        recording,
        has_receipt,
    ):
        eventually(lambda: recording.rows()[-1]["soc"] == 1)
        time.sleep(0.2)  # the next batch is under way
        assert recording.service.terminate() == 0
        eventually(has_receipt)
