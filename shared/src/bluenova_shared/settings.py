"""A program's settings: environment variables, secrets in files, command-line flags.

A flag wins over the environment. All wrong settings are reported at once, each with what to do, and
a secret is never printed.
"""

import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, CliSettingsSource, SettingsConfigDict, SettingsError

from bluenova_shared import logs
from bluenova_shared.broker_settings import BrokerSettings
from bluenova_shared.setting_types import (
    LogLevel,
    OptionalPath,
    WrongSettings,
    as_given,
    may_hold_a_password,
    names_alone,
    plain_text,
)
from bluenova_shared.usage import Usage

# The C program's letters.
LOG_FLAGS = {"log-file": "l", "log-files": "n", "log-max-bytes": "m", "log-flush": "f"}


class PlainSettings(BaseSettings):
    """What all programs have in common, those that need no broker, too: the log."""

    program: ClassVar[str]
    distribution: ClassVar[str]  # whose version the program has

    model_config = SettingsConfigDict(
        cli_kebab_case=True,
        cli_avoid_json=True,
        cli_exit_on_error=False,
        cli_hide_none_type=True,
        cli_shortcuts=LOG_FLAGS,
        hide_input_in_errors=True,
        extra="ignore",
    )

    log_level: LogLevel = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")
    log_file: OptionalPath = Field(
        default=None,
        description="the log file (without it, the log goes to standard output)",
        examples=["/var/log/bluenova.log"],
    )
    log_files: int = Field(
        default=5, ge=1, description="the number of log files to keep, including the current one"
    )
    log_max_bytes: int = Field(
        default=50 * 2**20, ge=0, description="the size in bytes at which a log rotates (0: never)"
    )
    log_flush: bool = Field(
        default=False, description="1 to write each log line at once, else 0", examples=["1"]
    )

    _plain_text = field_validator("*", mode="before")(plain_text)

    def set_up_logging(self) -> None:
        """Begins the log. Raises WrongSettings if its file cannot be written."""
        try:
            logs.set_up(
                self.log_level,
                None if self.log_file in (None, Path("-")) else self.log_file,
                files=self.log_files,
                max_bytes=self.log_max_bytes,
                flush=self.log_flush,
            )
        except OSError as error:
            raise WrongSettings(
                f"LOG_FILE is {as_given(self.log_file)}, which cannot be written "
                f"({error.strerror}). Name a file in a folder that exists and is ours to write."
            ) from None

    def contradictions(self) -> list[str]:
        """Returns what is set but has no effect, or needs another setting."""
        return []

    @classmethod
    def load(cls, arguments: Sequence[str]) -> Self:
        """Reads the settings from the environment and these command-line arguments.

        Raises WrongSettings with all that is wrong.
        """
        problems, secrets = _secrets_from_files(cls)
        flags = [flag for flag in arguments if flag not in ("-daemon", "--daemon")]
        if len(flags) < len(arguments):
            problems.append(
                "-daemon is not needed any more: the container's restart policy, or the systemd "
                "unit in docs/migrating.md, keeps the program running in the background."
            )
        given = CliSettingsSource[Any](cls, cli_prog_name=cls.program, formatter_class=Usage)
        said = f"{cls.program} {version(cls.distribution)}"
        given.root_parser.add_argument("--version", action="version", version=said)
        try:
            given(args=flags)
        except SettingsError as error:
            reason = names_alone(str(error).removeprefix("error parsing CLI: "))
            problems.append(
                f"The command line is wrong: {reason}. See --help; docs/migrating.md lists what "
                "became of the C program's flags."
            )
            # What is wrong in the environment is reported, too.
            given(args=[])
        try:
            settings = cls(_cli_settings_source=given, **secrets)
        except ValidationError as error:
            problems += [_explain(cls, details) for details in error.errors()]
        else:
            problems += settings.contradictions()
        if problems:
            raise WrongSettings("\n".join(problems))
        return settings


class ProgramSettings(PlainSettings, BrokerSettings):
    """What the services and the tools have in common: the broker and the log."""

    # pydantic would take all that the last one of the classes above does not say as its defaults.
    model_config = PlainSettings.model_config

    def contradictions(self) -> list[str]:
        """Returns what is set but has no effect, or needs another setting."""
        return BrokerSettings.contradictions(self)


class ServiceSettings(ProgramSettings):
    """What the collector and the recorder have in common."""

    health_file: OptionalPath = Field(
        default=None,
        description="the file in which the service notes its health, for a container's check",
        examples=["/tmp/health.json"],  # noqa: S108  # an example, and in a container a folder of ours
    )


def _secrets_from_files(cls: type[BaseSettings]) -> tuple[list[str], dict[str, Any]]:
    """Reads the files that `*_FILE` variables name; returns what is wrong, and the secrets."""
    problems: list[str] = []
    secrets: dict[str, Any] = {}
    for field in cls.model_fields:
        name = field.upper()
        if not (path := os.environ.get(f"{name}_FILE")):
            continue
        if not _is_secret(cls, field):
            problems.append(
                f"{name}_FILE is not read, as {name} is not a secret. Set {name} itself."
            )
        elif os.environ.get(name):
            problems.append(f"{name} and {name}_FILE are both set. Keep one of them.")
        else:
            try:
                secrets[field] = _text_of(Path(path))
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "not UTF-8"
                # Who mistakes it for the secret's own variable has given the secret itself.
                given = f"is {path!r}, which" if path.startswith("/") else "names a file that"
                problems.append(
                    f"{name}_FILE {given} cannot be read ({reason}). "
                    "Name a file that holds the secret and is ours to read."
                )
    return problems, secrets


def _text_of(path: Path) -> str:
    """Returns a secret's file without the line ending, and without an editor's byte order mark."""
    return path.read_text(encoding="utf-8-sig").rstrip("\r\n")


def _is_secret(cls: type[BaseSettings], field: str) -> bool:
    return "SecretStr" in str(cls.model_fields[field].annotation)


def _explain(cls: type[BaseSettings], details: ErrorDetails) -> str:
    """Explains one wrong setting: its name and value, what is wrong, and what to do."""
    field, given = str(details["loc"][0]), details["input"]
    name, about = field.upper(), cls.model_fields[field]
    if isinstance(given, str) and not given.strip():
        what = "is empty"
    else:
        why = details["msg"].removeprefix("Value error, ")
        hidden = _is_secret(cls, field) or may_hold_a_password(given)
        shown = "" if hidden else f"is {given!r}: "
        what = f"{shown}{why[:1].lower()}{why[1:]}"
    example = about.examples[0] if about.examples else about.default
    example = str(example).lower() if isinstance(example, bool) else example
    return f"{name} {what}. Set it to {about.description}, for example {name}={example}."
