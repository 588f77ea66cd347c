"""`bluenova-recorder`: reads the settings and wires the parts."""

from __future__ import annotations

import logging
import secrets
import sys
from collections.abc import Callable

import psycopg2

from bluenova_recorder.batch import Batch
from bluenova_recorder.recorder import Recorder
from bluenova_recorder.redrive import redrive
from bluenova_recorder.settings import RecorderSettings
from bluenova_recorder.store import Store
from bluenova_shared import service
from bluenova_shared.mqtt.link import MqttLink
from bluenova_shared.service import CannotRun
from bluenova_shared.topics import Topics, share_filter

log = logging.getLogger("bluenova_recorder")


async def serve(arguments: list[str]) -> None:
    """Runs the recorder until SIGTERM. Raises CannotRun."""
    if arguments[:1] == ["redrive"]:
        serve_redrive(arguments[1:])
        return
    settings = RecorderSettings.load(arguments)
    settings.set_up_logging()
    topics = Topics(settings.topic_root)
    store = Store(settings.account(), topics)
    name = f"recorder-{secrets.token_hex(4)}"
    link = _link(settings, name, lambda: recorder.announce())
    recorder = Recorder(
        inbox=link.inbox,
        topics=topics,
        batch=Batch(settings.batch_rows, settings.batch_age_s),
        store=store,
        publish=link.publish,
        listen=link.listen,
    )
    log.info("Recorder %s: broker %s, database %s", name, link.broker, settings.pgdatabase)

    async def farewell() -> None:
        # What is not written yet has no receipt, and will be sent again: nothing to wait for.
        await link.close()

    await service.run_jobs(
        [recorder.run()],
        link.run(),
        farewell,
        health_file=settings.health_file,
        troubles={
            "no broker": lambda: link.away_since_s,
            "nothing committed": lambda: recorder.uncommitted_since_s,
        },
    )


def _link(settings: RecorderSettings, name: str, on_connected: Callable[[], None]) -> MqttLink:
    topics, group = Topics(settings.topic_root), settings.share_group.get_secret_value()
    return MqttLink(
        settings.broker(),
        client_id=name,
        subscriptions=[
            (share_filter(group, topics.snapshot("+")), 0),
            (share_filter(group, topics.backlog("+")), 0),
        ],
        on_connected=on_connected,
        listening=False,  # until there is a database
    )


def serve_redrive(arguments: list[str]) -> None:
    """Tries again to store what was rejected. Raises CannotRun."""
    settings = RecorderSettings.load(arguments)
    settings.set_up_logging()
    topics = Topics(settings.topic_root)
    try:
        stored, failed = redrive(Store(settings.account(), topics), topics)
    except psycopg2.Error as error:
        reason = " ".join(str(error).split())
        raise CannotRun(
            f"The database does not answer ({reason}). See PGHOST, PGPORT and PGPASSWORD_FILE."
        ) from None
    log.info("Stored %d that were rejected; %d stay rejected", stored, failed)


def main() -> int:
    """Entry point of the `bluenova-recorder` command."""
    return service.main("bluenova-recorder", serve)


if __name__ == "__main__":
    sys.exit(main())
