"""The settings: environment, files, flags, and what is said of wrong ones."""

import ssl
from pathlib import Path

import pytest
from tests.support.settings import SECRET, wrong

from bluenova_collector.settings import CollectorSettings
from bluenova_recorder.settings import RecorderSettings
from bluenova_shared.setting_types import WrongSettings

pytestmark = pytest.mark.usefixtures("no_settings")


def test_the_defaults_are_the_c_programs() -> None:
    settings = CollectorSettings.load([])
    assert (settings.battery_host, settings.battery_port, settings.battery_path) == (
        "10.0.0.2", 9000, "/ws/",
    )  # fmt: skip
    assert (settings.interval, settings.log_raw) == (10, False)
    assert (settings.log_file, settings.log_files) == (None, 5)
    assert (settings.log_max_bytes, settings.log_flush) == (50 * 2**20, False)
    assert (settings.topic_root, settings.log_level) == ("bluenova", "INFO")
    recorder = RecorderSettings.load([])
    assert (recorder.pgdatabase, recorder.pguser) == ("homeauto", "homeauto")
    assert (recorder.log_files, recorder.log_max_bytes) == (5, 50 * 2**20)


def test_the_c_programs_letters_work_for_the_collector() -> None:
    arguments = "-b 127.0.0.9 -i 30 -l a.log -n 3 -m 1000 -f 1 -r".split()
    settings = CollectorSettings.load(arguments)
    assert settings.battery_host == "127.0.0.9"
    assert (settings.interval, settings.log_raw, settings.log_flush) == (30, True, True)
    assert (settings.log_file, settings.log_files) == (Path("a.log"), 3)
    assert settings.log_max_bytes == 1000
    assert CollectorSettings.load(["-f", "0"]).log_flush is False


def test_the_c_programs_letters_work_for_the_recorder() -> None:
    settings = RecorderSettings.load("-d mydb -u me -l x.log -n 2 -m 0 -f 0".split())
    assert (settings.pgdatabase, settings.pguser) == ("mydb", "me")
    assert (settings.log_file, settings.log_files) == (Path("x.log"), 2)
    assert (settings.log_max_bytes, settings.log_flush) == (0, False)


def test_the_environment_sets_each_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "BATTERY_HOST": "battery.lan", "BATTERY_PORT": "9001", "BATTERY_PATH": "/x",
        "INTERVAL": "1", "MQTT_HOST": "broker", "MQTT_PORT": "8883", "MQTT_USERNAME": "me",
        "MQTT_PASSWORD": SECRET, "TOPIC_ROOT": "home/b", "LOG_LEVEL": "DEBUG", "LOG_RAW": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    settings = CollectorSettings.load([])
    assert str(settings.address()) == "battery.lan:9001"
    assert settings.address().uri == "ws://battery.lan:9001/x"
    assert (settings.interval, settings.topic_root, settings.log_level) == (1, "home/b", "DEBUG")
    broker = settings.broker()
    assert (broker.host, broker.port, broker.username, broker.password) == (
        "broker", 8883, "me", SECRET,
    )  # fmt: skip
    assert settings.log_raw


def test_a_flag_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATTERY_HOST", "one")
    monkeypatch.setenv("INTERVAL", "60")
    settings = CollectorSettings.load(["-b", "two"])
    assert (settings.battery_host, settings.interval) == ("two", 60)


def test_one_letter_variables_of_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for letter in "bilnmfrduBILNMFRDU":
        monkeypatch.setenv(letter, "7")
    assert CollectorSettings.load([]) == CollectorSettings.load(["-b", "10.0.0.2"])
    assert RecorderSettings.load([]).pgdatabase == "homeauto"


