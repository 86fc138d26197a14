"""Every operation on connections.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.model.errors import AwsError
from emulator.services.apigatewaymanagementapi import state
from emulator.services.context import Context, Request, Response
from emulator.services.service import Operation

if TYPE_CHECKING:
    from emulator.services.apigatewayv2.connections import Connection

#: The most bytes of a message.
LARGEST = 128 * 1024


async def post_to_connection(ctx: Context, request: Request) -> Response:
    """Serve PostToConnection."""
    connection = _find(ctx, request)
    data: bytes = request["Data"]
    if len(data) > LARGEST:
        raise AwsError("PayloadTooLargeException", f"Message exceeds {LARGEST} bytes", status=413)
    try:
        await connection.send(data)
    except ConnectionError:
        raise _gone() from None
    return {}


async def get_connection(ctx: Context, request: Request) -> Response:
    """Serve GetConnection."""
    connection = _find(ctx, request)
    return {
        "ConnectedAt": connection.connected_at,
        "Identity": {"SourceIp": connection.source_ip, "UserAgent": connection.user_agent},
        "LastActiveAt": connection.last_active_at,
    }


async def delete_connection(ctx: Context, request: Request) -> Response:
    """Serve DeleteConnection."""
    await _find(ctx, request).close(1000, "Connection Closed Normally")
    return {}


def _find(ctx: Context, request: Request) -> Connection:
    """Return the connection that a request names.

    Raises:
        AwsError: GoneException: the client is gone, or never came.
    """
    found = state.of(ctx).find(request["ConnectionId"])
    if found is None:
        raise _gone()
    return found


def _gone() -> AwsError:
    return AwsError("GoneException", "", status=410)


OPERATIONS: dict[str, Operation] = {
    "DeleteConnection": delete_connection,
    "GetConnection": get_connection,
    "PostToConnection": post_to_connection,
}

UNSUPPORTED: dict[str, str] = {}
