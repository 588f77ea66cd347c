"""Looks at the broker, from its name to our rights there."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from bluenova_shared.check.broker.abilities import (
    LENGTH,
    RETAINED,
    SHARED,
    Lengths,
    look_at_length,
    look_at_retained,
    look_at_sharing,
)
from bluenova_shared.check.broker.account import NAMES as ACCOUNT_NAMES
from bluenova_shared.check.broker.account import look_at_account
from bluenova_shared.check.broker.probe import Probe
from bluenova_shared.check.broker.rights import Needs, look_at_rights
from bluenova_shared.check.broker.tls import NAME as TLS
from bluenova_shared.check.broker.tls import look_at_tls
from bluenova_shared.check.network import look_at_host
from bluenova_shared.check.result import Findings
from bluenova_shared.mqtt.broker import Broker
from bluenova_shared.threads import in_daemon_thread

START = "Start the broker (docker compose up -d mosquitto)"


@dataclass(frozen=True)
class BrokerLook:
    """What a service needs of which broker; `wall` gives the seconds since 1970."""

    broker: Broker
    needs: Needs
    lengths: Lengths
    shares: bool
    wall: Callable[[], float]

    @property
    def names(self) -> list[str]:
        """The results' names."""
        sharing = [SHARED] if self.shares else []
        return [
            *("broker name", "broker port", TLS, *ACCOUNT_NAMES, RETAINED, LENGTH, *sharing),
            *self.needs.names,
        ]

    def new_probe(self) -> Probe:
        """A further connection, not yet open."""
        return Probe(self.broker)

    async def look(self, findings: Findings) -> bool:
        """Looks at all of it; false if we are not let in."""
        broker = self.broker
        if not await look_at_host(
            findings, "broker", broker.host, broker.port, settings="MQTT", start=START
        ):
            return False
        return await in_daemon_thread(lambda: self._look_inside(findings))

    def _look_inside(self, findings: Findings) -> bool:
        if not look_at_tls(findings, self.broker, self.wall()):
            return False
        probe = look_at_account(findings, self.broker)
        if probe is None:
            return False
        with contextlib.closing(probe):
            look_at_retained(findings, probe)
            look_at_length(findings, probe, self.lengths, self.new_probe)
            if self.shares:
                look_at_sharing(findings, probe)
        look_at_rights(findings, self.needs, self.broker.username, self.new_probe)
        return True