@pytest.mark.parametrize(
    ("host", "uri"),
    [
        ("battery", "ws://battery:9000/ws/"),
        ("fd00::2", "ws://[fd00::2]:9000/ws/"),
        ("[fd00::2]", "ws://[fd00::2]:9000/ws/"),
        (" 10.0.0.3 ", "ws://10.0.0.3:9000/ws/"),
    ],
)
def test_the_battery_may_have_any_kind_of_address(host: str, uri: str) -> None:
    assert CollectorSettings.load(["-b", host]).address().uri == uri


def test_empty_variables_that_may_be_left_out_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("MQTT_USERNAME", "MQTT_PASSWORD", "LOG_FILE", "OUTBOX_PATH", "MQTT_TLS_CA",
                 "MQTT_PASSWORD_FILE"):  # fmt: skip
        monkeypatch.setenv(name, "")
    settings = CollectorSettings.load([])
    assert (settings.mqtt_username, settings.mqtt_password, settings.log_file) == (None,) * 3


def test_blanks_a_last_slash_and_small_letters_do_not_matter() -> None:
    assert RecorderSettings.load(["-d", " mydb "]).pgdatabase == "mydb"
    assert CollectorSettings.load(["--topic-root", " home/b/ "]).topic_root == "home/b"
    assert CollectorSettings.load(["--log-level", "debug"]).log_level == "DEBUG"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-d", "  "], "PGDATABASE is empty. Set it to "),
        (["--topic-root", "/"], "TOPIC_ROOT is '/': cannot start a topic. "),
        (["--topic-root", "home/+"], "TOPIC_ROOT is 'home/+': cannot start a topic. "),
        (["--topic-root", "$share/b"], "TOPIC_ROOT is '$share/b': cannot start a topic. "),
        (["--mqtt-port", "0"], "MQTT_PORT is '0': input should be greater than or equal to 1. "),
    ],
)
def test_a_wrong_setting_is_said_with_its_reason(arguments: list[str], said: str) -> None:
    assert wrong(RecorderSettings, *arguments).startswith(said)


@pytest.mark.parametrize("interval", [0, 86401])
def test_an_interval_lasts_between_a_second_and_a_day(interval: int) -> None:
    assert wrong(CollectorSettings, "-i", str(interval)).startswith(f"INTERVAL is '{interval}'")
    assert [CollectorSettings.load(["-i", str(s)]).interval for s in (1, 86400)] == [1, 86400]


def test_all_wrong_settings_are_reported_at_once_each_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "BATTERY_HOST": "", "BATTERY_PORT": "65536", "BATTERY_PATH": "ws", "INTERVAL": "0",
        "MQTT_PORT": "mqtt", "TOPIC_ROOT": "a/#", "LOG_LEVEL": "LOUD", "LOG_FILES": "0",
        "LOG_MAX_BYTES": "-1", "LOG_FLUSH": "2", "SILENCE_S": "0",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    said = wrong(CollectorSettings).splitlines()
    named = [line.split()[0] for line in said]
    assert named == sorted(set(named), key=named.index), "each once"
    assert set(named) == {
        "BATTERY_HOST", "BATTERY_PORT", "BATTERY_PATH", "INTERVAL", "MQTT_PORT", "TOPIC_ROOT",
        "LOG_LEVEL", "LOG_FILES", "LOG_MAX_BYTES", "LOG_FLUSH", "SILENCE_S",
    }  # fmt: skip
    for line in said:
        assert "Set it to " in line
        assert f"for example {line.split()[0]}=" in line
    assert any("65536" in line for line in said), "what was given is shown"


def test_a_wrong_flag_and_wrong_variables_are_reported_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MQTT_PORT", "x")
    said = wrong(CollectorSettings, "-i", "ten")
    assert "INTERVAL" in said
    assert "MQTT_PORT" in said


TLS = {"MQTT_TLS": "1"}
ACCOUNT = {"MQTT_USERNAME": "me", "MQTT_PASSWORD": SECRET}
CERTIFICATE = {"MQTT_TLS_CA": "/a", "MQTT_TLS_CERT": "/b", "MQTT_TLS_KEY": "/c"}


