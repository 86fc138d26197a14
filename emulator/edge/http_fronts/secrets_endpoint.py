"""What the Parameters-and-Secrets extension answers functions at localhost:2773.

The emulator does the extension's work itself: a function whose layers name it (or all, with
``--secrets-endpoint``) finds the same paths, token, cache and variables. One port serves all
functions of a process driver, since the token says who asks.

https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html
https://docs.aws.amazon.com/secretsmanager/latest/userguide/retrieving-secrets_lambda.html
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import orjson

from emulator.edge.router import Receive, Scope, Send, answer
from emulator.model import credentials
from emulator.model.aws_layers import is_parameters_and_secrets
from emulator.model.clock import Clock
from emulator.model.console import Console
from emulator.model.errors import AwsError, LocalfaasError
from emulator.model.function import FunctionVersion
from emulator.services.context import Services

PORT = 2773
_PORT_VARIABLE = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"
#: Seconds that a value is kept at most, and if nothing says how long.
_LONGEST_TTL_S = 300.0
#: Values of one environment.
_CACHE_SIZE = 1000
#: Environments whose caches are kept.
_MOST_CACHES = 256
_AGENT = "localfaas-parameters-and-secrets-extension"


class _Asked(NamedTuple):
    """What a path stands for."""

    service: str
    operation: str
    #: The parameter that must be there.
    needed: str
    #: The request's members by query parameter.
    members: Mapping[str, str]
    ttl_variable: str


_PATHS = {
    "/systemsmanager/parameters/get": _Asked(
        "ssm",
        "GetParameter",
        "name",
        {"name": "Name", "withDecryption": "WithDecryption"},
        "SSM_PARAMETER_STORE_TTL",
    ),
    "/secretsmanager/get": _Asked(
        "secretsmanager",
        "GetSecretValue",
        "secretId",
        {"secretId": "SecretId", "versionId": "VersionId", "versionStage": "VersionStage"},
        "SECRETS_MANAGER_TTL",
    ),
}


@dataclass(frozen=True, slots=True)
class _Configuration:
    """What a function's variables say."""

    region: str
    cache_size: int
    ttl_s: Mapping[str, float]


