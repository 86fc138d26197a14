"""Every operation of EventBridge: what serves it, or why nothing does."""

from __future__ import annotations

from emulator.services.events import buses, publishing, rules, tags, targets
from emulator.services.service import Operation, unsupported

OPERATIONS: dict[str, Operation] = {
    "CreateEventBus": buses.create_event_bus,
    "DeleteEventBus": buses.delete_event_bus,
    "DeleteRule": rules.delete_rule,
    "DescribeEventBus": buses.describe_event_bus,
    "DescribeRule": rules.describe_rule,
    "DisableRule": rules.disable_rule,
    "EnableRule": rules.enable_rule,
    "ListEventBuses": buses.list_event_buses,
    "ListRuleNamesByTarget": rules.list_rule_names_by_target,
    "ListRules": rules.list_rules,
    "ListTagsForResource": tags.list_tags_for_resource,
    "ListTargetsByRule": targets.list_targets_by_rule,
    "PutEvents": publishing.put_events,
    "PutPermission": buses.put_permission,
    "PutRule": rules.put_rule,
    "PutTargets": targets.put_targets,
    "RemovePermission": buses.remove_permission,
    "RemoveTargets": targets.remove_targets,
    "TagResource": tags.tag_resource,
    "TestEventPattern": rules.test_event_pattern,
    "UntagResource": tags.untag_resource,
    "UpdateEventBus": buses.update_event_bus,
}

UNSUPPORTED = {
    **unsupported(
        """
        ActivateEventSource CreatePartnerEventSource DeactivateEventSource
        DeletePartnerEventSource DescribeEventSource DescribePartnerEventSource ListEventSources
        ListPartnerEventSourceAccounts ListPartnerEventSources PutPartnerEvents
        """,
        "localfaas does not serve {}: there are no partners' event sources here.",
    ),
    **unsupported(
        """
        CancelReplay CreateApiDestination CreateArchive CreateConnection CreateEndpoint
        DeauthorizeConnection DeleteApiDestination DeleteArchive DeleteConnection DeleteEndpoint
        DescribeApiDestination DescribeArchive DescribeConnection DescribeEndpoint DescribeReplay
        ListApiDestinations ListArchives ListConnections ListEndpoints ListReplays StartReplay
        UpdateApiDestination UpdateArchive UpdateConnection UpdateEndpoint
        """,
        "localfaas does not serve {} yet.",
    ),
}
