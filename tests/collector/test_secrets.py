"""Secrets among the settings: where they may come from, and that none is shown."""

from pathlib import Path

import pytest
from tests.support.settings import SECRET, wrong

from bluenova_collector.settings import CollectorSettings
from bluenova_recorder.settings import RecorderSettings

pytestmark = pytest.mark.usefixtures("no_settings")


@pytest.mark.parametrize(
    "database",
    [
        f"postgresql://me:{SECRET}@db.lan/homeauto",
        f"postgres://me:{SECRET}@db.lan:5432/homeauto?sslmode=require",
        f"host=db.lan user=me password='{SECRET}'",
        "dbname=homeauto",
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
    ],
)
def test_a_password_in_the_wrong_place_is_not_shown(arguments: tuple[str, ...]) -> None:
    assert SECRET not in wrong(CollectorSettings, *arguments)


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
