"""Signed calls of APIs, under ``--strict-auth``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.edge.http_fronts.authorizers.base import Refused
from emulator.edge.http_fronts.exchange import HttpRequest
from emulator.model.errors import AwsError
from emulator.services.context import Context, Parts


def masked(account: str) -> str:
    """Return an account's number as refusals show it to callers of APIs.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-create-attach.html
    """
    return f"********{account[-4:]}"


class Unsigned(Refused):
    """A signed call is not let through.

    Args:
        code: AWS's name of the refusal: "InvalidSignatureException", ….
        reason: In AWS's words.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(403, reason)
        self.code = code


async def check_signed(
    parts: Parts,
    request: HttpRequest,
    account: str,
    region: str,
    arn: str,
    policy: Mapping[str, Any] | None = None,
) -> None:
    """Refuse a signed call that its caller's policies do not allow; believe it without the option.

    Args:
        parts: The parts of the emulator.
        request: Its body has been read.
        account: The API's.
        region: The API's.
        arn: Of what is called.
        policy: The API's own policy; None without one.

    Raises:
        Refused: 403; its reason is what AWS says to the caller of a REST API.
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
            context, request.scope, request.body, "execute-api:Invoke", arn, policy=policy
        )
    except AwsError as error:
        raise Unsigned(error.code, error.message) from error
