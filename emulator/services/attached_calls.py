"""Operations of services that an attached endpoint serves, done as a client of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from functools import cache
from typing import Any

from emulator.model.errors import AwsError
from emulator.model.sdk_session import own_session

#: Bytes of an object that are read at once.
_PIECE = 1024 * 1024


@cache
def _client(url: str, service: str, account: str, region: str) -> Any:
    from botocore.config import Config

    return own_session().client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="localfaas",
        config=Config(parameter_validation=False, retries={"max_attempts": 2}),
    )


async def call(
    url: str,
    service: str,
    operation: str,
    request: Mapping[str, Any],
    account: str,
    region: str,
) -> dict[str, Any]:
    """Do an operation at an endpoint.

    Args:
        url: The endpoint.
        service: The name of the service's model.
        operation: The operation's wire name.
        request: By the names of the model's members.
        account: The caller's.
        region: The caller's.

    Raises:
        AwsError: What the endpoint answers, or that it does not answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.response import StreamingBody

    def do() -> dict[str, Any]:
        client = _client(url, service, account, region)
        names = {wire: name for name, wire in client.meta.method_to_api_mapping.items()}
        answer: dict[str, Any] = getattr(client, names[operation])(**request)
        answer.pop("ResponseMetadata", None)
        return answer

    try:
        answer = await asyncio.to_thread(do)
    except ClientError as error:
        response = error.response
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        failure = response["Error"]
        raise AwsError(failure["Code"], failure.get("Message", ""), status=status) from error
    except BotoCoreError as error:
        raise _no_answer(url, error) from error
    return {
        name: _pieces(url, value) if isinstance(value, StreamingBody) else value
        for name, value in answer.items()
    }


async def _pieces(url: str, body: Any) -> AsyncIterator[bytes]:
    """Yield the content of an object, as S3 here gives it.

    Raises:
        AwsError: The endpoint ended before it.
    """
    from botocore.exceptions import BotoCoreError

    try:
        while piece := await asyncio.to_thread(body.read, _PIECE):
            yield piece
    except BotoCoreError as error:
        raise _no_answer(url, error) from error
    finally:
        body.close()


def _no_answer(url: str, error: Exception) -> AwsError:
    text = f"Try again: the engine at {url} does not answer: {error}."
    return AwsError("ServiceUnavailable", text, status=503)
