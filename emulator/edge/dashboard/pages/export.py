"""The timeline as one file that needs nobody: a page with its scripts, styles and records in it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import Any

import orjson
from markupsafe import Markup

from emulator.edge.dashboard.http import PageError, PageRequest, PageResponse
from emulator.edge.dashboard.rendering import render
from emulator.edge.dashboard.static_files import read
from emulator.services.context import Parts
from emulator.telemetry.timeline.filters import Filters

_MOST_INVOCATIONS = 10_000
#: Invocations whose event, answer and log are in the file: the newest.
_MOST_DETAILS = 200


async def export(parts: Parts, request: PageRequest) -> PageResponse:
    """Answer with the page, as a file to keep."""
    body = await asyncio.to_thread(page, await _record(parts, request), request.endpoint)
    named = (b"content-disposition", b'attachment; filename="timeline.html"')
    return PageResponse(body, headers=(named, (b"cache-control", b"no-store")))


async def _record(parts: Parts, request: PageRequest) -> dict[str, Any]:
    """Return the document, with the details of its newest invocations."""
    if parts.timeline is None:
        raise PageError(404, "Nothing is recorded: the emulator runs with --timeline-mb 0.")
    # The admin API's: it is imported with FastAPI.
    from emulator.edge.admin.timeline import documents
    from emulator.edge.admin.timeline.one import one_invocation
    from emulator.edge.admin.timeline.routes import take_snapshot

    await parts.timeline.loaded()
    snapshot = take_snapshot(parts, parts.timeline)
    function, since = request.query.get("function"), _number(request.query.get("since"))
    now = parts.clock.now()
    filters = Filters(
        functions=frozenset([function] if function else []),
        since=since if since is None or since >= 0 else now + since,
    )
    document = await asyncio.to_thread(
        documents.document, snapshot, filters, limit=_MOST_INVOCATIONS
    )
    details = {}
    for each in document["invocations"][-_MOST_DETAILS:]:
        details[str(each["id"])] = await one_invocation(parts, snapshot, str(each["id"]))
    return {**document, "details": details}


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise PageError(400, f"since={text} is no number of seconds.") from None


def page(record: dict[str, Any], endpoint: str) -> bytes:
    """Return a record as a page.

    Args:
        record: A document of docs/timeline.md, with ``details`` by the invocations' ids.
        endpoint: Where commands that are copied from it call.
    """
    style = "\n".join(read(name).decode() for name in ("vendor/uPlot.min.css", "style.css"))
    chart, script = read("vendor/uPlot.min.js").decode(), read("timeline/main.bundle.js").decode()
    mark = base64.b64encode(read("mark.svg")).decode()
    functions = sorted({each["function"] for each in record["environments"]})
    return render(
        "export.html",
        archive=True,
        functions=functions,
        endpoint=endpoint,
        style=Markup(style),
        style_hash=_hash(style),
        scripts=[Markup(chart), Markup(script)],
        script_hashes=[_hash(chart), _hash(script)],
        mark=f"data:image/svg+xml;base64,{mark}",
        # No text in it ends the element, or begins a comment.
        record=Markup(orjson.dumps(record).decode().replace("<", "\\u003c")),
    )


def _hash(text: str) -> str:
    """Return what a content security policy knows a script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
