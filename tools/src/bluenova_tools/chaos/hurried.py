"""The services' patience, shortened: what takes minutes in real life takes seconds in a chaos run.

Nothing else about the services is different. ``PAUSES=real`` leaves the pauses as they are.
"""

from __future__ import annotations

import os
from functools import partial

from bluenova_collector.console import connection as console
from bluenova_collector.console.retry import Retry
from bluenova_collector.delivery import pacing as backlog
from bluenova_recorder import recorder, store
from bluenova_shared.mqtt import link as mqtt


def hurry() -> None:
    """Shortens all pauses and waits."""
    if os.environ.get("PAUSES") == "real":
        return
    mqtt.KEEPALIVE_S = 4
    mqtt.FIRST_PAUSE_S, mqtt.LONGEST_PAUSE_S = 0.3, 2.0
    backlog.RECEIPT_DUE_S = 1.5
    backlog.FIRST_PAUSE_S, backlog.LONGEST_PAUSE_S = 0.5, 3.0
    vars(console)["Retry"] = partial(Retry, (0.3, 0.5, 1.0))
    recorder.FIRST_PAUSE_S, recorder.LONGEST_PAUSE_S = 0.3, 2.0
    store._SESSION = store._SESSION.replace("'10s'", "'2s'").replace("'30s'", "'4s'")
