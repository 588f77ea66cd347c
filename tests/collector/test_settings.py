"""The settings: environment, files, flags, and what is said of wrong ones."""

import os
import re
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from bluenova_collector.settings import CollectorSettings
from bluenova_recorder.settings import RecorderSettings
from bluenova_shared.setting_types import WrongSettings
from bluenova_shared.settings import ServiceSettings

SECRET = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own environment."""
    for settings in (CollectorSettings, RecorderSettings):
        for field in settings.model_fields:
            monkeypatch.delenv(field.upper(), raising=False)
            monkeypatch.delenv(f"{field.upper()}_FILE", raising=False)


def wrong(settings: type[ServiceSettings], *arguments: str) -> str:
    """What is said of these wrong settings."""
    with pytest.raises(WrongSettings) as raised:
        settings.load(arguments)
    return str(raised.value)


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


@pytest.mark.parametrize(
    "arguments", [["-x"], ["--colour", "blue"], ["-i"], ["-b"], ["-i", "10", "more"]]
)
def test_a_wrong_command_line_is_reported(arguments: list[str]) -> None:
    assert "command line" in wrong(CollectorSettings, *arguments)


@pytest.mark.parametrize(
    "arguments", [["-daemon"], ["--daemon"], ["-daemon", "-b", "x"], ["-i", "5", "-daemon"]]
)
@pytest.mark.parametrize("settings", [CollectorSettings, RecorderSettings])
def test_daemon_is_answered_with_what_to_do_instead(
    settings: type[ServiceSettings], arguments: list[str]
) -> None:
    said = wrong(settings, *arguments)
    assert "restart policy" in said
    assert "systemd" in said
    assert "aemon'" not in said


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


@pytest.mark.parametrize(
    "database",
    [
        f"postgresql://me:{SECRET}@db.lan/homeauto",
        f"postgres://me:{SECRET}@db.lan:5432/homeauto?sslmode=require",
        f"host=db.lan user=me password='{SECRET}'",
        "dbname=homeauto",
        f"me:{SECRET}@db.lan/homeauto",
        f"me:{SECRET}@db.lan",
        f"me:{SECRET}/@db.lan:5432/homeauto",
        f"jdbc:postgresql://db.lan/homeauto?user=me&pass={SECRET}",
        f"pg://me:{SECRET}@/homeauto",
    ],
)
def test_a_connection_string_is_no_database_and_its_password_stays_unsaid(
    monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    said = wrong(RecorderSettings, "-d", database)
    assert said.startswith("PGDATABASE ")
    assert "PGHOST, PGPORT, PGUSER and PGPASSWORD_FILE" in said
    assert SECRET not in said
    monkeypatch.setenv("PGDATABASE", database)
    assert wrong(RecorderSettings) == said


@pytest.mark.parametrize(
    "arguments",
    [
        ("--mqtt-host", f"mqtt://me:{SECRET}@broker"),
        ("--battery-host", f"ws://me:{SECRET}@battery"),
        ("--mqtt-passwort", SECRET),
        (f"--mqtt-passwort={SECRET}",),
        (f"mqtt://me:{SECRET}@broker",),
        ("--mqtt-host", f"me:{SECRET}@broker"),
        ("--mqtt-host", f"me:{SECRET}@broker:1883"),
        ("--mqtt-host", f"me:{SECRET}"),
        ("--mqtt-host", f"{SECRET}@broker"),
        ("--battery-host", f"me:{SECRET}@battery"),
        ("--battery-host", f"me:{SECRET}@[fd00::2]"),
        ("--mqtt-port", f"me:{SECRET}@broker:1883"),
        ("--battery-path", f"ws?token={SECRET}"),
        ("--topic-root", f"mqtt://me:{SECRET}@broker/bluenova"),
        ("--topic-root", f"me:{SECRET}@broker/#"),
        ("--ha-prefix", f"me:{SECRET}@broker/homeassistant"),
        ("--recorder", f"me:{SECRET}@db/homeauto"),
        ("--mqtt-tls-key", f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----"),
        (f"-P{SECRET}",),
        ("-P", SECRET),
    ],
)
def test_a_password_in_the_wrong_place_is_not_shown(arguments: tuple[str, ...]) -> None:
    assert SECRET not in wrong(CollectorSettings, *arguments)


@pytest.mark.parametrize("path", [f"-----BEGIN PRIVATE KEY----- {SECRET}", f"me:{SECRET}@file"])
def test_a_secret_in_the_place_of_a_file_is_not_shown(path: str) -> None:
    settings = CollectorSettings.load(["--mqtt-tls", "1", f"--mqtt-tls-ca={path}"])
    with pytest.raises(WrongSettings, match="MQTT_TLS_CA is a text that may ") as raised:
        settings.broker()
    assert SECRET not in str(raised.value)
    log = CollectorSettings.load([f"--log-file=/none/{path}"])
    with pytest.raises(WrongSettings, match="LOG_FILE is a text that may ") as raised:
        log.set_up_logging()
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("name", ["PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER"])
def test_an_account_in_a_variable_that_libpq_would_quote_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, f"me:{SECRET}@db.lan:5432")
    said = wrong(RecorderSettings)
    assert said.startswith(f"{name} has name:password@ in it")
    assert SECRET not in said


@pytest.mark.parametrize("host", ["/var/run/postgresql", "@/run/pg", "fd00::1,db.lan", "db.lan"])
def test_libpqs_kinds_of_hosts_are_taken(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("PGHOST", host)
    assert RecorderSettings.load(["-u", "me@server"]).pguser == "me@server"


class TestASecret:
    def test_may_come_from_a_file(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        path = tmp_path / "secret"
        path.write_text(f"{SECRET}\n", encoding="utf-8")
        monkeypatch.setenv("MQTT_USERNAME", "me")
        monkeypatch.setenv("MQTT_PASSWORD_FILE", str(path))
        monkeypatch.setenv("PGPASSWORD_FILE", str(path))
        assert CollectorSettings.load([]).broker().password == SECRET
        assert RecorderSettings.load([]).account().password == SECRET

    @pytest.mark.parametrize("written", [f"\ufeff{SECRET}\r\n", f"\ufeff{SECRET}", f"{SECRET}\r\n"])
    def test_may_come_from_an_editor_of_windows(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str
    ) -> None:
        (tmp_path / "secret").write_bytes(written.encode())
        monkeypatch.setenv("PGPASSWORD_FILE", str(tmp_path / "secret"))
        assert RecorderSettings.load([]).account().password == SECRET

    @pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
    def test_file_that_is_not_utf_8_is_reported(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoding: str
    ) -> None:
        (tmp_path / "secret").write_bytes(f"é{SECRET}".encode(encoding))
        monkeypatch.setenv("PGPASSWORD_FILE", str(tmp_path / "secret"))
        assert "cannot be read (not UTF-8)" in wrong(RecorderSettings)

    def test_file_of_two_lines_is_reported(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "secret").write_text(f"{SECRET}\nanother\n", encoding="utf-8")
        monkeypatch.setenv("PGPASSWORD_FILE", str(tmp_path / "secret"))
        said = wrong(RecorderSettings)
        assert said.startswith("PGPASSWORD has a character in it that cannot be seen ('\\n')")
        assert SECRET not in said

    def test_file_that_is_missing_is_reported(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("MQTT_PASSWORD_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("INTERVAL", "0")
        said = wrong(CollectorSettings)
        assert "MQTT_PASSWORD_FILE" in said
        assert str(tmp_path / "none") in said
        assert "INTERVAL" in said

    def test_in_the_place_of_its_files_name_is_not_shown(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MQTT_PASSWORD_FILE", SECRET)
        said = wrong(CollectorSettings)
        assert said.startswith("MQTT_PASSWORD_FILE names a file that cannot be read (No such ")
        assert SECRET not in said

    def test_and_its_file_cannot_both_be_set(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "secret").write_text("other", encoding="utf-8")
        monkeypatch.setenv("MQTT_PASSWORD", SECRET)
        monkeypatch.setenv("MQTT_PASSWORD_FILE", str(tmp_path / "secret"))
        said = wrong(CollectorSettings)
        assert "MQTT_PASSWORD and MQTT_PASSWORD_FILE are both set" in said
        assert SECRET not in said

    def test_is_never_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MQTT_USERNAME", "me")
        monkeypatch.setenv("MQTT_PASSWORD", SECRET)
        monkeypatch.setenv("PGPASSWORD", SECRET)
        monkeypatch.setenv("MQTT_PORT", "x")
        for settings in (CollectorSettings, RecorderSettings):
            assert SECRET not in wrong(settings)
            assert SECRET not in repr(settings.load(["--mqtt-port", "1"]))
        assert SECRET not in repr(CollectorSettings.load(["--mqtt-port", "1"]).broker())
        assert SECRET not in repr(RecorderSettings.load(["--mqtt-port", "1"]).account())


def run(
    module: str, *arguments: str, folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A program that is to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "BATTERY_HOST": "127.0.0.1"}
        | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize(
    ("module", "arguments", "environment", "said"),
    [
        ("bluenova_collector", ["-i", "0"], {}, "INTERVAL"),
        ("bluenova_collector", ["forget", f"--mqtt-password={SECRET}"], {}, "MCU ID"),
        ("bluenova_collector", ["-daemon"], {}, "restart policy"),
        ("bluenova_collector", ["-i"], {}, "command line"),
        ("bluenova_collector", [], {"MQTT_PORT": "0"}, "MQTT_PORT"),
        ("bluenova_collector", ["-l", "/nowhere/at/all.log"], {}, "LOG_FILE"),
        ("bluenova_collector", [], {"OUTBOX_PATH": "/proc/outbox.sqlite"}, "OUTBOX_PATH"),
        ("bluenova_collector", [], {"MQTT_TLS": "1", "MQTT_TLS_CA": "/none"}, "MQTT_TLS_CA"),
        ("bluenova_collector", [], {"MQTT_USERNAME": ""}, "MQTT_USERNAME is not"),
        ("bluenova_collector", [], {"MQTT_TLS_CA": "/ca.crt"}, "Set MQTT_TLS=true"),
        ("bluenova_collector", [], {"MQTT_TLS": "1", "MQTT_TLS_KEY": "/k"}, "MQTT_TLS_CERT is not"),
        ("bluenova_collector", ["-d", "homeauto"], {}, "docs/migrating.md"),
        ("bluenova_recorder", ["-n", "0"], {}, "LOG_FILES"),
        ("bluenova_recorder", [], {"PGDATABASE": ""}, "PGDATABASE"),
        ("bluenova_recorder", ["-daemon"], {}, "restart policy"),
    ],
)
def test_wrong_settings_end_the_program_with_status_1_and_a_message(
    module: str, arguments: list[str], environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    account = {"MQTT_USERNAME": "me", "MQTT_PASSWORD": SECRET}
    ended = run(module, *arguments, folder=tmp_path, **{**account, **environment})
    assert ended.returncode == 1, ended.stderr + ended.stdout
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert SECRET not in ended.stderr + ended.stdout
    assert all(line.startswith(module.replace("_", "-")) for line in ended.stderr.splitlines())


@pytest.mark.parametrize(
    ("module", "letters"), [("bluenova_collector", "bilnmfr"), ("bluenova_recorder", "dulnmf")]
)
def test_help_lists_the_letters_and_ends_with_status_0(
    module: str, letters: str, tmp_path: Path
) -> None:
    ended = run(module, "--help", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert not set(re.findall("None|[*]|True|False|SecretStr|Path", ended.stdout))
    for letter in letters:
        assert f" -{letter}" in ended.stdout or f"-{letter}," in ended.stdout, ended.stdout
