"""Which batteries are being read. Pure: the time, in seconds of any steady clock, is passed in."""

from bluenova_collector.lru import LRU


class Availability:
    """Whether each battery is online: heard of within the last `offline_after_s` seconds.

    Short breaks of the connection do not show. `remembered`, if any, counts as heard of at `now_s`,
    so that what an earlier run left behind at the broker is set right in time.
    """

    def __init__(self, offline_after_s: float, now_s: float, remembered: str | None = None) -> None:
        self._offline_after_s = offline_after_s
        self._heard_s = LRU[str, float]()
        if remembered is not None:
            self._heard_s[remembered] = now_s
        self.online: dict[str, bool] = {}

    def heard(self, mcu_id: str, now_s: float) -> bool:
        """A readable line of this battery came; true if that brings it online."""
        self._heard_s[mcu_id] = now_s
        if self.online.get(mcu_id):
            return False
        self.online[mcu_id] = True
        for forgotten in self.online.keys() - self._heard_s.keys():
            del self.online[forgotten]
        return True

    def lost(self, now_s: float) -> list[str]:
        """The batteries that have gone offline since it was asked last."""
        gone = [
            mcu_id
            for mcu_id, heard_s in self._heard_s.items()
            if now_s - heard_s > self._offline_after_s and self.online.get(mcu_id) is not False
        ]
        self.online.update(dict.fromkeys(gone, False))
        return gone
