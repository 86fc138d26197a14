"""Every operation of Cloud Control: what serves it, or why nothing does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from emulator.services.cloudcontrol import reading
from emulator.services.context import Context, Request, Response
from emulator.services.service import unsupported

OPERATIONS: dict[str, Callable[[Context, Request], Awaitable[Response]]] = {
    "GetResource": reading.get_resource,
    "ListResources": reading.list_resources,
}

UNSUPPORTED = unsupported(
    """CancelResourceRequest CreateResource DeleteResource GetResourceRequestStatus
    ListResourceRequests UpdateResource""",
    "localfaas does not serve {}: it reads resources by their types, and makes them by stacks and"
    " by their services' own operations.",
)
