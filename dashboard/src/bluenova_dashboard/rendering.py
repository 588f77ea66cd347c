"""The templates, and the files that go to the browser."""

import gzip
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bluenova_dashboard.figures.marks import is_plain
from bluenova_dashboard.ranges import local_text
from bluenova_dashboard.views import View
from bluenova_dashboard.words import number, span

_PIECE = 65_536
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """A file for the browser, maybe compressed; its content stays on the disk."""

    file: Traversable
    kind: str
    mark: str  # changes with its content, so that a browser may keep what it has

    @property
    def is_gzip(self) -> bool:
        """Whether the file is compressed."""
        return self.file.name.endswith(".gz")

    def plain(self) -> str:
        """Its text."""
        content = self.file.read_bytes()
        return (gzip.decompress(content) if self.is_gzip else content).decode()

    async def pieces(self, *, packed: bool) -> AsyncIterator[bytes]:
        """Its bytes, compressed or as they are meant, a few at a time: slow readers cost little."""
        with self.file.open("rb") as content:
            file = gzip.GzipFile(fileobj=content) if self.is_gzip and not packed else content
            while piece := file.read(_PIECE):
                yield piece


def assets() -> dict[str, Asset]:
    """The files by name."""
    found = {}
    for file in resources.files("bluenova_dashboard").joinpath("static").iterdir():
        name = file.name.removesuffix(".gz")
        kind = _KINDS.get("." + name.rpartition(".")[2])
        if kind:
            mark = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
            found[name] = Asset(file, kind, mark)
    return found


class Templates:
    """The templates, with how numbers and times are written in them."""

    def __init__(self, zone: tzinfo, files: Mapping[str, Asset]) -> None:
        self._environment = Environment(
            loader=PackageLoader("bluenova_dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            number=number,
            magnitude=lambda watts: number(None if watts is None else abs(watts), 0, "W"),
            span=span,
            local=lambda utc: local_text(utc, zone),
            plain=is_plain,
        )
        marks = "".join(file.mark for name, file in sorted(files.items()) if "plotly" not in name)
        self._environment.globals.update(
            zone=str(zone),
            version=hashlib.sha256(marks.encode()).hexdigest()[:12],
            plotly=files["plotly.min.js"].mark if "plotly.min.js" in files else "",
            battery=None,
            others=None,
            again_s=None,
            view=None,
            home="./",
        )

    def render(self, template: str, **facts: Any) -> str:
        """A template's text with these facts."""
        return self._environment.get_template(template).render(**facts)

    def parts(self, view: View) -> str:
        """What a view has beside its figures, and their places."""
        return self.render(view.template, figures=view.figures, **view.facts)
