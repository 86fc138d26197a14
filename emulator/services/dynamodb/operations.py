"""Every operation of DynamoDB: what serves it, or why nothing does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

from emulator.services.context import Context, Request, Response
from emulator.services.dynamodb import (
    backups,
    batches,
    destinations,
    details,
    items,
    reading,
    tables,
    transactions,
)
from emulator.services.dynamodb.partiql import statements
from emulator.services.dynamodb.state import of
from emulator.services.service import unsupported

Operation = Callable[[Context, Request], Awaitable[Response]]


def _in_turn(operation: Operation) -> Operation:
    """Let each change of a table start from what the one before it has kept."""

    @wraps(operation)
    async def run(context: Context, request: Request) -> Response:
        async with of(context).changing:
            return await operation(context, request)

    return run


OPERATIONS: dict[str, Operation] = {
    "BatchExecuteStatement": statements.batch_execute_statement,
    "BatchGetItem": batches.batch_get_item,
    "BatchWriteItem": batches.batch_write_item,
    "CreateBackup": backups.create_backup,
    "CreateTable": _in_turn(tables.create_table),
    "DeleteBackup": backups.delete_backup,
    "DeleteItem": items.delete_item,
    "DeleteResourcePolicy": _in_turn(details.delete_resource_policy),
    "DeleteTable": _in_turn(tables.delete_table),
    "DescribeBackup": backups.describe_backup,
    "DescribeContinuousBackups": details.describe_continuous_backups,
    "DescribeContributorInsights": details.describe_contributor_insights,
    "DescribeEndpoints": details.describe_endpoints,
    "DescribeKinesisStreamingDestination": destinations.describe_kinesis_streaming_destination,
    "DescribeLimits": details.describe_limits,
    "DescribeTable": tables.describe_table,
    "DescribeTimeToLive": details.describe_time_to_live,
    "DisableKinesisStreamingDestination": _in_turn(
        destinations.disable_kinesis_streaming_destination
    ),
    "EnableKinesisStreamingDestination": _in_turn(
        destinations.enable_kinesis_streaming_destination
    ),
    "ExecuteStatement": statements.execute_statement,
    "ExecuteTransaction": statements.execute_transaction,
    "GetItem": items.get_item,
    "GetResourcePolicy": details.get_resource_policy,
    "ListBackups": backups.list_backups,
    "ListContributorInsights": details.list_contributor_insights,
    "ListTables": tables.list_tables,
    "ListTagsOfResource": details.list_tags_of_resource,
    "PutItem": items.put_item,
    "PutResourcePolicy": _in_turn(details.put_resource_policy),
    "Query": reading.query,
    "RestoreTableFromBackup": _in_turn(backups.restore_table_from_backup),
    "RestoreTableToPointInTime": _in_turn(backups.restore_table_to_point_in_time),
    "Scan": reading.scan,
    "TagResource": _in_turn(details.tag_resource),
    "TransactGetItems": transactions.transact_get_items,
    "TransactWriteItems": transactions.transact_write_items,
    "UntagResource": _in_turn(details.untag_resource),
    "UpdateContinuousBackups": _in_turn(details.update_continuous_backups),
    "UpdateContributorInsights": _in_turn(details.update_contributor_insights),
    "UpdateItem": items.update_item,
    "UpdateKinesisStreamingDestination": _in_turn(
        destinations.update_kinesis_streaming_destination
    ),
    "UpdateTable": _in_turn(tables.update_table),
    "UpdateTimeToLive": _in_turn(details.update_time_to_live),
}

UNSUPPORTED = {
    **unsupported(
        "CreateGlobalTable DescribeGlobalTable DescribeGlobalTableSettings ListGlobalTables "
        "UpdateGlobalTable UpdateGlobalTableSettings",
        "localfaas does not serve {}, of version 2017.11.29 of global tables. "
        "Add replicas with UpdateTable (version 2019.11.21).",
    ),
    **unsupported(
        "DescribeExport DescribeImport ExportTableToPointInTime ImportTable ListExports "
        "ListImports",
        "localfaas does not serve {}: it neither exports tables to S3 nor imports them.",
    ),
    **unsupported(
        "DescribeTableReplicaAutoScaling UpdateTableReplicaAutoScaling",
        "localfaas does not serve {}: tables here have no capacity that could scale.",
    ),
    **unsupported(
        "CancelBulkOperation DescribeBulkOperation ListBulkOperations SearchVectors "
        "StartBulkPutItems",
        "localfaas does not serve {} yet.",
    ),
}
