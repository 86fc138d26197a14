"""The secrets of connections, and the tokens that OAuth servers give for them."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from emulator.invoke.http_client import HttpFailure, fetch
from emulator.model.errors import AwsError, LocalfaasError
from emulator.registry.resource_table import ResourceTable
from emulator.services.context import Parts
from emulator.services.events.arns import parse
from emulator.services.events.rule import Body

log = logging.getLogger(__name__)

_PATIENCE_S = 5.0
#: Seconds between the attempts to authorize a connection.
_PAUSES_S = (1.0, 4.0, 15.0)
#: Seconds that a token is used for whose server does not say how long it holds, and how long
#: before its end a new one is fetched.
_LIFETIME_S, _EARLY_S = 3600.0, 10.0


class Token(NamedTuple):
    """What an OAuth server gave."""

    #: The value of the header ``Authorization``.
    header: str
    until: float


class TokenRefused(LocalfaasError):
    """The OAuth server gave no token."""


class Authorizer:
    """Keeps the tokens of connections in memory.

    Args:
        parts: The parts of the emulator.
        connections: Where connections are kept.
    """

    def __init__(self, parts: Parts, connections: ResourceTable) -> None:
        self._parts, self._connections = parts, connections
        self._tokens: dict[str, Token] = {}

    async def secret_of(self, connection: Body) -> dict[str, Any]:
        """Return what Secrets Manager keeps of a connection.

        Raises:
            AwsError: It is not there any more.
        """
        place = parse(connection["arn"])
        answer = await self._parts.table.call(
            "secretsmanager",
            "GetSecretValue",
            {"SecretId": connection["secret"]},
            account=place.account if place else None,
            region=place.region if place else None,
        )
        found: dict[str, Any] = json.loads(answer["SecretString"])
        return found

    async def forget(self, connection: Body) -> None:
        """Remove a connection's secret and token."""
        self._tokens.pop(connection["arn"], None)
        place = parse(connection["arn"])
        try:
            await self._parts.table.call(
                "secretsmanager",
                "DeleteSecret",
                {"SecretId": connection["secret"], "ForceDeleteWithoutRecovery": True},
                account=place.account if place else None,
                region=place.region if place else None,
            )
        except AwsError as error:
            log.info("the secret of connection %s is gone: %s", connection["name"], error)

    def begin(self, account: str, region: str, connection: Body) -> None:
        """Authorize a connection in the background, if it has to be."""
        self._tokens.pop(connection["arn"], None)
        if connection["state"] == "AUTHORIZING":
            self._parts.spawn(self._authorize(account, region, connection))

    async def _authorize(self, account: str, region: str, connection: Body) -> None:
        state, reason = "DEAUTHORIZED", ""
        for pause_s in (*_PAUSES_S, 0.0):
            try:
                await self.token(connection, await self.secret_of(connection))
                state, reason = "AUTHORIZED", ""
                break
            except LocalfaasError as error:
                reason = str(error)
            await self._parts.clock.sleep(pause_s)
        now = self._connections.find(account, region, connection["name"])
        # Unless it was changed or removed meanwhile.
        if now is None or now["modified"] != connection["modified"]:
            return
        changed = {**now, "state": state, "reason": reason or None}
        if state == "AUTHORIZED":
            changed["authorized"] = self._parts.clock.now()
        try:
            await self._connections.put(account, region, connection["name"], changed)
        except AwsError as error:
            log.error("connection %s is %s: %s", connection["name"], state, error)

    async def token(self, connection: Body, secret: Mapping[str, Any]) -> str:
        """Return the header that an OAuth server's token makes; fetched anew where it is old.

        Raises:
            TokenRefused: There is none.
        """
        now = self._parts.clock.now()
        kept = self._tokens.get(connection["arn"])
        if kept is None or kept.until <= now:
            try:
                kept = await _fetch(secret, now)
            except HttpFailure as error:
                raise TokenRefused(f"the token's server did not answer: {error}") from error
            self._tokens[connection["arn"]] = kept
        return kept.header

    def drop_token(self, connection: Body) -> None:
        """Fetch a new token the next time: the endpoint did not take this one."""
        self._tokens.pop(connection["arn"], None)


async def _fetch(secret: Mapping[str, Any], now: float) -> Token:
    extra = secret.get("oauth_http_parameters") or {}
    form = {
        "grant_type": "client_credentials",
        "client_id": secret["client_id"],
        "client_secret": secret["client_secret"],
        **pairs(extra.get("body_parameters")),
    }
    known = f"{secret['client_id']}:{secret['client_secret']}".encode()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
        "Authorization": f"Basic {base64.b64encode(known).decode()}",
        **pairs(extra.get("header_parameters")),
    }
    url, method = secret["authorization_endpoint"], secret["http_method"]
    query = pairs(extra.get("query_string_parameters"))
    body = urlencode(form).encode()
    if method == "GET":
        query, body = {**query, **form}, b""
    if query:
        url += ("&" if "?" in url else "?") + urlencode(query)
    answer = await fetch(method, url, headers.items(), body, timeout_s=_PATIENCE_S)
    try:
        told = json.loads(answer.body)
        text = str(told["access_token"])
    except (ValueError, KeyError, TypeError) as error:
        raise TokenRefused(f"the token's server answered {answer.status}, no token") from error
    if answer.status >= 300:
        raise TokenRefused(f"the token's server answered {answer.status}")
    lifetime_s = told.get("expires_in")
    if not isinstance(lifetime_s, (int, float)):
        lifetime_s = _LIFETIME_S
    kind = str(told.get("token_type") or "Bearer")
    kind = "Bearer" if kind.lower() == "bearer" else kind
    return Token(f"{kind} {text}", now + max(0.0, float(lifetime_s) - _EARLY_S))


def pairs(parameters: Any) -> dict[str, str]:
    """Return kept HTTP parameters by key."""
    return {each["key"]: each["value"] for each in parameters or [] if each.get("key")}
