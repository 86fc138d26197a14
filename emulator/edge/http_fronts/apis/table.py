"""The kinds of APIs that are served: modules, imported with the first request."""

from __future__ import annotations

#: Below ``emulator.edge.http_fronts``, with ``open(room)``. The first that has a request's API
#: serves it.
SERVERS: tuple[str, ...] = ("http_apis.server", "websockets.server", "rest_api.server")
