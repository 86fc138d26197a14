"""The operations of CloudWatch Logs: those that write, read and retain logs are served."""

from __future__ import annotations

from functools import wraps

from emulator.services.context import Context, Request, Response
from emulator.services.logs import events, groups, metric_filters, streams, subscriptions
from emulator.services.service import Operation, unsupported


def _complete(operation: Operation) -> Operation:
    """Let an operation wait until what outlived a restart is loaded."""

    @wraps(operation)
    async def call(ctx: Context, request: Request) -> Response:
        await ctx.parts.logs.loaded()
        return await operation(ctx, request)

    return call


_OPERATIONS: dict[str, Operation] = {
    "CreateLogGroup": groups.create_log_group,
    "CreateLogStream": streams.create_log_stream,
    "DeleteLogGroup": groups.delete_log_group,
    "DeleteLogStream": streams.delete_log_stream,
    "DeleteMetricFilter": metric_filters.delete_metric_filter,
    "DeleteRetentionPolicy": groups.delete_retention_policy,
    "DeleteSubscriptionFilter": subscriptions.delete_subscription_filter,
    "DescribeLogGroups": groups.describe_log_groups,
    "DescribeLogStreams": streams.describe_log_streams,
    "DescribeMetricFilters": metric_filters.describe_metric_filters,
    "DescribeSubscriptionFilters": subscriptions.describe_subscription_filters,
    "FilterLogEvents": events.filter_log_events,
    "GetLogEvents": events.get_log_events,
    "ListTagsForResource": groups.list_tags_for_resource,
    "ListTagsLogGroup": groups.list_tags_log_group,
    "PutLogEvents": events.put_log_events,
    "PutMetricFilter": metric_filters.put_metric_filter,
    "PutRetentionPolicy": groups.put_retention_policy,
    "PutSubscriptionFilter": subscriptions.put_subscription_filter,
    "TagLogGroup": groups.tag_log_group,
    "TagResource": groups.tag_resource,
    "TestMetricFilter": metric_filters.test_metric_filter,
    "UntagLogGroup": groups.untag_log_group,
    "UntagResource": groups.untag_resource,
}

OPERATIONS = {name: _complete(operation) for name, operation in _OPERATIONS.items()}

_NO_INSIGHTS = "localfaas does not serve {} of CloudWatch Logs Insights; use FilterLogEvents."

#: The error texts of operations that are not served.
UNSUPPORTED = {
    **unsupported(
        """
        DeleteQueryDefinition DescribeQueries DescribeQueryDefinitions GetLogFields
        GetLogGroupFields GetLogRecord GetQueryResults ListLogGroupsForQuery PutQueryDefinition
        StartQuery StopQuery
        """,
        _NO_INSIGHTS,
    ),
    **unsupported(
        """
        AssociateKmsKey AssociateSourceToS3TableIntegration CancelExportTask CancelImportTask
        CreateDelivery CreateExportTask CreateImportTask CreateLogAnomalyDetector
        CreateLookupTable CreateScheduledQuery DeleteAccountPolicy DeleteDataProtectionPolicy
        DeleteDelivery DeleteDeliveryDestination DeleteDeliveryDestinationPolicy
        DeleteDeliverySource DeleteDestination DeleteIndexPolicy DeleteIntegration
        DeleteLogAnomalyDetector DeleteLookupTable DeleteResourcePolicy
        DeleteScheduledQuery DeleteSyslogConfiguration
        DeleteTransformer DescribeAccountPolicies DescribeConfigurationTemplates
        DescribeDeliveries DescribeDeliveryDestinations DescribeDeliverySources
        DescribeDestinations DescribeExportTasks DescribeFieldIndexes DescribeImportTaskBatches
        DescribeImportTasks DescribeIndexPolicies DescribeLookupTables
        DescribeResourcePolicies DisassociateKmsKey
        DisassociateSourceFromS3TableIntegration GetDataProtectionPolicy GetDelivery
        GetDeliveryDestination GetDeliveryDestinationPolicy GetDeliverySource GetIntegration
        GetLogAnomalyDetector GetLogObject GetLookupTable GetScheduledQuery
        GetScheduledQueryHistory GetStorageTierPolicy GetTransformer
        ListAggregateLogGroupSummaries ListAnomalies ListIntegrations ListLogAnomalyDetectors
        ListLogGroups ListScheduledQueries ListSourcesForS3TableIntegration
        ListSyslogConfigurations PutAccountPolicy PutBearerTokenAuthentication
        PutDataProtectionPolicy PutDeliveryDestination PutDeliveryDestinationPolicy
        PutDeliverySource PutDestination PutDestinationPolicy PutIndexPolicy PutIntegration
        PutLogGroupDeletionProtection PutResourcePolicy PutStorageTierPolicy
        PutSyslogConfiguration PutTransformer
        TestTransformer UpdateAnomaly UpdateDeliveryConfiguration UpdateLogAnomalyDetector
        UpdateLookupTable UpdateScheduledQuery
        """,
        "localfaas does not serve {} of CloudWatch Logs.",
    ),
    "StartLiveTail": "localfaas does not serve StartLiveTail; FilterLogEvents, which `aws logs "
    "tail --follow` uses, shows new events at once.",
}
