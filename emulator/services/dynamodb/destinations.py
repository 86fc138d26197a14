"""Tables whose changes go to streams of Kinesis.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/kds.html
"""

from __future__ import annotations

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.dynamodb.deliveries import PRECISION
from emulator.services.dynamodb.errors import invalid
from emulator.services.dynamodb.schema import Body, Table
from emulator.services.dynamodb.state import find, of
from emulator.services.dynamodb.tables import find_table


async def enable_kinesis_streaming_destination(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_EnableKinesisStreamingDestination.html."""
    table = find(ctx, request["TableName"])
    arn = request["StreamArn"]
    there = _kept(table, arn)
    if there is not None and there["Status"] == "ACTIVE":
        raise invalid(
            "Table is not in a valid state to enable Kinesis Streaming Destination: "
            "EnableKinesisStreamingDestination must be DISABLED to perform ENABLE operation."
        )
    await _check_stream(ctx, arn)
    settings = request.get("EnableKinesisStreamingConfiguration") or {}
    entry: Body = {"Arn": arn, "Status": "ACTIVE", "Precision": settings.get(PRECISION)}
    await _set(ctx, table, entry)
    return {
        "TableName": table.name,
        "StreamArn": arn,
        "DestinationStatus": "ENABLING",
        "EnableKinesisStreamingConfiguration": settings or None,
    }


async def disable_kinesis_streaming_destination(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DisableKinesisStreamingDestination.html."""
    table = find(ctx, request["TableName"])
    there = _kept(table, request["StreamArn"])
    if there is None or there["Status"] != "ACTIVE":
        raise invalid(
            "Table is not in a valid state to disable Kinesis Streaming Destination: "
            "DisableKinesisStreamingDestination must be ACTIVE to perform DISABLE operation."
        )
    await _set(ctx, table, {**there, "Status": "DISABLED"})
    return {
        "TableName": table.name,
        "StreamArn": request["StreamArn"],
        "DestinationStatus": "DISABLING",
    }


async def update_kinesis_streaming_destination(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateKinesisStreamingDestination.html."""
    table = find(ctx, request["TableName"])
    there = _kept(table, request["StreamArn"])
    if there is None or there["Status"] != "ACTIVE":
        raise invalid(
            "Table is not in a valid state to update Kinesis Streaming Destination: "
            "UpdateKinesisStreamingDestination must be ACTIVE to perform UPDATE operation."
        )
    settings = request.get("UpdateKinesisStreamingConfiguration") or {}
    if not settings:
        raise invalid(
            "Streaming destination cannot be updated with given parameters: "
            "UpdateKinesisStreamingConfiguration cannot be null or contain only null "
            "values"
        )
    wanted = settings[PRECISION]
    if there.get("Precision") == wanted:
        raise invalid(
            "Invalid Request: Precision is already set to the desired value of "
            f"{wanted} for tableId: {table.body['TableId']}, kdsArn: {request['StreamArn']}"
        )
    await _set(ctx, table, {**there, "Precision": wanted})
    return {
        "TableName": table.name,
        "StreamArn": request["StreamArn"],
        "DestinationStatus": "UPDATING",
        "UpdateKinesisStreamingConfiguration": settings,
    }


async def describe_kinesis_streaming_destination(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeKinesisStreamingDestination.html."""
    table = find_table(ctx, request["TableName"])
    return {
        "TableName": table.name,
        "KinesisDataStreamDestinations": [
            {
                "StreamArn": each["Arn"],
                "DestinationStatus": each["Status"],
                PRECISION: each.get("Precision"),
            }
            for each in table.body.get("Destinations") or ()
        ],
    }


def _kept(table: Table, arn: str) -> Body | None:
    found = table.body.get("Destinations") or ()
    return next((each for each in found if each["Arn"] == arn), None)


async def _check_stream(ctx: Context, arn: str) -> None:
    """Check that a stream is there.

    Raises:
        AwsError: It is not.
    """
    region, account = (arn.split(":") + [""] * 5)[3:5]
    try:
        await ctx.parts.table.call(
            "kinesis", "DescribeStreamSummary", {"StreamARN": arn}, account=account, region=region
        )
    except AwsError:
        raise invalid("User does not have a permission to use kinesis stream") from None


async def _set(ctx: Context, table: Table, entry: Body) -> None:
    others = [e for e in table.body.get("Destinations") or () if e["Arn"] != entry["Arn"]]
    await of(ctx).change(table, Destinations=[*others, entry])
