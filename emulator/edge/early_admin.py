"""What test kits ask of every emulator, answered without the admin application.

FastAPI takes as long to load as the emulator takes to start. A run of tests deploys and resets, and
mostly asks for nothing else: so these two are answered here until the application is loaded. What
is not well formed is left to the application, which says what is wrong with it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import orjson

import emulator
from emulator.edge.router import ADMIN, Receive, Scope, Send, answer, read_body
from emulator.model.errors import AwsError, ConfigurationError

#: Removes what was made, of an account or (None) of all.
Reset = Callable[[str | None], Awaitable[None]]
#: Deploys a path; takes what :func:`emulator.project.deploying.deploy` takes, without the parts.
Deploy = Callable[..., Awaitable[Any]]

_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_TEXTS = frozenset({"path", "account", "region", "stack_name"})
#: The most bytes of a request that is answered here.
_MOST_BYTES = 64 * 1024
_VERSION = (b"x-localfaas-version", emulator.__version__.encode())


class EarlyAdmin:
    """Answers ``reset`` and ``deploy``.

    Args:
        reset: Removes what was made.
        deploy: Deploys what lies on this machine.
        scope: The account and the region of requests that name none.
    """

    def __init__(self, reset: Reset, deploy: Deploy, scope: tuple[str, str]) -> None:
        self._reset = reset
        self._deploy = deploy
        self._account, self._region = scope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Receive | None:
        """Answer a request and return None, or return what gives it to the application."""
        path = scope["path"]
        if scope["type"] != "http" or scope["method"] != "POST":
            return receive
        if path == f"{ADMIN}/reset":
            query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            asked = dict(query)
            account = asked.get("account")
            if asked.keys() <= {"account"} and (account is None or _ACCOUNT.fullmatch(account)):
                await self._do_reset(account, send)
                return None
        elif path == f"{ADMIN}/deploy" and _is_small_json(dict(scope["headers"])):
            body = await read_body(receive, _MOST_BYTES)
            if body is None:
                return None
            request = _deployment(body)
            if request is None:
                return _again(body, receive)
            await self._do_deploy(request, send)
            return None
        return receive

    async def _do_reset(self, account: str | None, send: Send) -> None:
        begun = time.monotonic()
        await self._reset(account)
        took_ms = (time.monotonic() - begun) * 1000
        await _answer(send, 200, {"account": account, "milliseconds": took_ms})

    async def _do_deploy(self, request: Mapping[str, Any], send: Send) -> None:
        try:
            found = await self._deploy(
                Path(request["path"]),
                account=request.get("account") or self._account,
                region=request.get("region") or self._region,
                stack_name=request.get("stack_name", ""),
                parameters=request.get("parameters", {}),
            )
        except (ConfigurationError, AwsError) as error:
            await _answer(send, 400, {"detail": str(error)})
            return
        await _answer(
            send,
            200,
            {
                "functions": dict(found.functions),
                "resources": dict(found.resources),
                "outputs": dict(found.outputs),
                "stack_name": found.stack_name,
                "notes": list(found.notes),
            },
        )


def _is_small_json(headers: Mapping[bytes, bytes]) -> bool:
    length = headers.get(b"content-length", b"")
    kind = headers.get(b"content-type", b"")
    return kind == b"application/json" and length.isdigit() and int(length) <= _MOST_BYTES


def _deployment(body: bytes) -> dict[str, Any] | None:
    """Return a well-formed request; None for every other."""
    try:
        request = orjson.loads(body)
    except ValueError:
        return None
    if not isinstance(request, dict) or not request.keys() <= _TEXTS | {"parameters"}:
        return None
    parameters = request.get("parameters", {})
    texts = [request[name] for name in _TEXTS & request.keys()]
    if not isinstance(parameters, dict):
        return None
    if not all(isinstance(text, str) for text in (*texts, *parameters.values())):
        return None
    return request if Path(request.get("path", "")).is_absolute() else None


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that begins with a body that was read."""
    waiting: list[MutableMapping[str, Any]] = [
        {"type": "http.request", "body": body, "more_body": False}
    ]

    async def again() -> MutableMapping[str, Any]:
        return waiting.pop() if waiting else await receive()

    return again


async def _answer(send: Send, status: int, value: Mapping[str, Any]) -> None:
    headers = [(b"content-type", b"application/json"), _VERSION]
    await answer(send, status, headers, orjson.dumps(value))
