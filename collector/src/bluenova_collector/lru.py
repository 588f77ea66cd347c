"""What is known of each battery, for as many as any console names. Pure."""

from collections import UserDict
from typing import TypeVar

# More than any console names; a stream of garbled ids must not fill the memory.
MAX_BATTERIES = 64

Battery = TypeVar("Battery", str, str | None)
Value = TypeVar("Value")


class LRU(UserDict[Battery, Value]):
    """A dict by MCU ID that forgets the battery that was set least recently."""

    def __setitem__(self, battery: Battery, value: Value) -> None:
        self.data.pop(battery, None)
        self.data[battery] = value
        if len(self.data) > MAX_BATTERIES:
            del self.data[next(iter(self.data))]
