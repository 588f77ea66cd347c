"""Home Assistant's API: how a person's clicks reach it."""

import json
import secrets
import urllib.parse
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

Json = Any


class Api:
    """The API of the Home Assistant at this port of 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._token = ""
        self._socket: ClientConnection | None = None
        self._sockets = ExitStack()
        self._calls = 0

    @property
    def has_user(self) -> bool:
        """Whether there is somebody to ask as."""
        return bool(self._token)

    def call(self, kind: str, **arguments: Json) -> Json:
        """A command of its websocket API."""
        try:
            return self._call(kind, arguments)
        except ConnectionClosed:  # it ends connections that leave its pings unanswered
            self._socket = None
            return self._call(kind, arguments)

    def close(self) -> None:
        """Ends the connection; the next call makes another."""
        self._sockets.close()
        self._socket = None

    def make_user(self) -> None:
        """The first user, as whom all else is asked."""
        client = f"http://127.0.0.1:{self._port}/"
        user = {"name": "Test", "username": "test", "password": secrets.token_hex(8)}
        asked = {"client_id": client, "language": "en", **user}
        code = self.request("/api/onboarding/users", asked)["auth_code"]
        form = {"grant_type": "authorization_code", "code": code, "client_id": client}
        self._token = self.request("/auth/token", form=form)["access_token"]
        # Longer than the half hour of the first one.
        kind = "auth/long_lived_access_token"
        self._token = self.call(kind, client_name="test", lifespan=1)

    def add_mqtt(self, broker_port: int) -> None:
        """Adds the MQTT integration, through its forms."""
        values = {"broker": "127.0.0.1", "port": broker_port}
        flows = "/api/config/config_entries/flow"
        step = self.request(flows, {"handler": "mqtt", "show_advanced_options": False})
        while step["type"] == "form":
            assert not step.get("errors"), step
            given = _fill(step["data_schema"], values)
            step = self.request(f"{flows}/{step['flow_id']}", given)
        assert step["type"] == "create_entry", step

    def request(
        self, path: str, body: Json = None, *, form: Mapping[str, str] | None = None
    ) -> Json:
        """A request of its REST API. Raises OSError."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if form is not None:
            data, headers = urllib.parse.urlencode(form).encode(), {}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        url = f"http://127.0.0.1:{self._port}{path}"
        request = urllib.request.Request(url, data, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  # our own address
            return json.load(answer)

    def _call(self, kind: str, arguments: Mapping[str, Json]) -> Json:
        if self._socket is None:
            address = f"ws://127.0.0.1:{self._port}/api/websocket"
            connection = connect(address, max_size=None, compression=None, proxy=None)
            self._socket = self._sockets.enter_context(connection)
            self._socket.recv()
            self._socket.send(json.dumps({"type": "auth", "access_token": self._token}))
            assert json.loads(self._socket.recv())["type"] == "auth_ok"
        self._calls += 1
        self._socket.send(json.dumps({"id": self._calls, "type": kind, **arguments}))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == self._calls and answer["type"] == "result":
                assert answer["success"], (kind, answer)
                return answer["result"]


def _fill(schema: list[Json], values: Mapping[str, Json]) -> dict[str, Json]:
    """The answers to a form: our values, or else what the form suggests."""
    filled: dict[str, Json] = {}
    for field in schema:
        name, suggested = field["name"], (field.get("description") or {}).get("suggested_value")
        if field.get("type") == "expandable":
            filled[name] = _fill(field.get("schema", []), values)
        elif name in values:
            filled[name] = values[name]
        elif (default := field.get("default", suggested)) is not None:
            filled[name] = default
        elif field.get("required"):
            fallback = {"set_client_cert": False, "set_ca_cert": "off", "transport": "tcp"}
            filled[name] = fallback[name]
    return filled
