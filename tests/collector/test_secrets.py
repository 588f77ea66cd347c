"""Secrets among the settings: where they may come from, and that none is shown."""

from pathlib import Path

import pytest
from tests.support.settings import SECRET, wrong

from bluenova_collector.settings import CollectorSettings
from bluenova_recorder.settings import RecorderSettings
from bluenova_shared.setting_types import WrongSettings

pytestmark = pytest.mark.usefixtures("no_settings")


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


@pytest.mark.parametrize("name", ["PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE", "PGUSER"])
def test_an_account_in_a_variable_that_libpq_would_quote_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, f"me:{SECRET}@db.lan:5432")
    said = wrong(RecorderSettings)
    assert said.startswith(f"{name} has name:password@ in it")
    assert SECRET not in said


def test_a_host_that_is_a_connection_string_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", f"password={SECRET} host=x")
    said = wrong(RecorderSettings)
    assert said.startswith("PGHOST has name:password@ in it, or a =.")
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
