"""The settings of the MQTT broker: its address, our account there, TLS, and the topics' root."""

import os
import ssl
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from bluenova_shared.mqtt.broker import Broker
from bluenova_shared.setting_types import (
    Host,
    OptionalPath,
    OptionalSecret,
    OptionalText,
    Port,
    Prefix,
    WrongSettings,
    as_given,
)

TLS_FILES = ("mqtt_tls_ca", "mqtt_tls_cert", "mqtt_tls_key")


class BrokerSettings(BaseSettings):
    """How to reach the broker."""

    mqtt_host: Host = Field(default="localhost", description="the broker's host name or address")
    mqtt_port: Port = Field(default=1883, description="the broker's port (usually 8883 with TLS)")
    mqtt_username: OptionalText = Field(
        default=None, description="the name of the account at the broker", examples=["collector"]
    )
    mqtt_password: OptionalSecret = Field(
        default=None,
        description="the password of that account, or set MQTT_PASSWORD_FILE to a file with it",
        examples=["..."],
    )
    mqtt_tls: bool = Field(
        default=False, description="true to speak TLS to the broker, else false", examples=["true"]
    )
    mqtt_tls_ca: OptionalPath = Field(
        default=None,
        description="the file with the certificate of the authority that signed the broker's "
        "(without it: the authorities that the system trusts)",
        examples=["/certs/ca.crt"],
    )
    mqtt_tls_cert: OptionalPath = Field(
        default=None,
        description="the file with a client certificate, if the broker asks for one",
        examples=["/certs/client.crt"],
    )
    mqtt_tls_key: OptionalPath = Field(
        default=None,
        description="the file with that certificate's key",
        examples=["/certs/client.key"],
    )
    topic_root: Prefix = Field(default="bluenova", description="the first level of all topics")

    def broker(self) -> Broker:
        """Returns the broker as set. Raises WrongSettings if a certificate cannot be loaded."""
        password = self.mqtt_password
        return Broker(
            self.mqtt_host,
            self.mqtt_port,
            self.mqtt_username,
            password.get_secret_value() if password else None,
            self._tls() if self.mqtt_tls else None,
        )

    def contradictions(self) -> list[str]:
        """Returns what is set but has no effect, or needs another setting."""
        problems = []
        if self.mqtt_password is not None and self.mqtt_username is None:
            problems.append(
                "MQTT_PASSWORD is set, but MQTT_USERNAME is not. Set both, or neither if the "
                "broker asks for none."
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

    def _tls(self) -> ssl.SSLContext:
        for name in TLS_FILES:
            path: Path | None = getattr(self, name)
            if path is not None and not os.access(path, os.R_OK):
                raise WrongSettings(
                    f"{name.upper()} is {as_given(path)}, which is not there or cannot be read. "
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
