"""Parameters of AWS's own paths: secrets by reference, and the public ones, which are not here.

https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
"""

from __future__ import annotations

import json
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context

_SECRETS = "/aws/reference/secretsmanager/"
_PUBLIC = "/aws/service/"


async def read(ctx: Context, text: str, *, decrypted: bool) -> dict[str, Any] | None:
    """Return what a name of AWS's own means; None for any other name.

    Raises:
        AwsError: ParameterNotFound, or what Secrets Manager says.
    """
    if text.startswith(_PUBLIC):
        raise AwsError(
            "ParameterNotFound", f"localfaas has no public parameters of AWS: {text} is not here."
        )
    if not text.startswith(_SECRETS):
        return None
    if not decrypted:
        raise AwsError(
            "ValidationException",
            "WithDecryption flag must be True for retrieving a Secret Manager secret.",
        )
    name, _, version = text.removeprefix(_SECRETS).partition(":")
    request = {"SecretId": name}
    if version:
        # A version is 32 characters or more, a stage is not.
        request["VersionId" if len(version) >= 32 else "VersionStage"] = version
    try:
        secret = await ctx.parts.table.call(
            "secretsmanager",
            "GetSecretValue",
            request,
            account=ctx.account,
            region=ctx.region,
        )
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
        raise AwsError(
            "ParameterNotFound",
            "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret"
            f" {text} not found.",
        ) from error
    source = {key: value for key, value in secret.items() if key != "ResponseMetadata"}
    return {
        "Name": text,
        "Type": "SecureString",
        "Value": secret.get("SecretString", ""),
        "Version": 0,
        "Selector": f":{version}" if version else None,
        "SourceResult": json.dumps(source, default=str),
        "LastModifiedDate": secret["CreatedDate"],
        "ARN": secret["ARN"],
    }
