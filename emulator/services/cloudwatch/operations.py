"""Every operation of CloudWatch: what serves it, or why nothing does."""

from __future__ import annotations

from emulator.services.cloudwatch import (
    configuring,
    dashboards,
    data,
    describing,
    putting,
    reading,
    tagging,
)
from emulator.services.service import Operation, unsupported

OPERATIONS: dict[str, Operation] = {
    "DeleteAlarms": configuring.delete_alarms,
    "DeleteDashboards": dashboards.delete_dashboards,
    "DescribeAlarmContributors": describing.describe_alarm_contributors,
    "DescribeAlarmHistory": describing.describe_alarm_history,
    "DescribeAlarms": describing.describe_alarms,
    "DescribeAlarmsForMetric": describing.describe_alarms_for_metric,
    "DisableAlarmActions": configuring.disable_alarm_actions,
    "EnableAlarmActions": configuring.enable_alarm_actions,
    "GetDashboard": dashboards.get_dashboard,
    "GetMetricData": data.get_metric_data,
    "GetMetricStatistics": reading.get_metric_statistics,
    "ListDashboards": dashboards.list_dashboards,
    "ListMetrics": reading.list_metrics,
    "ListTagsForResource": tagging.list_tags_for_resource,
    "PutCompositeAlarm": configuring.put_composite_alarm,
    "PutDashboard": dashboards.put_dashboard,
    "PutMetricAlarm": configuring.put_metric_alarm,
    "PutMetricData": putting.put_metric_data,
    "SetAlarmState": configuring.set_alarm_state,
    "TagResource": tagging.tag_resource,
    "UntagResource": tagging.untag_resource,
}

UNSUPPORTED = {
    **unsupported(
        "DeleteAnomalyDetector DescribeAnomalyDetectors PutAnomalyDetector",
        "localfaas does not serve {}: it detects no anomalies.",
    ),
    **unsupported(
        """
        DeleteInsightRules DescribeInsightRules DisableInsightRules EnableInsightRules
        GetInsightRuleReport ListManagedInsightRules PutInsightRule PutManagedInsightRules
        """,
        "localfaas does not serve {} of Contributor Insights.",
    ),
    **unsupported(
        """
        DeleteMetricStream GetMetricStream ListMetricStreams PutMetricStream StartMetricStreams
        StopMetricStreams
        """,
        "localfaas does not serve {}: metrics are read with GetMetricData.",
    ),
    **unsupported(
        "DeleteAlarmMuteRule GetAlarmMuteRule ListAlarmMuteRules PutAlarmMuteRule",
        "localfaas does not serve {}; DisableAlarmActions mutes an alarm.",
    ),
    **unsupported(
        """
        AssociateDatasetKmsKey CreateResourceMetricsConfiguration DeleteMetricDataQueryDefinition
        DeleteResourceMetricsConfiguration DisassociateDatasetKmsKey GetDataset
        GetMetricDataQueryDefinition GetOTelEnrichment GetResourceMetricsConfiguration
        ListMetricDataQueryDefinitions PutLogAlarm PutMetricDataQueryDefinition
        StartOTelEnrichment StopOTelEnrichment UpdateOTelEnrichment
        UpdateResourceMetricsConfiguration
        """,
        "localfaas does not serve {} of CloudWatch.",
    ),
    "GetMetricWidgetImage": "localfaas does not serve GetMetricWidgetImage: it draws no graphs.",
}
