"""The tools: each does one thing with the emulator, and says in words what it does and takes.

The docstrings are what an agent reads.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson

from emulator.edge.admin.timeline import documents
from emulator.edge.admin.timeline.routes import take_snapshot
from emulator.model.errors import LocalfaasError
from emulator.services.context import Parts
from emulator.telemetry.timeline.filters import Filters

#: Deploys a path; takes what :func:`emulator.project.deploying.deploy` takes.
Deploy = Callable[..., Awaitable[Any]]
Tool = Callable[..., Awaitable[dict[str, Any]]]
#: Bytes of an answer or a log that a tool returns at most.
_MOST_BYTES = 64 * 1024


def tools(parts: Parts, deploy: Deploy) -> list[Tool]:
    """Return the tools over one emulator."""

    def scope(account: str, region: str) -> dict[str, str]:
        return {
            "account": account or parts.table.account,
            "region": region or parts.table.region,
        }

    async def list_functions(account: str = "", region: str = "") -> dict[str, Any]:
        """List the Lambda functions: name, runtime, handler, memory, timeout, state."""
        where = scope(account, region)
        answer = await parts.table.call("lambda", "ListFunctions", {"MaxItems": 50}, **where)
        fields = ("FunctionName", "Runtime", "Handler", "MemorySize", "Timeout", "Description")
        return {"functions": [{n: each.get(n) for n in fields} for each in answer["Functions"]]}

    async def invoke(
        name: str, event: Any = None, qualifier: str = "", account: str = "", region: str = ""
    ) -> dict[str, Any]:
        """Call a function with an event (any JSON) and return its answer, error and log."""
        request: dict[str, Any] = {
            "FunctionName": name,
            "Payload": orjson.dumps({} if event is None else event),
            "LogType": "Tail",
        }
        if qualifier:
            request["Qualifier"] = qualifier
        answer = await parts.table.call("lambda", "Invoke", request, **scope(account, region))
        payload = answer.get("Payload") or b""
        log = base64.b64decode(answer.get("LogResult") or b"").decode("utf-8", "replace")
        return {
            "answer": _json(payload),
            "error": answer.get("FunctionError") or "",
            "version": answer.get("ExecutedVersion"),
            "log": log,
        }

    async def logs(
        name: str, lines: int = 50, account: str = "", region: str = ""
    ) -> dict[str, Any]:
        """Return the last lines that a function has logged, oldest first."""
        request = {"logGroupName": f"/aws/lambda/{name}", "limit": 10_000}
        where = scope(account, region)
        answer = await parts.table.call("logs", "FilterLogEvents", request, **where)
        found = [each["message"] for each in answer["events"]][-max(1, lines) :]
        return {"lines": found}

    async def timeline(
        function: str = "", failed: bool | None = None, cold: bool | None = None, limit: int = 20
    ) -> dict[str, Any]:
        """Return the last invocations: duration, billed time, memory, cold and why, cost."""
        recorded = parts.timeline
        if recorded is None:
            raise LocalfaasError("nothing is recorded: the emulator runs with --timeline-mb 0")
        await recorded.loaded()
        functions = frozenset({function} if function else ())
        filters = Filters(functions=functions, failed=failed, cold=cold)
        snapshot = take_snapshot(parts, recorded)
        found = documents.listing(snapshot, filters, limit=min(max(1, limit), 200), before=None)
        known = {each.name for each in parts.registry.all()}
        if function and function not in known and not found["invocations"]:
            raise LocalfaasError(
                f"there is no function {function}, and no such invocation of it is known"
            )
        return found

    async def evict(name: str) -> dict[str, Any]:
        """End a function's environments, so that its next call is a cold start."""
        found = [each for each in parts.registry.all() if each.name == name]
        if not found:
            raise LocalfaasError(f"there is no function {name}")
        versions = [v for each in found for v in (each.latest, *each.versions.values())]
        return {"stopped": sum(parts.pools.evict(each).stopped for each in versions)}

    async def deploy_path(
        path: str,
        stack_name: str = "",
        parameters: dict[str, Any] | None = None,
        account: str = "",
        region: str = "",
    ) -> dict[str, Any]:
        """Deploy a SAM or CloudFormation template, or a folder of functions.

        The path is absolute, on the emulator's machine. What is deployed already is updated, and
        code is served from where it lies.
        """
        if not Path(path).is_absolute():
            raise LocalfaasError(f"{path} is not an absolute path")
        found = await deploy(
            Path(path),
            stack_name=stack_name,
            parameters=parameters or {},
            **scope(account, region),
        )
        return {name: getattr(found, name) for name in found.__slots__}

    deploy_path.__name__ = "deploy"
    return [list_functions, invoke, logs, timeline, evict, deploy_path]


def _json(payload: bytes) -> Any:
    if len(payload) > _MOST_BYTES:
        text = payload[:_MOST_BYTES].decode("utf-8", "replace")
        return f"{text}… ({len(payload)} bytes)"
    try:
        return orjson.loads(payload) if payload else None
    except orjson.JSONDecodeError:
        return payload.decode("utf-8", "replace")
