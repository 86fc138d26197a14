"""Credentials of functions restored from a snapshot, as AWS SDKs ask for them.

A snapshot holds no keys. Its environment variables say where fresh ones are, and a token that says
whose: ``AWS_CONTAINER_CREDENTIALS_FULL_URI`` and ``AWS_CONTAINER_AUTHORIZATION_TOKEN``.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from emulator.edge.router import Headers, Receive, Scope, Send, answer
from emulator.model import credentials
from emulator.model.clock import Clock

#: Seconds that credentials last; SDKs ask for others some minutes before.
_LAST_S = 3600
_JSON = (b"content-type", b"application/json")


class ContainerCredentialsFront:
    """Gives the credentials of its role to whoever has a function's token."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def claims(self, scope: Scope, headers: Headers) -> bool:
        """Say whether a request is for credentials."""
        return bool(scope["path"] == credentials.CONTAINER_PATH)

    async def __call__(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Answer with fresh credentials, or a refusal that SDKs repeat in their error."""
        token = headers.get(b"authorization", b"").decode("latin-1")
        identity = credentials.identify(token)
        if scope["method"] != "GET" or identity is None:
            refusal = {"Code": "InvalidToken", "Message": "The authorization token is not valid."}
            await answer(send, 401, [_JSON], orjson.dumps(refusal))
            return
        expires_at = int(self._clock.now()) + _LAST_S
        given = credentials.issue(identity, expires_at)
        ends = datetime.fromtimestamp(expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        told = {
            "AccessKeyId": given.access_key,
            "SecretAccessKey": given.secret_key,
            "Token": given.token,
            "Expiration": ends,
        }
        await answer(send, 200, [_JSON], orjson.dumps(told))
