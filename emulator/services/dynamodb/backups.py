"""Backups: copies of tables, and tables that are made from them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.dynamodb import descriptions, rows
from emulator.services.dynamodb.creating import number_index
from emulator.services.dynamodb.errors import invalid, table_not_found
from emulator.services.dynamodb.rows import Connection
from emulator.services.dynamodb.schema import Body, Table
from emulator.services.dynamodb.state import lookup, of, split
from emulator.services.dynamodb.tables import make

#: What a table that is made from another does not take over.
_NOT_RESTORED = (
    "Destinations",
    "ExpiryAttribute",
    "Insights",
    "Policy",
    "Recovery",
    "Replicas",
    "StreamLabel",
    "StreamNumber",
    "StreamSpecification",
    "Tags",
)


async def create_backup(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateBackup.html."""
    table = lookup(ctx, request["TableName"])
    if table is None:
        raise table_not_found(request["TableName"])
    now = ctx.clock.now()
    arn = f"{table.arn}/backup/{int(now * 1000):017d}-{uuid.uuid4().hex[:8]}"

    def work(connection: Connection) -> Body:
        count, size, _ = rows.measure(connection, table)
        body: Body = {
            "Name": request["BackupName"],
            "Table": table.name,
            "Body": table.body,
            "Count": count,
            "Size": size,
            "Created": now,
        }
        number = connection.execute(
            "INSERT INTO backups (account, region, arn, body) VALUES (?, ?, ?, ?) RETURNING number",
            (table.account, table.region, arn, rows.dump(body)),
        ).fetchone()[0]
        connection.execute(
            "INSERT INTO backup_items SELECT ?, partition, sort, body, size FROM items "
            "WHERE table_number = ?",
            (number, table.number),
        )
        return body

    body = await of(ctx).database.write(work)
    return {"BackupDetails": {**_details(arn, body), "BackupStatus": "CREATING"}}


def _details(arn: str, body: Body) -> dict[str, Any]:
    return {
        "BackupArn": arn,
        "BackupName": body["Name"],
        "BackupSizeBytes": body["Size"],
        "BackupStatus": "AVAILABLE",
        "BackupType": "USER",
        "BackupCreationDateTime": body["Created"],
    }


def _find(connection: Connection, ctx: Context, arn: str) -> tuple[int, Body]:
    row = connection.execute(
        "SELECT number, body FROM backups WHERE account = ? AND region = ? AND arn = ?",
        (ctx.account, ctx.region, arn),
    ).fetchone()
    if row is None:
        raise AwsError("BackupNotFoundException", f"Backup not found: {arn}")
    return row[0], rows.load(row[1])


def _description(ctx: Context, arn: str, body: Body) -> dict[str, Any]:
    table = Table(0, ctx.account, ctx.region, body["Table"], body["Body"])
    shown = descriptions.table(table, (body["Count"], body["Size"], {}))
    throughput = shown["ProvisionedThroughput"]
    features = {
        "LocalSecondaryIndexes": [_index(e) for e in body["Body"].get("LocalIndexes") or ()],
        "GlobalSecondaryIndexes": [_index(e) for e in body["Body"].get("GlobalIndexes") or ()],
        "StreamDescription": body["Body"].get("StreamSpecification"),
        "SSEDescription": descriptions.encryption(table),
    }
    return {
        "BackupDetails": _details(arn, body),
        "SourceTableDetails": {
            "TableName": table.name,
            "TableId": shown["TableId"],
            "TableArn": table.arn,
            "TableSizeBytes": body["Size"],
            "KeySchema": shown["KeySchema"],
            "TableCreationDateTime": shown["CreationDateTime"],
            "ProvisionedThroughput": {
                name: throughput[name] for name in ("ReadCapacityUnits", "WriteCapacityUnits")
            },
            "ItemCount": body["Count"],
            "BillingMode": body["Body"]["BillingMode"],
        },
        "SourceTableFeatureDetails": {k: v for k, v in features.items() if v},
    }


def _index(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != "Number"}


