"""What each answer has and each request needs: headers for safety, and the password."""

import base64
import binascii
import hmac

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Plotly writes styles into its charts; scripts come from files of ours alone.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


LONGEST_HEADERS = 16_000


class Guard:
    """Puts the headers on each answer, and asks for the password if there is one.

    Any name will do: the password is the page's own.
    """

    def __init__(self, app: ASGIApp, password: str | None) -> None:
        self._app = app
        self._password = password

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if "cache-control" not in headers:
                    headers["cache-control"] = "no-store"
            await send(message)

        if sum(len(name) + len(value) for name, value in scope["headers"]) > LONGEST_HEADERS:
            refusal = PlainTextResponse("The request's headers are too long.", 431)
            await refusal(scope, receive, send_guarded)
        elif self._password is None or self._is_right(Request(scope)):
            await self._app(scope, receive, send_guarded)
        else:
            refusal = PlainTextResponse(
                "This page has a password: docker compose run --rm secrets show page",
                401,
                {"www-authenticate": 'Basic realm="Batteries", charset="UTF-8"'},
            )
            await refusal(scope, receive, send_guarded)

    def _is_right(self, request: Request) -> bool:
        kind, _, said = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic" or self._password is None:
            return False
        try:
            _, _, password = base64.b64decode(said, validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(password, self._password.encode())
