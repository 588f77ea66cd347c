"""Puts Plotly's JavaScript, one file of the package plotly, compressed into the page's files."""

import gzip
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILE = "src/bluenova_dashboard/static/plotly.min.js.gz"


class PlotlyFile(BuildHookInterface):  # type: ignore[type-arg]  # any builder's configuration will do
    """Runs before a wheel is built, and before an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Writes the file unless it is there and current."""
        found = find_spec("plotly")  # not imported: that takes seconds
        if found is None or found.origin is None:
            raise RuntimeError("The package plotly is not installed; its plotly.min.js is needed.")
        script = Path(found.origin).parent / "package_data" / "plotly.min.js"
        packed = gzip.compress(script.read_bytes(), 9, mtime=0)
        target = Path(self.root) / FILE
        if not target.exists() or target.read_bytes() != packed:
            target.write_bytes(packed)
