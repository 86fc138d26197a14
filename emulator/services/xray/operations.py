"""Every operation of X-Ray: what serves it, or why nothing does."""

from __future__ import annotations

from emulator.services.service import Operation, unsupported
from emulator.services.xray import accounts, getting, groups, rules, sending, tagging

OPERATIONS: dict[str, Operation] = {
    "BatchGetTraces": getting.batch_get_traces,
    "CreateGroup": groups.create_group,
    "CreateSamplingRule": rules.create_sampling_rule,
    "DeleteGroup": groups.delete_group,
    "DeleteResourcePolicy": accounts.delete_resource_policy,
    "DeleteSamplingRule": rules.delete_sampling_rule,
    "GetEncryptionConfig": accounts.get_encryption_config,
    "GetGroup": groups.get_group,
    "GetGroups": groups.get_groups,
    "GetSamplingRules": rules.get_sampling_rules,
    "GetSamplingStatisticSummaries": rules.get_sampling_statistic_summaries,
    "GetSamplingTargets": rules.get_sampling_targets,
    "GetServiceGraph": getting.get_service_graph,
    "GetTimeSeriesServiceStatistics": getting.get_time_series_service_statistics,
    "GetTraceGraph": getting.get_trace_graph,
    "GetTraceSegmentDestination": accounts.get_trace_segment_destination,
    "GetTraceSummaries": getting.get_trace_summaries,
    "ListResourcePolicies": accounts.list_resource_policies,
    "ListTagsForResource": tagging.list_tags_for_resource,
    "PutEncryptionConfig": accounts.put_encryption_config,
    "PutResourcePolicy": accounts.put_resource_policy,
    "PutTelemetryRecords": sending.put_telemetry_records,
    "PutTraceSegments": sending.put_trace_segments,
    "TagResource": tagging.tag_resource,
    "UntagResource": tagging.untag_resource,
    "UpdateGroup": groups.update_group,
    "UpdateSamplingRule": rules.update_sampling_rule,
}

UNSUPPORTED = unsupported(
    "GetInsight GetInsightEvents GetInsightImpactGraph GetInsightSummaries",
    "localfaas does not serve {}: it looks for no anomalies in traces.",
) | unsupported(
    """
        CancelTraceRetrieval GetIndexingRules GetRetrievedTracesGraph ListRetrievedTraces
        StartTraceRetrieval UpdateIndexingRule UpdateTraceSegmentDestination
        """,
    "localfaas does not serve {}: it has no Transaction Search, traces stay with X-Ray.",
)
