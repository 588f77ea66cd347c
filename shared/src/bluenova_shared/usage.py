"""How `--help` looks: it has the settings' own words, and none of Python's."""

import argparse
import inspect
import re

_PLACEHOLDERS = {
    "str": "TEXT",
    "SecretStr": "TEXT",
    "int": "NUMBER",
    "float": "NUMBER",
    "bool": "{true,false}",
    "Path": "FILE",
}
_NO_DEFAULT = re.compile(r" \(default: (None|\**)\)$")
_BOOLEAN = re.compile(r"\(default: (True|False)\)$")


class Usage(argparse.RawDescriptionHelpFormatter):
    """Shows what a setting takes, and its default if it has one that is not secret."""

    def add_argument(self, action: argparse.Action) -> None:
        """Adds an option."""
        if isinstance(action.metavar, str):
            action.metavar = _PLACEHOLDERS.get(action.metavar, action.metavar)
        if action.help is not None:
            action.help = _NO_DEFAULT.sub("", action.help)
            action.help = _BOOLEAN.sub(lambda found: found[0].lower(), action.help)
        super().add_argument(action)

    def add_text(self, text: str | None) -> None:
        """Adds a paragraph."""
        super().add_text(text and inspect.cleandoc(text))
