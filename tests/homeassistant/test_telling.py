"""When Home Assistant is told: rarely, and never twice at once."""

import json
from datetime import UTC, datetime

import pytest

from bluenova_collector.homeassistant.announcer import (
    EARLIEST_S,
    LATEST_S,
    LETS_GO_S,
    PAUSE_S,
    Announcer,
)
from bluenova_collector.homeassistant.discovery import PARTS, Describer
from bluenova_shared.message import Message
from bluenova_shared.mqtt.events import Lost, NoBroker, Published, Sent, TooLong
from bluenova_shared.snapshot import Snapshot
from bluenova_shared.topics import Topics

ONLINE = Message("homeassistant/status", b"online")


class Telling:
    """An announcer with a clock and a broker that the test holds in its hands."""

    def __init__(self, *, enabled: bool = True) -> None:
        self.now_s = 1000.0
        self.connected = True
        self.longest: int | None = None
        self.sent: list[tuple[float, Message]] = []
        self.describer = Describer(Topics(), "c0ffee12", "1.0", 10, "kWh")
        self.home = Announcer(self.describer, self, lambda: self.now_s, enabled=enabled)

    def publish(self, message: Message) -> Published:
        if not self.connected:
            return NoBroker()
        if self.longest is not None and len(message.payload) > self.longest:
            return TooLong(self.longest)
        self.sent.append((self.now_s, message))
        return Sent()

    @property
    def told(self) -> list[tuple[float, str]]:
        """When a battery was told of, and how many cells it had."""
        told = []
        for at_s, message in self.sent:
            said = json.loads(message.payload)
            cells = [c for key, c in said.get("cmps", {}).items() if key.startswith("cell_v_")]
            if cells:
                with_name = sum("name" in cell for cell in cells)
                told.append((at_s, f"{said['dev']['sn']} {with_name}"))
        return told

    def lose(self, *unacknowledged: Message) -> None:
        """The connection ends with these on their way, and there is another."""
        self.home.link_lost(Lost("lost", frozenset(m.topic for m in unacknowledged)))
        self.home.tell_all()

    def replaced(self) -> Message:
        """What goes before the parts of the battery."""
        return self.describer.replaced("1A2B3C4D")

    def hear(self, mcu_id: str = "1A2B3C4D", cells: int = 16) -> None:
        time = datetime(2026, 11, 23, tzinfo=UTC)
        self.home.see([Snapshot(time=time, mcu_id=mcu_id, cell_count=cells)])

    def pass_time(self, seconds: float) -> list[str]:
        """What is told within these seconds."""
        before = len(self.told)
        for _ in range(int(seconds * 2)):
            self.home.publish_due()
            self.now_s += 0.5
        return [what for _, what in self.told[before:]]


@pytest.fixture
def telling() -> Telling:
    return Telling()


def test_a_battery_is_told_of_with_its_first_snapshot_and_once(telling: Telling) -> None:
    telling.hear()
    assert telling.pass_time(10) == ["1A2B3C4D 16"]
    assert telling.sent[0][0] == 1000.0, "it begins at once"
    for _ in range(100):
        telling.hear()
        assert telling.pass_time(10) == []


def test_nothing_is_told_before_there_is_a_snapshot(telling: Telling) -> None:
    telling.home.tell_all()
    telling.home.handle(ONLINE)
    assert telling.pass_time(60) == []


def test_home_assistant_s_birth_is_answered_once_after_a_while(telling: Telling) -> None:
    telling.hear()
    telling.pass_time(60)
    born_s = telling.now_s
    for _ in range(5):
        telling.home.handle(ONLINE)
    assert telling.pass_time(60) == ["1A2B3C4D 16"]
    first_s, first = telling.sent[-1 - len(PARTS)]
    assert EARLIEST_S <= first_s - born_s <= LATEST_S + 0.5
    assert first == telling.replaced()


def test_home_assistant_s_farewell_is_not_answered(telling: Telling) -> None:
    telling.hear()
    telling.pass_time(60)
    telling.home.handle(Message("homeassistant/status", b"offline"))
    assert telling.pass_time(60) == []


def test_two_tellings_keep_their_distance(telling: Telling) -> None:
    telling.hear()
    telling.pass_time(1)
    for _ in range(3):
        telling.hear(cells=8)
    assert telling.pass_time(60) == ["1A2B3C4D 16", "1A2B3C4D 8"]
    (first_s, _), (second_s, _) = telling.told
    assert second_s - first_s >= PAUSE_S


def test_without_a_broker_it_waits(telling: Telling) -> None:
    telling.connected = False
    telling.hear()
    assert telling.pass_time(60) == []
    telling.connected = True
    telling.home.tell_all()
    assert telling.pass_time(60) == ["1A2B3C4D 16"]


def test_a_broker_that_accepts_us_anew_is_told_again(telling: Telling) -> None:
    telling.hear()
    telling.hear("0BADCAFE", 8)
    telling.pass_time(60)
    telling.home.tell_all()
    assert sorted(telling.pass_time(60)) == ["0BADCAFE 8", "1A2B3C4D 16"]


