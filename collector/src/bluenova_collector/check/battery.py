"""The battery: whether it can be reached, and whether what it says is a battery's console."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from bluenova_collector.check.known import Known
from bluenova_collector.console.connection import Address, Connected, Console, Line, Lost
from bluenova_collector.console.rules import Named, Said, Unreadable, is_readable
from bluenova_shared.check.network import look_at_host
from bluenova_shared.check.result import Findings

WEBSOCKET, LINES, MCU_ID = "battery websocket", "battery lines", "battery MCU ID"
NAMES = ("battery name", "battery port", WEBSOCKET, LINES, MCU_ID)

LISTEN_S = 5.0
HANDSHAKE_S = 5.0
# So many lines that we know, and its MCU ID, are enough.
ENOUGH = 20


@dataclass
class _Heard:
    """What has come so far."""

    lines: int = 0
    known: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)
    mcu_id: str | None = None
    mcu_id_s: float = 0.0
    connected: bool = False
    lost: str = ""

    def take(self, said: Said | None, now_s: float) -> None:
        self.lines += 1
        self.known += is_readable(said)
        if isinstance(said, Unreadable):
            self.unreadable[said.line[:60]] += 1
        if isinstance(said, Named):
            self.mcu_id, self.mcu_id_s = said.mcu_id, now_s

    @property
    def is_enough(self) -> bool:
        return self.mcu_id is not None and self.known >= ENOUGH


@dataclass(frozen=True)
class BatteryLook:
    """Which battery; `steady` is a clock that never jumps."""

    address: Address
    handshake_s: float
    known: Known
    steady: Callable[[], float]
    listen_s: float

    async def look(self, findings: Findings) -> None:
        """Knocks, then listens for some seconds."""
        try:
            host, port = self.address.host, self.address.port
            start = "Switch the battery on, and connect it to this network (docs/hardware.md)"
            if await look_at_host(findings, "battery", host, port, settings="BATTERY", start=start):
                heard = await self._listen()
                self.known.heard_mcu_id = heard.mcu_id
                await self.known.outbox_read.wait()
                self._judge(findings, heard)
        finally:
            self.known.battery_heard.set()

    async def _listen(self) -> _Heard:
        heard = _Heard()
        handshake_s = min(self.handshake_s, HANDSHAKE_S)
        console = Console(
            self.address, self.steady, handshake_s=handshake_s, silence_s=self.listen_s
        )
        try:
            async with (
                asyncio.timeout(handshake_s + self.listen_s) as limit,
                aclosing(console.events()) as events,
            ):
                async for event in events:
                    match event:
                        case Connected():
                            heard.connected = True
                            limit.reschedule(asyncio.get_running_loop().time() + self.listen_s)
                        case Line(said=said):
                            heard.take(said, self.steady())
                            if heard.is_enough:
                                break
                        case Lost(why):
                            heard.lost = why
                            break
        except TimeoutError:
            pass  # the time for listening is over
        return heard

    def _judge(self, findings: Findings, heard: _Heard) -> None:
        where = f"ws://{self.address}{self.address.path}"
        if not heard.connected:
            findings.wrong(
                WEBSOCKET,
                f"{where} does not answer as a console: {heard.lost}",
                "Check BATTERY_PORT (9000) and BATTERY_PATH (/ws/), or restart the battery's board",
            )
            return
        findings.ok(WEBSOCKET, f"{where} answers")
        if not heard.known:
            nothing = "no line came" if not heard.lines else f"{heard.lines} lines, none known"
            because = f"; then: {heard.lost}" if heard.lost else f" within {self.listen_s:g} s"
            findings.wrong(
                LINES,
                nothing + because,
                "Check BATTERY_PORT and BATTERY_PATH: this may be no battery's console. If it is "
                "one, switch the battery's board off and on",
            )
            return
        self._judge_lines(findings, heard)
        self._judge_mcu_id(findings, heard)

    def _judge_lines(self, findings: Findings, heard: _Heard) -> None:
        found = f"{heard.lines} came, {heard.known} of them are known"
        if heard.unreadable:
            (line, _), *_ = heard.unreadable.most_common(1)
            bad = heard.unreadable.total()
            findings.warning(
                LINES,
                f"{found}, {bad} cannot be read, such as {line!a}",
                "Now and then is harmless. If it lasts, make a capture (bluenova-collector -r -l "
                "capture.log) and report it",
            )
        elif heard.lost:
            findings.warning(
                LINES,
                f"{found}, then the connection ended: {heard.lost}",
                "The collector connects again by itself. If it lasts, check the network",
            )
        else:
            findings.ok(LINES, found)

    def _judge_mcu_id(self, findings: Findings, heard: _Heard) -> None:
        remembered = self.known.contents.memory.mcu_id
        if heard.mcu_id is not None:
            age_s = self.steady() - heard.mcu_id_s
            findings.ok(MCU_ID, f"{heard.mcu_id}, said {age_s:.1f} s ago")
        elif remembered is not None:
            said = f"{remembered}, remembered; not said within {self.listen_s:g} s"
            findings.ok(MCU_ID, said)
        else:
            findings.warning(
                MCU_ID,
                f"not said within {self.listen_s:g} s, and none is remembered: until it is, what "
                "is measured waits",
                "Wait some minutes, and look again. If it stays so, make a capture and report it",
            )