async def describe_backup(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeBackup.html."""
    arn = request["BackupArn"]
    _, body = await of(ctx).read(partial(_find, ctx=ctx, arn=arn))
    return {"BackupDescription": _description(ctx, arn, body)}


async def delete_backup(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteBackup.html."""
    arn = request["BackupArn"]

    def work(connection: Connection) -> Body:
        number, body = _find(connection, ctx, arn)
        connection.execute("DELETE FROM backups WHERE number = ?", (number,))
        connection.execute("DELETE FROM backup_items WHERE backup_number = ?", (number,))
        return body

    body = await of(ctx).database.write(work)
    shown = _description(ctx, arn, body)
    shown["BackupDetails"]["BackupStatus"] = "DELETED"
    return {"BackupDescription": shown}


async def list_backups(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListBackups.html."""
    found = await of(ctx).read(
        lambda c: c.execute(
            "SELECT arn, body FROM backups WHERE account = ? AND region = ? ORDER BY arn",
            (ctx.account, ctx.region),
        ).fetchall()
    )
    name = request.get("TableName")
    plain = split(name, ctx.account, ctx.region)[2] if name else None
    summaries = []
    for arn, kept in found:
        body = rows.load(kept)
        if plain not in (None, body["Table"]):
            continue
        if not (
            request.get("TimeRangeLowerBound", 0.0)
            <= body["Created"]
            < request.get("TimeRangeUpperBound", float("inf"))
        ):
            continue
        if arn <= request.get("ExclusiveStartBackupArn", ""):
            continue
        summaries.append(
            {
                "TableName": body["Table"],
                "TableId": body["Body"]["TableId"],
                "TableArn": arn.partition("/backup/")[0],
                **_details(arn, body),
            }
        )
    limit = request.get("Limit", 100)
    answer: Response = {"BackupSummaries": summaries[:limit]}
    if len(summaries) > limit:
        answer["LastEvaluatedBackupArn"] = summaries[limit - 1]["BackupArn"]
    return answer


async def restore_table_from_backup(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableFromBackup.html."""
    arn = request["BackupArn"]
    number, body = await of(ctx).read(partial(_find, ctx=ctx, arn=arn))
    source = (
        "SELECT ?, partition, sort, body, size FROM backup_items WHERE backup_number = ?",
        number,
    )
    summary = {
        "SourceBackupArn": arn,
        "SourceTableArn": arn.partition("/backup/")[0],
        "RestoreDateTime": body["Created"],
        "RestoreInProgress": False,
    }
    return await _restore(ctx, request, body["Body"], summary, source)


async def restore_table_to_point_in_time(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableToPointInTime.html."""
    name = request.get("SourceTableArn") or request.get("SourceTableName") or ""
    table = lookup(ctx, name)
    if table is None:
        raise table_not_found(split(name, ctx.account, ctx.region)[2])
    if not table.body.get("Recovery"):
        raise AwsError(
            "PointInTimeRecoveryUnavailableException",
            f"Point in time recovery is not enabled for table '{table.name}'",
        )
    if not request.get("UseLatestRestorableTime"):
        raise AwsError(
            "NotImplementedException",
            "localfaas keeps no history of tables: it restores the latest time only "
            "(UseLatestRestorableTime), or a backup.",
            status=400,
        )
    source = (
        "SELECT ?, partition, sort, body, size FROM items WHERE table_number = ?",
        table.number,
    )
    summary = {
        "SourceTableArn": table.arn,
        "RestoreDateTime": ctx.clock.now(),
        "RestoreInProgress": False,
    }
    return await _restore(ctx, request, table.body, summary, source)


async def _restore(
    ctx: Context, request: Request, before: Body, summary: Body, source: tuple[str, int]
) -> Response:
    name = request["TargetTableName"]
    if lookup(ctx, name) is not None:
        raise AwsError("TableAlreadyExistsException", f"Table already exists: {name}")
    if not name:
        raise invalid("TargetTableName is required")
    body: Body = {key: value for key, value in before.items() if key not in _NOT_RESTORED}
    body |= {
        "TableId": str(uuid.uuid4()),
        "Created": ctx.clock.now(),
        "DeletionProtection": False,
        "Tags": {},
        "RestoreSummary": summary,
    }
    for member, kept in (
        ("BillingModeOverride", "BillingMode"),
        ("ProvisionedThroughputOverride", "Throughput"),
        ("SSESpecificationOverride", "SSESpecification"),
    ):
        if member in request:
            body[kept] = request[member]
    for member, kept in (
        ("LocalSecondaryIndexOverride", "LocalIndexes"),
        ("GlobalSecondaryIndexOverride", "GlobalIndexes"),
    ):
        if member in request:
            body[kept] = [number_index(body, each) for each in request[member]]

    def fill(connection: Connection, table: Table) -> None:
        statement, number = source
        connection.execute(
            f"INSERT INTO items (table_number, partition, sort, body, size) {statement}",
            (table.number, number),
        )
        for index in table.indexes.values():
            rows.fill_index(connection, table, index)

    table = await make(ctx, name, body, fill)
    shown = descriptions.table(table, status="CREATING")
    shown["RestoreSummary"] = {**summary, "RestoreInProgress": True}
    return {"TableDescription": shown}