@pytest.mark.parametrize(
    "environment",
    [{}, ACCOUNT, {"MQTT_USERNAME": "me"}, TLS, TLS | CERTIFICATE, TLS | {"MQTT_TLS_CA": "/a"}],
    ids=lambda environment: " ".join(environment) or "nothing",
)
def test_no_contradiction_is(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert RecorderSettings.load([]).contradictions() == []


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"MQTT_PASSWORD": SECRET}, ["MQTT_PASSWORD is set, but MQTT_USERNAME is not."]),
        (
            {"MQTT_TLS_CA": "/a", "MQTT_TLS_CERT": "/b"},
            ["MQTT_TLS_CA and MQTT_TLS_CERT would not be used, as MQTT_TLS is not set."],
        ),
        (TLS | {"MQTT_TLS_KEY": "/c"}, ["MQTT_TLS_KEY is set, but MQTT_TLS_CERT is not."]),
        (
            {"MQTT_PASSWORD": SECRET, "MQTT_TLS_KEY": "/c"},
            [
                "MQTT_PASSWORD is set, but MQTT_USERNAME is not.",
                "MQTT_TLS_KEY would not be used, as MQTT_TLS is not set.",
                "MQTT_TLS_KEY is set, but MQTT_TLS_CERT is not.",
            ],
        ),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, dict) else "",
)
def test_a_contradiction_is(
    environment: dict[str, str], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    lines = wrong(RecorderSettings).splitlines()
    assert [line[: len(start)] for line, start in zip(lines, said, strict=True)] == said
    assert all(" Set " in line for line in lines), "each with what to do"


def test_tls_is_spoken_if_it_is_set_and_only_then(tmp_path: Path) -> None:
    assert RecorderSettings.load([]).broker().tls is None
    assert isinstance(RecorderSettings.load(["--mqtt-tls", "1"]).broker().tls, ssl.SSLContext)
    (tmp_path / "ca").write_text("no certificate", encoding="utf-8")
    settings = RecorderSettings.load(["--mqtt-tls", "1", "--mqtt-tls-ca", str(tmp_path / "ca")])
    with pytest.raises(WrongSettings, match="certificates for the broker cannot be loaded"):
        settings.broker()


# A value with what a person does not see: the environment's bytes as Python hands them on.
UNSEEN = [
    pytest.param("broker\x07", "'\\x07'", id="a control character"),
    pytest.param("bro\nker", "'\\n'", id="a line end"),
    pytest.param("\ufeffbroker", "'\\ufeff'", id="a byte order mark"),
    pytest.param("br\udcf6ker", "is not UTF-8", id="a byte that is not UTF-8"),
]


@pytest.mark.parametrize(("value", "why"), UNSEEN)
@pytest.mark.parametrize(
    "name",
    ["MQTT_HOST", "MQTT_USERNAME", "MQTT_PASSWORD", "TOPIC_ROOT", "LOG_FILE", "OUTBOX_PATH"],
)
def test_what_cannot_be_seen_in_a_setting_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    monkeypatch.setenv("MQTT_USERNAME", "me")
    monkeypatch.setenv(name, value)
    said = wrong(CollectorSettings)
    assert said.startswith(f"{name} ")
    assert why in said
    assert len(said.splitlines()) == 1
    said.encode("utf-8")
    monkeypatch.delenv(name)
    flag = f"--{name.lower().replace('_', '-')}"
    assert wrong(CollectorSettings, "--mqtt-username", "me", flag, value) == said


def test_live_values_are_spread_over_less_than_an_interval() -> None:
    assert CollectorSettings.load("-i 10 --stagger-s 9.5".split()).stagger_s == 9.5
    said = wrong(CollectorSettings, *"-i 10 --stagger-s 10".split())
    assert said.startswith("STAGGER_S is '10'")
    assert "is not less than INTERVAL" in said
