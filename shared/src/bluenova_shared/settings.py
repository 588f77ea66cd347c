"""Settings: environment variables, files named by `*_FILE` for secrets, command-line flags.

A flag wins over the environment. All wrong settings are reported at once, each with what to do, and
a secret is never printed.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, CliSettingsSource, SettingsConfigDict, SettingsError

from bluenova_shared import logs
from bluenova_shared.mqtt.broker import Broker
from bluenova_shared.service import CannotRun
from bluenova_shared.usage import Usage

Port = Annotated[int, Field(ge=1, le=65535)]


TLS_FILES = ("mqtt_tls_ca", "mqtt_tls_cert", "mqtt_tls_key")
# The C program's letters.
LOG_FLAGS = {"log-file": "l", "log-files": "n", "log-max-bytes": "m", "log-flush": "f"}


class WrongSettings(CannotRun):
    """What is wrong with the settings, and what to do."""


def _not_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text.strip()


def _no_wildcard(text: str) -> str:
    root = _not_empty(text).rstrip("/")
    if not root or set(root) & set("+#$\0"):
        raise ValueError("cannot start a topic")
    return root


def _or_none(text: object) -> object:
    """An empty variable, as compose files leave it, is one that was not set."""
    return None if text == "" else text


def _upper_case(text: object) -> object:
    return text.upper() if isinstance(text, str) else text


def _a_host(text: str) -> str:
    if "/" in text:
        raise ValueError("is no host name or address, but looks like a URL or a path")
    host = _not_empty(text).removeprefix("[").removesuffix("]")
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host))
    if ":" in host:
        raise ValueError("is no host name or address; a port has a setting of its own")
    labels = host.removesuffix(".").split(".")
    if not all(re.fullmatch(r"[\w-]{1,63}", label) for label in labels):
        raise ValueError("is no host name or address")
    return host


Text = Annotated[str, AfterValidator(_not_empty)]
Host = Annotated[str, AfterValidator(_a_host)]
Prefix = Annotated[str, AfterValidator(_no_wildcard)]  # of topics
OptionalText = Annotated[str | None, BeforeValidator(_or_none)]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_or_none)]
OptionalPath = Annotated[Path | None, BeforeValidator(_or_none)]


class ProgramSettings(BaseSettings):
    """What the services and the tools have in common: the broker and the log."""

    model_config = SettingsConfigDict(
        cli_kebab_case=True,
        cli_avoid_json=True,
        cli_exit_on_error=False,
        cli_hide_none_type=True,
        cli_shortcuts=LOG_FLAGS,
        hide_input_in_errors=True,
        extra="ignore",
    )

    mqtt_host: Host = Field(
        default="localhost", description="the MQTT broker's host name or address"
    )
    mqtt_port: Port = Field(
        default=1883, description="the MQTT broker's port (with TLS often 8883)"
    )
    mqtt_username: OptionalText = Field(
        default=None, description="our account at the broker", examples=["collector"]
    )
    mqtt_password: OptionalSecret = Field(
        default=None,
        description="that account's password, or name a file that holds it with MQTT_PASSWORD_FILE",
        examples=["..."],
    )
    mqtt_tls: bool = Field(
        default=False, description="true to speak TLS to the broker", examples=["true"]
    )
    mqtt_tls_ca: OptionalPath = Field(
        default=None,
        description="the file with the authority that signed the broker's certificate "
        "(without one: those that the system trusts)",
        examples=["/certs/ca.crt"],
    )
    mqtt_tls_cert: OptionalPath = Field(
        default=None,
        description="the file with our own certificate, where the broker asks for one",
        examples=["/certs/client.crt"],
    )
    mqtt_tls_key: OptionalPath = Field(
        default=None,
        description="the file with that certificate's key",
        examples=["/certs/client.key"],
    )
    topic_root: Prefix = Field(default="bluenova", description="the first level of all topics")
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper_case)
    ] = Field(default="INFO", description="one of DEBUG, INFO, WARNING and ERROR")
    log_file: OptionalPath = Field(
        default=None,
        description="the log file (without one: the console)",
        examples=["/var/log/bluenova.log"],
    )
    log_files: int = Field(
        default=5,
        ge=1,
        description="the number of log files that are kept, the current one included",
    )
    log_max_bytes: int = Field(
        default=50 * 2**20,
        ge=0,
        description="the size in bytes at which a log file rotates (0: never)",
    )
    log_flush: bool = Field(
        default=False,
        description="1 to write out each line of the log at once, else 0",
        examples=["1"],
    )

    def broker(self) -> Broker:
        """The broker as set. Raises WrongSettings where a certificate cannot be loaded."""
        password = self.mqtt_password
        return Broker(
            self.mqtt_host,
            self.mqtt_port,
            self.mqtt_username,
            password.get_secret_value() if password else None,
            self._tls() if self.mqtt_tls else None,
        )

    def contradictions(self) -> list[str]:
        """What is set and would silently not be used, or cannot be without something else."""
        problems = []
        if self.mqtt_password is not None and self.mqtt_username is None:
            problems.append(
                "MQTT_PASSWORD is set, but MQTT_USERNAME is not. Set both, or neither for a broker "
                "that asks for none."
            )
        files = [name for name in TLS_FILES if getattr(self, name) is not None]
        if files and not self.mqtt_tls:
            names = " and ".join(name.upper() for name in files)
            problems.append(
                f"{names} would not be used, as MQTT_TLS is not set. Set MQTT_TLS=true to speak "
                "TLS to the broker."
            )
        if self.mqtt_tls_key is not None and self.mqtt_tls_cert is None:
            problems.append(
                "MQTT_TLS_KEY is set, but MQTT_TLS_CERT is not. Set it to the file with the "
                "certificate that the key belongs to."
            )
        return problems

    def set_up_logging(self) -> None:
        """Raises WrongSettings where the log file cannot be written."""
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
                f"LOG_FILE is {str(self.log_file)!r}, which cannot be written "
                f"({error.strerror}). Name a file in a folder that exists and is ours to write."
            ) from None

    def _tls(self) -> ssl.SSLContext:
        for name in TLS_FILES:
            path: Path | None = getattr(self, name)
            if path is not None and not os.access(path, os.R_OK):
                raise WrongSettings(
                    f"{name.upper()} is {str(path)!r}, which is not there or cannot be read. "
                    f"Set it to {type(self).model_fields[name].description}."
                )
        try:
            context = ssl.create_default_context(cafile=self.mqtt_tls_ca)
            if self.mqtt_tls_cert is not None:
                context.load_cert_chain(self.mqtt_tls_cert, self.mqtt_tls_key)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise WrongSettings(
                f"The certificates for the broker cannot be loaded ({error}). Check the files that "
                "MQTT_TLS_CA, MQTT_TLS_CERT and MQTT_TLS_KEY name."
            ) from None
        return context

    @classmethod
    def load(cls, arguments: Sequence[str]) -> Self:
        """The settings from the environment and these command-line arguments.

        Raises WrongSettings with all that is wrong.
        """
        problems, secrets = _secrets_from_files(cls)
        flags = [flag for flag in arguments if flag not in ("-daemon", "--daemon")]
        if len(flags) < len(arguments):
            problems.append(
                "-daemon is not needed any more: the container's restart policy, or the systemd "
                "unit in docs/migrating.md, keeps the program running in the background."
            )
        try:
            given = CliSettingsSource[Any](cls, cli_parse_args=flags, formatter_class=Usage)
        except SettingsError as error:
            reason = str(error).removeprefix("error parsing CLI: ")
            problems.append(
                f"The command line is wrong: {reason}. See --help; where the C program's flags "
                "went, docs/migrating.md tells."
            )
            given = CliSettingsSource[Any](
                cls, cli_parse_args=[]
            )  # the environment is told of, too
        try:
            settings = cls(_cli_settings_source=given, **secrets)
        except ValidationError as error:
            problems += [_explain(cls, details) for details in error.errors()]
        else:
            problems += settings.contradictions()
        if problems:
            raise WrongSettings("\n".join(problems))
        return settings


class ServiceSettings(ProgramSettings):
    """What the collector and the recorder have in common."""

    health_file: OptionalPath = Field(
        default=None,
        description="the file in which the service notes its health for a container's check",
        examples=["/tmp/health.json"],  # noqa: S108  # an example, and in a container a folder of ours
    )


def _secrets_from_files(cls: type[BaseSettings]) -> tuple[list[str], dict[str, Any]]:
    """What is wrong with the files that `*_FILE` variables name, and the secrets in the others."""
    problems: list[str] = []
    secrets: dict[str, Any] = {}
    for field in cls.model_fields:
        name = field.upper()
        path = os.environ.get(f"{name}_FILE")
        if not path:
            continue
        if not _is_secret(cls, field):
            problems.append(f"{name}_FILE is not read, as {name} is no secret. Set {name} itself.")
            continue
        if os.environ.get(name):
            problems.append(f"{name} and {name}_FILE are both set. Keep one of them.")
            continue
        try:
            secrets[field] = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            problems.append(
                f"{name}_FILE is {path!r}, which cannot be read ({reason}). "
                "Name a file that holds the secret and is ours to read."
            )
    return problems, secrets


def _is_secret(cls: type[BaseSettings], field: str) -> bool:
    return "SecretStr" in str(cls.model_fields[field].annotation)


def _explain(cls: type[BaseSettings], details: ErrorDetails) -> str:
    """One wrong setting: its name and value, what is wrong, and what to do."""
    field = str(details["loc"][0])
    name = field.upper()
    about = cls.model_fields[field]
    given = "" if _is_secret(cls, field) else f" is {details['input']!r}:"
    if details["input"] == "" or (
        isinstance(details["input"], str) and not details["input"].strip()
    ):
        what = f"{name} is empty."
    else:
        what = f"{name}{given} {_lower_first(details['msg'].removeprefix('Value error, '))}."
    example = about.examples[0] if about.examples else about.default
    example = str(example).lower() if isinstance(example, bool) else example
    return f"{what} Set it to {about.description}, for example {name}={example}."


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
