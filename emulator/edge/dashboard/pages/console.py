"""The console: sends an event to a function, and shows what comes back."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

from emulator import sample_events
from emulator.edge.dashboard.http import PageError, PageRequest, PageResponse
from emulator.edge.dashboard.rendering import render
from emulator.model.errors import AwsError, DriverFault, StorageError
from emulator.services.context import Parts

_KINDS = ("RequestResponse", "Event", "DryRun")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an invocation that the console sent came to."""

    function: str
    kind: str
    ok: bool
    #: In a few words: "succeeded", "accepted", AWS's error code.
    title: str
    text: str
    log: str = ""
    request_id: str = ""


@cache
def sample_events_by_kind() -> dict[str, str]:
    """Return the sample events by their kinds, as the services send them."""
    return {kind: sample_events.read(kind) for kind in sample_events.kinds()}


async def console(parts: Parts, request: PageRequest) -> PageResponse:
    """Show the form."""
    rows = sorted(parts.registry.all(), key=lambda each: (each.name, each.arn))
    return PageResponse(
        render(
            "console.html",
            page="console",
            functions=rows,
            chosen=request.query.get("function", ""),
            payload=request.query.get("payload", "{}"),
            samples=sample_events_by_kind(),
            outcome=None,
        )
    )


async def sample(parts: Parts, request: PageRequest) -> PageResponse:
    """Answer with one sample event."""
    title = request.query.get("title", "")
    text = sample_events_by_kind().get(title)
    if text is None:
        raise PageError(404, f"There is no sample event {title}.")
    return PageResponse(text.encode(), content_type="application/json")


async def invoke(parts: Parts, request: PageRequest) -> PageResponse:
    """Send the event, and show the answer."""
    arn = request.form.get("function", "")
    kind = request.form.get("kind", _KINDS[0])
    payload = request.form.get("payload", "")
    account, region, name = _split(parts, arn)
    if kind not in _KINDS:
        raise PageError(400, f"{kind} is no type of invocation.")
    wanted: dict[str, Any] = {
        "FunctionName": name,
        "InvocationType": kind,
        "LogType": "Tail" if kind == "RequestResponse" else "None",
        "Payload": payload.encode(),
    }
    if qualifier := request.form.get("qualifier", "").strip():
        wanted["Qualifier"] = qualifier
    try:
        answer = await parts.table.call("lambda", "Invoke", wanted, account=account, region=region)
    except AwsError as error:
        outcome = Outcome(name, kind, False, error.code, error.message)
    except (DriverFault, StorageError) as error:
        outcome = Outcome(name, kind, False, "ServiceException", str(error))
    else:
        outcome = _outcome(name, kind, answer)
    return PageResponse(render("parts/outcome.html", outcome=outcome))


def _split(parts: Parts, arn: str) -> tuple[str, str, str]:
    """Return account, region and name of a function, by its ARN or its name."""
    if not arn:
        raise PageError(400, "Choose a function.")
    if not arn.startswith("arn:"):
        return parts.table.account, parts.table.region, arn
    fields = arn.split(":")
    if len(fields) != 7:
        raise PageError(400, f"{arn} is no function's ARN.")
    return fields[4], fields[3], fields[6]


def _outcome(name: str, kind: str, answer: dict[str, Any]) -> Outcome:
    payload = answer.get("Payload") or b""
    text = payload.decode("utf-8", "replace")
    log = base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")
    error = answer.get("FunctionError", "")
    titles = {"Event": "accepted", "DryRun": "would be allowed"}
    title = f"function error: {error}" if error else titles.get(kind, "succeeded")
    return Outcome(name, kind, not error, title, indented(text), log)


def indented(text: str) -> str:
    """Return JSON with its lines broken; any other text as it is."""
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return text