class SecretsEndpoint:
    """An ASGI application that reads parameters and secrets for functions.

    Args:
        table: The services.
        clock: The emulator's.
        console: Told when the usual port can't be had.
        listen: Serves an application at a port of an address; returns the port.
        for_all: Serve functions without the extension's layer, too.
        is_reached: Functions' "localhost" is this machine; in containers, it is not.
    """

    def __init__(
        self,
        table: Services,
        clock: Clock,
        console: Console,
        listen: Callable[[str, int], int],
        *,
        for_all: bool = False,
        is_reached: bool = True,
    ) -> None:
        self._table = table
        self._clock = clock
        self._console = console
        self._listen = listen
        self._for_all = for_all
        self._is_reached = is_reached
        self._has_told = False
        #: The port that is open for one that was asked for.
        self._ports: dict[int, int] = {}
        #: By account and name of a function.
        self._configurations: dict[tuple[str, str], _Configuration] = {}
        #: By session token: (seconds until which it holds, body) of each path and query.
        self._caches: OrderedDict[str, OrderedDict[str, tuple[float, bytes]]] = OrderedDict()

    def is_for(self, version: FunctionVersion) -> bool:
        """Say whether a function has it."""
        layers = version.layers
        return self._for_all or any(is_parameters_and_secrets(each.arn) for each in layers)

    def variables(self, version: FunctionVersion) -> Mapping[str, str]:
        """Open the port that a function looks for; return what tells it of another one."""
        if not self.is_for(version):
            return {}
        if not self._is_reached:
            if not self._has_told:
                self._has_told = True
                self._console.warn(
                    f"{version.name}: containers can't reach the Parameters-and-Secrets endpoint "
                    "yet; it is there with --driver process"
                )
            return {}
        given = version.environment or {}
        caller = credentials.of_function(
            version.account, str(version.settings.get("Role") or ""), version.name
        )
        self._configurations[version.account, _session(caller.arn)] = _configuration(version)
        wanted = _number(given.get(_PORT_VARIABLE), PORT)
        port = self._ports.get(wanted) or self._open(version, wanted)
        return {} if port == wanted else {_PORT_VARIABLE: str(port)}

    def _open(self, version: FunctionVersion, wanted: int) -> int:
        try:
            port = self._listen("127.0.0.1", wanted)
        except (OSError, LocalfaasError):
            port = self._listen("127.0.0.1", 0)
            self._console.warn(
                f"{version.name}: port {wanted} is taken; parameters and secrets are at "
                f"{port}, as {_PORT_VARIABLE} says"
            )
        self._ports[wanted] = port
        return port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        token = headers.get(b"x-aws-parameters-secrets-token", b"").decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        try:
            body = await self._read(scope["method"], scope["path"], query, token)
        except _Refusal as refusal:
            text = (b"content-type", b"text/plain; charset=utf-8")
            await answer(send, refusal.status, [text], f"{refusal}\n".encode())
            return
        await answer(send, 200, [(b"content-type", b"application/json")], body)

    async def _read(self, method: str, path: str, query: str, token: str) -> bytes:
        """Return what is asked for.

        Raises:
            _Refusal: It can't be had.
        """
        asked = _PATHS.get(path)
        if asked is None:
            raise _Refusal(404, "404 page not found")
        if method != "GET":
            raise _Refusal(405, "method not allowed")
        identity = credentials.identify(token) if token else None
        if identity is None:
            raise _Refusal(401, "missing or incorrect token")
        named = (identity.account, _session(identity.arn))
        configuration = self._configurations.get(named)
        if configuration is None:
            raise _Refusal(401, "missing or incorrect token")
        values = {key: found[-1] for key, found in parse_qs(query, max_num_fields=20).items()}
        if not values.get(asked.needed):
            raise _Refusal(400, f"missing required parameter: {asked.needed}")
        refreshes = values.pop("refreshNow", "").lower() == "true"
        key = f"{path}?{sorted(values.items())}"
        cache = self._cache(token)
        until, body = cache.get(key, (0.0, b""))
        if until > self._clock.monotonic() and not refreshes:
            return body
        body = await self._ask(asked, values, identity.account, configuration.region)
        self._keep(cache, key, body, configuration, configuration.ttl_s[asked.ttl_variable])
        return body

    def _cache(self, token: str) -> OrderedDict[str, tuple[float, bytes]]:
        cache = self._caches.setdefault(token, OrderedDict())
        self._caches.move_to_end(token)
        if len(self._caches) > _MOST_CACHES:
            self._caches.popitem(last=False)
        return cache

    def _keep(
        self,
        cache: OrderedDict[str, tuple[float, bytes]],
        key: str,
        body: bytes,
        configuration: _Configuration,
        ttl_s: float,
    ) -> None:
        if not configuration.cache_size or ttl_s <= 0:
            return
        cache[key] = (self._clock.monotonic() + ttl_s, body)
        cache.move_to_end(key)
        while len(cache) > configuration.cache_size:
            cache.popitem(last=False)

    async def _ask(
        self, asked: _Asked, values: Mapping[str, str], account: str, region: str
    ) -> bytes:
        request: dict[str, Any] = {
            member: values[name] for name, member in asked.members.items() if values.get(name)
        }
        if "WithDecryption" in request:
            request["WithDecryption"] = request["WithDecryption"].lower() == "true"
        selector = values.get("label") or values.get("version")
        if asked.service == "ssm" and selector:
            request["Name"] = f"{request['Name']}:{selector}"
        try:
            found = await self._table.call(
                asked.service,
                asked.operation,
                request,
                account=account,
                region=region,
                user_agent=_AGENT,
            )
        except AwsError as error:
            status = error.status or 400
            raise _Refusal(
                status,
                f"operation error {asked.service.upper()}: {asked.operation}, https response error "
                f"StatusCode: {status}, {error.code}: {error.message}",
            ) from error
        return orjson.dumps({**_shown(found), "ResultMetadata": {}})


class _Refusal(Exception):
    """A request that is not answered with a value."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _session(arn: str) -> str:
    """Return the name of a session, by which a function is known."""
    return arn.rpartition("/")[2]


def _configuration(version: FunctionVersion) -> _Configuration:
    given = version.environment or {}
    enabled = given.get("PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED", "true").lower() != "false"
    size = _number(given.get("PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE"), _CACHE_SIZE)
    ttls = {
        asked.ttl_variable: min(
            _LONGEST_TTL_S, float(_number(given.get(asked.ttl_variable), int(_LONGEST_TTL_S)))
        )
        for asked in _PATHS.values()
    }
    return _Configuration(version.region, min(size, _CACHE_SIZE) if enabled else 0, ttls)


def _number(text: str | None, usual: int) -> int:
    """Return a variable's number; what is none counts as missing."""
    return int(text) if text is not None and text.isdecimal() and len(text) < 6 else usual


def _shown(value: Any, name: str = "") -> Any:
    """Return a result as the extension writes it."""
    if isinstance(value, dict):
        return {key: _shown(each, key) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_shown(each) for each in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if name.endswith("Date"):
        at = value if isinstance(value, datetime) else datetime.fromtimestamp(float(value), UTC)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value
