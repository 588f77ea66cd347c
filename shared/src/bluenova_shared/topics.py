"""The MQTT topics: this module alone makes them and takes them apart. Pure."""

import re
from dataclasses import dataclass

_MCU_LEVEL = re.compile(r"[0-9A-F]{8}")
HOME_ASSISTANT = "homeassistant"
# No battery has this MCU ID: what is published on its topics is for nobody.
NOBODY = "00000000"


@dataclass(frozen=True)
class Topics:
    """The topics below one root; `mcu` is eight upper-case hex digits, or `+` for all."""

    root: str = "bluenova"
    home_assistant: str = HOME_ASSISTANT  # Home Assistant's discovery prefix

    def snapshot(self, mcu: str) -> str:
        """Each interval's snapshot."""
        return f"{self.root}/{mcu}/snapshot"

    def availability(self, mcu: str) -> str:
        """Whether the battery is being read: `online` or `offline`, retained."""
        return f"{self.root}/{mcu}/availability"

    def collector(self, name: str) -> str:
        """Whether that collector runs: `online` or `offline`, retained."""
        return f"{self.root}/collector/{name}"

    def status(self, mcu: str) -> str:
        """The collector's own figures, retained."""
        return f"{self.root}/{mcu}/status"

    def backlog(self, mcu: str) -> str:
        """Snapshots and events without a receipt, sent again."""
        return f"{self.root}/{mcu}/backlog"

    def recorded(self, mcu: str) -> str:
        """The recorder's receipts."""
        return f"{self.root}/{mcu}/recorded"

    def recorder(self) -> str:
        """A message each time a recorder becomes able to write, retained."""
        return f"{self.root}/recorder"

    def discovery(self, mcu: str, part: str = "") -> str:
        """A part of the battery's sensors, for Home Assistant, retained.

        Without a part it is the one topic that all sensors had in earlier versions.
        """
        name = f"bluenova_{mcu}_{part}" if part else f"bluenova_{mcu}"
        return f"{self.home_assistant}/device/{name}/config"

    def discoveries(self) -> str:
        """The filter of all discovery, of others' devices, too."""
        return f"{self.home_assistant}/device/+/config"

    def home_assistant_states(self) -> set[str]:
        """Where Home Assistant says `online`; its discovery prefix need not begin this topic."""
        return {f"{prefix}/status" for prefix in (self.home_assistant, HOME_ASSISTANT)}

    def mcu_of(self, topic: str) -> str | None:
        """Returns the MCU ID in a battery's topic; None for any other topic."""
        below = topic.removeprefix(self.root + "/")
        mcu, slash, _ = below.partition("/")
        return mcu if below != topic and slash and _MCU_LEVEL.fullmatch(mcu) else None


def share_filter(group: str, topic_filter: str) -> str:
    """Returns the filter with which the members of `group` share the topics that match."""
    return f"$share/{group}/{topic_filter}"
