"""What machines are configured with beside their definition: logging, tracing, encryption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context

DEFAULT_LOGGING: dict[str, Any] = {"level": "OFF", "includeExecutionData": False}
DEFAULT_ENCRYPTION = {"type": "AWS_OWNED_KEY"}


def _bad_logging(text: str) -> AwsError:
    return AwsError("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {text}")


async def logging(ctx: Context, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a logging configuration as it is kept and shown.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_LoggingConfiguration.html

    Raises:
        AwsError: InvalidLoggingConfiguration: not one destination, or no such log group.
    """
    if not given:
        return dict(DEFAULT_LOGGING)
    kept = {
        "level": given.get("level", "OFF"),
        "includeExecutionData": given.get("includeExecutionData", False),
    }
    destinations = given.get("destinations")
    if destinations is not None:
        kept["destinations"] = destinations
    if len(destinations or ()) > 1 or (kept["level"] != "OFF" and not destinations):
        raise _bad_logging("Must specify exactly one Log Destination.")
    for each in destinations or ():
        arn = (each.get("cloudWatchLogsLogGroup") or {}).get("logGroupArn") or ""
        await _check_group(ctx, arn)
    return kept


def group_of(arn: str) -> str:
    """Return the name of the log group of a destination's ARN; "" if it is none."""
    parts = arn.split(":")
    fits = len(parts) >= 7 and parts[2] == "logs" and parts[5] == "log-group"
    return ":".join(parts[6:]).removesuffix(":*") if fits else ""


async def _check_group(ctx: Context, arn: str) -> None:
    name = group_of(arn)
    if not name or not arn.endswith(":*"):
        raise _bad_logging("Log Destination ARN must end with :* and name a log group.")
    _, _, _, region, account, *_ = arn.split(":")
    found = await ctx.parts.table.call(
        "logs",
        "DescribeLogGroups",
        {"logGroupNamePrefix": name},
        account=account or ctx.account,
        region=region or ctx.region,
    )
    if name not in (each["logGroupName"] for each in found["logGroups"]):
        raise _bad_logging("Log Destination not found.")


def tracing(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a tracing configuration as it is kept and shown."""
    return {"enabled": bool((given or {}).get("enabled", False))}


def encryption(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return an encryption configuration as it is kept and shown; nothing is encrypted here.

    Raises:
        AwsError: InvalidEncryptionConfiguration: the key and the type don't fit.
    """
    if not given:
        return dict(DEFAULT_ENCRYPTION)
    own = given["type"] == "CUSTOMER_MANAGED_KMS_KEY"
    if own != bool(given.get("kmsKeyId")):
        text = (
            "KmsKeyId must be specified when EncryptionType is CUSTOMER_MANAGED_KMS_KEY"
            if own
            else "KmsKeyId must not be specified when EncryptionType is AWS_OWNED_KEY"
        )
        raise AwsError(
            "InvalidEncryptionConfiguration", f"Invalid Encryption Configuration: '{text}'"
        )
    kept = {key: value for key, value in given.items() if value is not None}
    if own:
        kept.setdefault("kmsDataKeyReusePeriodSeconds", 300)
    return kept