def test_many_batteries_do_not_answer_all_at_once(telling: Telling) -> None:
    for number in range(50):
        telling.hear(f"{number + 1:08X}")
    telling.pass_time(60)
    telling.home.handle(ONLINE)
    telling.pass_time(60)
    assert len({at_s for at_s, _ in telling.told[50:]}) > 3


def test_it_can_be_switched_off() -> None:
    telling = Telling(enabled=False)
    telling.hear()
    telling.home.tell_all()
    assert telling.pass_time(60) == []


def test_what_the_broker_does_not_take_is_not_sent(
    telling: Telling, caplog: pytest.LogCaptureFixture
) -> None:
    telling.longest = 5
    telling.hear()
    assert telling.pass_time(60) == []
    telling.home.tell_all()
    assert telling.pass_time(60) == []
    assert [record.levelname for record in caplog.records].count("ERROR") == 1


def test_earlier_versions_topic_goes_first_and_the_parts_follow_one_at_a_time(
    telling: Telling,
) -> None:
    telling.hear()
    telling.pass_time(60)
    (first_s, first), *others = telling.sent
    assert first == telling.replaced()
    assert [m for _, m in others] == telling.describer.discovery("1A2B3C4D", 16)
    assert others[0][0] - first_s >= LETS_GO_S
    times = [at_s for at_s, _ in others]
    assert len(set(times)) == len(PARTS)
    assert times[-1] - times[0] <= 5


class Narrow(Telling):
    """A broker that ends the connection when a message is longer than it likes."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.breaks_s: list[float] = []

    def live_for(self, seconds: float, *, interval_s: float = 10) -> None:
        """A battery speaks for so long, and the broker does what it does."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            if self.now_s % interval_s == 0:
                self.hear()
            before = len(self.sent)
            self.home.publish_due()
            for _, message in self.sent[before:]:
                if len(message.payload) > self.limit:
                    self.breaks_s.append(self.now_s)
                    self.lose(message)
            self.now_s += 0.5

    @property
    def parts(self) -> set[str]:
        """The topics of all that the broker took."""
        return {m.topic for _, m in self.sent if len(m.payload) <= self.limit}


DAY_S = 86400


def test_what_a_broker_refuses_is_named_tried_once_more_and_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = Narrow(limit=4600)
    broker.live_for(DAY_S)
    told = broker.describer.discovery("1A2B3C4D", 16)
    assert broker.parts == {broker.replaced().topic, *(m.topic for m in told[:3])}
    assert len(broker.breaks_s) == 2
    assert 60 <= broker.breaks_s[1] - broker.breaks_s[0] <= 80
    first, second = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    shortest, longest = len(told[3].payload), len(told[4].payload)
    assert f"discovery of {shortest} bytes on its way" in first
    assert "tried once more" in first
    assert f"raise it to {longest} bytes" in first
    assert f"discovery of {shortest} bytes on its way: it is left out" in second
    assert f"a limit of {longest} bytes or more" in second


def test_a_trial_comes_right_after_a_snapshot() -> None:
    broker = Narrow(limit=100)
    broker.live_for(3600)
    assert len(broker.breaks_s) > 1
    assert all(at_s % 10 == 0 for at_s in broker.breaks_s[1:])


def test_after_a_break_that_was_not_its_doing_it_tries_at_once() -> None:
    broker = Narrow(limit=4600)
    broker.live_for(6 * 3600)
    broker.limit = 10_000
    broker.lose()
    broker.live_for(30)
    told = broker.describer.discovery("1A2B3C4D", 16)
    assert broker.parts == {broker.replaced().topic, *(m.topic for m in told)}


def test_a_connection_that_ended_by_chance_costs_a_minute(telling: Telling) -> None:
    telling.hear()
    while len(telling.sent) < 3:
        telling.pass_time(0.5)
    telling.lose(telling.sent[-1][1])
    telling.now_s += 1
    assert telling.pass_time(50) == []
    for _ in range(6):
        telling.hear()
        telling.pass_time(10)
    assert telling.told[-1][1] == "1A2B3C4D 16"


def test_after_a_break_in_the_middle_it_begins_anew(telling: Telling) -> None:
    telling.hear()
    while len(telling.sent) < 3:
        telling.pass_time(0.5)
    telling.lose()
    before = len(telling.sent)
    telling.pass_time(60)
    told = telling.describer.discovery("1A2B3C4D", 16)
    assert [message for _, message in telling.sent[before:]] == [telling.replaced(), *told]


def test_what_else_was_on_its_way_is_no_reason() -> None:
    broker = Narrow(limit=10_000)
    broker.live_for(60)
    before = len(broker.sent)
    broker.lose(Message("bluenova/1A2B3C4D/status", "x" * 20_000))
    broker.live_for(60)
    assert len(broker.sent) - before == 1 + len(PARTS)
