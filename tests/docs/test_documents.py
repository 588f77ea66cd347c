"""What the documents say of the code is so."""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bluenova_collector.settings import CollectorSettings
from bluenova_dashboard.settings import DashboardSettings, ReportSettings
from bluenova_recorder.settings import RecorderSettings
from bluenova_shared.settings import PlainSettings
from bluenova_shared.topics import Topics
from bluenova_tools.dev.documents import made
from bluenova_tools.local import Database

ROOT = Path(__file__).parents[2]
PROGRAMS: dict[str, type[PlainSettings]] = {
    "bluenova-collector": CollectorSettings,
    "bluenova-recorder": RecorderSettings,
    "bluenova-dashboard": DashboardSettings,
    "bluenova-report": ReportSettings,
}
SUBCOMMANDS = {"redrive": 1, "forget": 2, "rollup": 2, "check": 1}  # and how many words they take

FENCED = re.compile(r"^(?P<marks>```+)(?P<kind>\w*)\n(?P<text>.*?)^(?P=marks)$", re.M | re.S)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)|!\[[^\]]*\]\((?P<picture>[^)\s]+)\)")
MARKED_SQL = re.compile(r"<!-- run by tests/docs: (\w+) -->\n```sql\n(.*?)^```$", re.M | re.S)


def documents() -> list[Path]:
    """All Markdown files of the project, those not yet added to git included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted({ROOT / name for name in listed.split("\0") if name and (ROOT / name).exists()})


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def code(text: str) -> Iterator[str]:
    """What stands in a document as code: each line of the blocks, and each piece within a line."""
    for block in FENCED.finditer(text):
        yield from block["text"].replace("\\\n", " ").splitlines()
    yield from INLINE.findall(FENCED.sub("", text))


def anchors(path: Path) -> set[str]:
    """The names by which a document's headings can be linked to."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", path.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_what_the_documents_take_from_the_code_is_current() -> None:
    outdated = [
        name(path)
        for path, text in made(ROOT)
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert not outdated, "Run: make schema"


@pytest.mark.parametrize("settings", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_every_setting_is_told_of(settings: type[PlainSettings]) -> None:
    text = text_of("docs/settings.md")
    missing = [field for field in settings.model_fields if f"| `{field.upper()}`" not in text]
    assert not missing


def test_every_topic_is_told_of() -> None:
    topics, text = Topics(), text_of("docs/mqtt.md")
    told = [
        *(topics.snapshot("<mcu>"), topics.availability("<mcu>"), topics.status("<mcu>")),
        *(topics.backlog("<mcu>"), topics.recorded("<mcu>"), topics.discovery("<mcu>")),
        *(topics.collector("<name>"), topics.recorder()),
    ]
    assert [topic for topic in told if f"| `{topic}` |" not in text] == []


@pytest.mark.parametrize("document", documents(), ids=name)
def test_every_link_within_the_project_leads_somewhere(document: Path) -> None:
    dead = []
    for link in LINK.finditer(FENCED.sub("", document.read_text(encoding="utf-8"))):
        target = link["target"] or link["picture"]
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (document.parent / file).resolve() if file else document
        if not path.exists() or (anchor and anchor not in anchors(path)):
            dead.append(target)
    assert not dead


@pytest.mark.parametrize("document", documents(), ids=name)
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.M))
    named = set[str]()
    for piece in code(document.read_text(encoding="utf-8")):
        named |= set(re.findall(r"(?:^|[^\w-])make ([a-z][a-z-]*)", piece.partition("#")[0]))
    assert named <= targets


def command_lines() -> Iterator[tuple[str, str]]:
    for document in documents():
        for block in FENCED.finditer(document.read_text(encoding="utf-8")):
            for line in block["text"].replace("\\\n", " ").splitlines():
                words = line.partition(" #")[0].split()
                if words and Path(words[0]).name in PROGRAMS:
                    yield name(document), line


COMMAND_LINES = list(command_lines())


