"""Operations of services that an attached endpoint serves, done as a client of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cache
from typing import Any

from emulator.model.errors import AwsError


@cache
def _client(url: str, service: str, account: str, region: str) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
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

    def do() -> dict[str, Any]:
        client = _client(url, service, account, region)
        names = {wire: name for name, wire in client.meta.method_to_api_mapping.items()}
        answer: dict[str, Any] = getattr(client, names[operation])(**request)
        answer.pop("ResponseMetadata", None)
        return answer

    try:
        return await asyncio.to_thread(do)
    except ClientError as error:
        response = error.response
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        failure = response["Error"]
        raise AwsError(failure["Code"], failure.get("Message", ""), status=status) from error
    except BotoCoreError as error:
        text = f"Try again: the engine at {url} does not answer: {error}."
        raise AwsError("ServiceUnavailable", text, status=503) from error
