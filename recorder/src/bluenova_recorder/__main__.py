"""`bluenova-recorder`: reads the settings, chooses the clock, and wires the parts."""

import logging
import os
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg2

from bluenova_recorder.account import SESSION, Session
from bluenova_recorder.batch import Batch
from bluenova_recorder.check.rooms import Recorders, rooms
from bluenova_recorder.check.snapshots import LISTEN_S
from bluenova_recorder.cures import reason_of
from bluenova_recorder.housekeeping import Housekeeping
from bluenova_recorder.recorder import PAUSES_S, Recorder
from bluenova_recorder.redrive import redrive
from bluenova_recorder.rollup.keeper import EVERY, Every, HoursKeeper
from bluenova_recorder.rollup.rebuild import rebuild
from bluenova_recorder.rollup.renew import WAITS, Waits
from bluenova_recorder.settings import RecorderSettings
from bluenova_recorder.store import Store
from bluenova_shared import service
from bluenova_shared.check.command import Room, run_check
from bluenova_shared.mqtt.broker import KEEPALIVE_S, Client
from bluenova_shared.mqtt.link import PAUSES, MqttLink, Pauses
from bluenova_shared.program import stop_requested
from bluenova_shared.service import CannotRun
from bluenova_shared.topics import Topics, share_filter

log = logging.getLogger("bluenova_recorder")


@dataclass(frozen=True)
class Parts:
    """What may be chosen otherwise: the clocks, the waits, the recorder and the keeper of hours.

    `wall` and `check_listens_s` are for `check` alone: what is recorded is not judged by our clock.
    """

    steady: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    check_listens_s: float = LISTEN_S
    recorder: type[Recorder] = Recorder
    session: Session = SESSION
    database_pauses_s: tuple[float, float] = PAUSES_S
    broker_pauses: Pauses = PAUSES
    keepalive_s: int = KEEPALIVE_S
    keeper: type[HoursKeeper] = HoursKeeper
    hours_waits: Waits = WAITS
    hours_every: Every = EVERY


PARTS = Parts()


async def serve(arguments: list[str], parts: Parts = PARTS) -> None:
    """Runs the recorder until SIGTERM. Raises CannotRun."""
    if arguments[:1] == ["redrive"]:
        serve_redrive(arguments[1:])
        return
    if arguments[:1] == ["rollup"]:
        serve_rollup(arguments[1:])
        return
    if arguments[:1] == ["check"]:
        await serve_check(arguments[1:], parts)
        return
    settings = RecorderSettings.load(arguments)
    settings.set_up_logging()
    topics, steady = Topics(settings.topic_root), parts.steady
    client = _client(settings, topics, parts.keepalive_s)
    link = MqttLink(settings.broker(), client, steady, pauses=parts.broker_pauses, listening=False)
    store = Store(settings.account(), topics, parts.session)
    housekeeping = Housekeeping(settings.account(), lambda: store.table, store.look_again)
    hours = parts.keeper(
        settings.account(),
        lambda: store.table is not None,
        keep_days=settings.keep_raw_days,
        waits=parts.hours_waits,
        every=parts.hours_every,
    )
    recorder = parts.recorder(
        link=link,
        topics=topics,
        batch=Batch(settings.batch_rows, settings.batch_age_s, settings.batch_quiet_s),
        store=store,
        steady=steady,
        pauses_s=parts.database_pauses_s,
    )
    log.info("Recorder %s: broker %s, database %s", client.id, link.broker, settings.pgdatabase)

    async def farewell() -> None:
        # What is not written yet has no receipt, and will be sent again: nothing to wait for.
        await link.close()

    await service.run_jobs(
        [recorder.run(), housekeeping.run(), hours.run()],
        link.run(),
        farewell,
        health_file=settings.health_file,
        troubles={
            "no broker": lambda: link.away_since_s,
            "nothing committed": lambda: recorder.uncommitted_since_s,
        },
        steady=steady,
    )


def _client(settings: RecorderSettings, topics: Topics, keepalive_s: int) -> Client:
    group = settings.share_group.get_secret_value()
    return Client(
        f"recorder-{secrets.token_hex(4)}",
        [
            (share_filter(group, topics.snapshot("+")), 0),
            # A group of its own: some brokers keep one place in the work for each group's name.
            (share_filter(f"{group}-backlog", topics.backlog("+")), 0),
        ],
        keepalive_s=keepalive_s,
    )


def serve_redrive(arguments: list[str]) -> None:
    """Tries again to store what was rejected. Raises CannotRun."""
    settings = RecorderSettings.load(arguments)
    settings.set_up_logging()
    topics = Topics(settings.topic_root)
    try:
        stored, failed = redrive(Store(settings.account(), topics), topics)
    except psycopg2.Error as error:
        reason = reason_of(error)
        raise CannotRun(
            f"The database does not answer ({reason}). See PGHOST, PGPORT and PGPASSWORD_FILE."
        ) from None
    log.info("Stored %d that were rejected; %d stay rejected", stored, failed)


def serve_rollup(arguments: list[str]) -> None:
    """Computes battery_pack_hours anew. Raises CannotRun."""
    if "--rebuild" not in arguments:
        raise CannotRun("Say what to do with the hours: bluenova-recorder rollup --rebuild")
    settings = RecorderSettings.load([word for word in arguments if word != "--rebuild"])
    settings.set_up_logging()
    try:
        rebuild(settings.account(), sys.stderr)
    except psycopg2.Error as error:
        raise CannotRun(
            f"The database does not let the hours be computed ({reason_of(error)}). "
            "See PGHOST, PGPORT and PGPASSWORD_FILE."
        ) from None


async def serve_check(arguments: list[str], parts: Parts) -> None:
    """Looks at all that a recorder needs. Raises CannotRun if anything is wrong."""

    def of(left: list[str]) -> list[Room]:
        settings = RecorderSettings.load(left)
        return rooms(
            Recorders(
                broker=settings.broker(),
                topics=Topics(settings.topic_root),
                account=settings.account(),
                removes_rows=settings.keep_raw_days is not None,
                health_file=settings.health_file,
                wall=parts.wall,
                listen_s=parts.check_listens_s,
            )
        )

    await run_check("bluenova-recorder", arguments, of, os.environ, stop=stop_requested())


def main() -> int:
    """Runs the service; the command line says how."""
    return service.main("bluenova-recorder", serve)


if __name__ == "__main__":
    sys.exit(main())