def test_the_documents_have_links_and_name_make_targets_and_commands() -> None:
    """Or what follows would look at nothing."""
    texts = [path.read_text(encoding="utf-8") for path in documents()]
    assert any(link["target"] for text in texts for link in LINK.finditer(text))
    assert any("make test" in piece for text in texts for piece in code(text))
    assert {Path(line.split()[0]).name for _, line in COMMAND_LINES} == set(PROGRAMS)


@pytest.mark.parametrize(("document", "line"), COMMAND_LINES)
def test_a_command_line_is_one_that_the_program_takes(document: str, line: str) -> None:
    program, *arguments = shlex.split(line, comments=True)
    if arguments and arguments[0] in SUBCOMMANDS:
        arguments = arguments[SUBCOMMANDS[arguments[0]] :]
    PROGRAMS[Path(program).name].load(arguments)  # raises if something is wrong


def test_the_changelog_tells_of_this_version() -> None:
    project = tomllib.loads(text_of("shared/pyproject.toml"))["project"]
    assert re.search(rf"^## {re.escape(project['version'])}\b", text_of("CHANGELOG.md"), re.M)


def marked_sql() -> dict[str, str]:
    return dict(MARKED_SQL.findall(text_of("docs/migrating.md")))


@pytest.mark.services
def test_the_statements_about_duplicates_do_what_is_said_of_them(database: Database) -> None:
    statements = marked_sql()
    with closing(database.connect()) as db, db.cursor() as cursor:
        db.autocommit = True
        cursor.execute(text_of("sql/001_battery_pack.sql"))
        cursor.execute(
            "INSERT INTO battery_pack (insert_time_utc, mcu_id, soc, v_pack) VALUES "
            "('2026-01-01 10:00:01', 1, 50, 53.0), ('2026-01-01 10:00:11', 1, 50, 53.0), "
            "('2026-01-01 10:00:11', 1, 50, 53.0), "  # alike
            "('2026-01-01 10:00:21', 1, 50, NULL), ('2026-01-01 10:00:21', 1, 51, 53.1), "
            "('2026-01-01 10:00:21', 2, 52, 53.2), "  # another battery
            "(NULL, 1, 53, NULL), (NULL, 1, 53, NULL)"  # no key can hold these apart
        )
        cursor.execute(statements["duplicates"])
        assert [(str(time), rows, different) for _, time, rows, different in cursor.fetchall()] == [
            ("2026-01-01 10:00:21", 2, 2),
            ("2026-01-01 10:00:11", 2, 1),
        ]
        cursor.execute(statements["surplus"])
        cursor.execute(
            "SELECT to_char(insert_time_utc, 'SS'), mcu_id, soc FROM battery_pack ORDER BY 1, 2, 3"
        )
        assert cursor.fetchall() == [
            *(("01", 1, 50), ("11", 1, 50), ("21", 1, 51), ("21", 2, 52)),
            *((None, 1, 53), (None, 1, 53)),
        ]
        cursor.execute("SELECT soc FROM battery_pack_surplus ORDER BY insert_time_utc")
        assert cursor.fetchall() == [(50,), (50,)]
        cursor.execute("CREATE UNIQUE INDEX ON battery_pack (mcu_id, insert_time_utc)")


@pytest.mark.services
def test_only_the_c_programs_rows_beside_ours_go(database: Database) -> None:
    with closing(database.connect()) as db, db.cursor() as cursor:
        cursor.execute(text_of("sql/001_battery_pack.sql"))
        cursor.execute(
            "INSERT INTO battery_pack (insert_time_utc, mcu_id) VALUES "
            "('2026-11-23 11:00:01', 1), ('2026-11-23 13:00:00', 1), ('2026-11-23 13:00:01', 1), "
            "('2026-11-23 13:00:11', 1), ('2026-11-23 13:00:01', 2)"
        )
        cursor.execute(marked_sql()["side_by_side"])
        cursor.execute("SELECT to_char(insert_time_utc, 'HH24:MI:SS'), mcu_id FROM battery_pack")
        assert sorted(cursor.fetchall()) == [
            *(("11:00:01", 1), ("13:00:00", 1), ("13:00:01", 2), ("13:00:11", 1)),
        ]
