"""Signed calls of APIs, under ``--strict-auth``."""

from __future__ import annotations

from emulator.edge.http_fronts.authorizers.base import Refused
from emulator.edge.http_fronts.exchange import HttpRequest
from emulator.model.errors import AwsError
from emulator.services.context import Context, Parts


async def check_signed(
    parts: Parts, request: HttpRequest, account: str, region: str, arn: str
) -> None:
    """Refuse a signed call that its caller's policies do not allow; believe it without the option.

    Args:
        parts: The parts of the emulator.
        request: Its body has been read.
        account: The API's.
        region: The API's.
        arn: Of what is called.

    Raises:
        Refused: 403.
    """
    if not parts.settings.strict_auth:
        return
    from emulator.edge.strict_auth import StrictAuth

    context = Context(
        account=account,
        region=region,
        request_id=request.request_id,
        endpoint=parts.table.endpoint,
        parts=parts,
        user_agent=request.header("user-agent"),
        request_headers=dict(request.headers),
    )
    try:
        await StrictAuth().check_call(
            context, request.scope, request.body, "execute-api:Invoke", arn
        )
    except AwsError as error:
        raise Refused(403, error.message) from error
