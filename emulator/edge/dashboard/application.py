"""The dashboard as an ASGI application: a table of routes.

A page's module is imported when it is asked for first: nobody waits for the code of other pages.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module

from emulator.edge.dashboard.http import (
    COMMON_HEADERS,
    PageError,
    PageRequest,
    PageResponse,
    parse_fields,
)
from emulator.edge.dashboard.rendering import render
from emulator.edge.router import ADMIN, Headers, Receive, Scope, Send, answer, read_body
from emulator.model.errors import StorageError
from emulator.services.context import Parts

log = logging.getLogger(__name__)

#: The most bytes of a form: an event of 6 MB, percent-encoded.
_MOST_FORM_BYTES = 20 * 1024 * 1024

_PAGES = "emulator.edge.dashboard.pages"

Page = Callable[[Parts, PageRequest], Awaitable[PageResponse]]


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    path: re.Pattern[str]
    #: The module below ``pages``, and the function of it that answers.
    module: str
    name: str

    def load(self) -> Page:
        """Return the function that answers. Blocks."""
        page: Page = getattr(import_module(f"{_PAGES}.{self.module}"), self.name)
        return page


def _route(method: str, path: str, page: str) -> _Route:
    module, _, name = page.partition(".")
    return _Route(method, re.compile(re.escape(ADMIN) + path), module, name)


ROUTES = (
    _route("GET", r"/", "timeline.timeline"),
    _route("GET", r"/ui/compare", "timeline.compare"),
    _route("GET", r"/ui/invocations/(?P<id>[^/]{1,200})", "timeline.invocation"),
    _route("GET", r"/ui/functions", "functions.functions"),
    _route("GET", r"/ui/queues", "queues.queues"),
    _route("GET", r"/ui/queues/messages", "queues.messages"),
    _route("GET", r"/ui/events", "events.events"),
    _route("POST", r"/ui/events/replay", "events.replay"),
    _route("GET", r"/ui/flow", "flow.flow"),
    _route("GET", r"/ui/workflows", "workflows.workflows"),
    _route("GET", r"/ui/traces", "traces.traces"),
    _route("GET", r"/ui/traces/(?P<id>[^/]{1,200})", "traces.trace"),
    _route("GET", r"/ui/console", "console.console"),
    _route("GET", r"/ui/console/sample", "console.sample"),
    _route("POST", r"/ui/console", "console.invoke"),
    _route("GET", r"/ui/export", "export.export"),
    _route("GET", r"/ui/static/(?P<name>[a-zA-Z0-9_./-]{1,100})", "files.file"),
)


class Dashboard:
    """Serves the pages.

    Args:
        parts: The parts of the emulator.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._loaded: dict[_Route, Page] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = dict(scope["headers"])
        try:
            response = await self._respond(scope, headers, receive)
        except PageError as error:
            response = _error_page(headers, error.status, error.message)
        except StorageError as error:
            response = _error_page(headers, 507, str(error))
        except Exception:  # a page's bug ends no emulator
            log.exception("the page %s failed", scope["path"])
            response = _error_page(headers, 500, "This page failed; the emulator's log says why.")
        body = b"" if scope["method"] == "HEAD" else response.body
        own = [
            (b"content-type", response.content_type.encode()),
            *((b"content-length", b"%d" % len(response.body)),) * (scope["method"] == "HEAD"),
            *((b"cache-control", b"no-store"),) * (not response.headers),
            *response.headers,
            *COMMON_HEADERS,
        ]
        await answer(send, response.status, own, body)

    async def _respond(self, scope: Scope, headers: Headers, receive: Receive) -> PageResponse:
        method, path = scope["method"], scope["path"]
        if path == ADMIN:
            return PageResponse(b"", 308, headers=((b"location", f"{ADMIN}/".encode()),))
        found = [(each, match) for each in ROUTES if (match := each.path.fullmatch(path))]
        if not found:
            raise PageError(404, f"There is no page {path}.")
        wanted = "GET" if method == "HEAD" else method
        for route, match in found:
            if route.method == wanted:
                request = await _request(scope, headers, receive, match.groupdict())
                page = self._loaded.get(route)
                if page is None:
                    page = self._loaded[route] = await asyncio.to_thread(route.load)
                return await page(self._parts, request)
        raise PageError(405, f"{path} does not answer {method}.")


async def _request(
    scope: Scope, headers: Headers, receive: Receive, path_values: dict[str, str]
) -> PageRequest:
    try:
        query = parse_fields(scope["query_string"].decode("latin-1"))
        form: dict[str, str] = {}
        if scope["method"] == "POST":
            body = await read_body(receive, _MOST_FORM_BYTES)
            if body is None:
                raise PageError(413, "The form is too large.")
            form = parse_fields(body.decode("utf-8", "replace"))
    except ValueError as error:
        raise PageError(400, f"The request can't be read: {error}.") from error
    return PageRequest(
        method=scope["method"],
        path=scope["path"],
        query=query,
        form=form,
        path_values=path_values,
        endpoint=f"http://{headers.get(b'host', b'').decode('latin-1')}",
        wants_part=headers.get(b"hx-request") == b"true",
        if_none_match=headers.get(b"if-none-match", b"").decode("latin-1"),
    )


def _error_page(headers: Headers, status: int, message: str) -> PageResponse:
    part = headers.get(b"hx-request") == b"true"
    name = "parts/error.html" if part else "error.html"
    return PageResponse(render(name, page="", status=status, message=message), status)
