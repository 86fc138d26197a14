"""Every operation of EventBridge: what serves it, or why nothing does."""

from __future__ import annotations

from emulator.services.events import (
    api_destinations,
    archives,
    buses,
    connections,
    publishing,
    replays,
    rules,
    tags,
    targets,
)
from emulator.services.service import Operation, unsupported

OPERATIONS: dict[str, Operation] = {
    "CancelReplay": replays.cancel_replay,
    "CreateApiDestination": api_destinations.create_api_destination,
    "CreateArchive": archives.create_archive,
    "CreateConnection": connections.create_connection,
    "CreateEventBus": buses.create_event_bus,
    "DeauthorizeConnection": connections.deauthorize_connection,
    "DeleteApiDestination": api_destinations.delete_api_destination,
    "DeleteArchive": archives.delete_archive,
    "DeleteConnection": connections.delete_connection,
    "DeleteEventBus": buses.delete_event_bus,
    "DeleteRule": rules.delete_rule,
    "DescribeApiDestination": api_destinations.describe_api_destination,
    "DescribeArchive": archives.describe_archive,
    "DescribeConnection": connections.describe_connection,
    "DescribeEventBus": buses.describe_event_bus,
    "DescribeReplay": replays.describe_replay,
    "DescribeRule": rules.describe_rule,
    "DisableRule": rules.disable_rule,
    "EnableRule": rules.enable_rule,
    "ListApiDestinations": api_destinations.list_api_destinations,
    "ListArchives": archives.list_archives,
    "ListConnections": connections.list_connections,
    "ListEventBuses": buses.list_event_buses,
    "ListReplays": replays.list_replays,
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
    "StartReplay": replays.start_replay,
    "TagResource": tags.tag_resource,
    "TestEventPattern": rules.test_event_pattern,
    "UntagResource": tags.untag_resource,
    "UpdateApiDestination": api_destinations.update_api_destination,
    "UpdateArchive": archives.update_archive,
    "UpdateConnection": connections.update_connection,
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
        "CreateEndpoint DeleteEndpoint DescribeEndpoint ListEndpoints UpdateEndpoint",
        "localfaas does not serve {}: a global endpoint fails over to another region of AWS.",
    ),
}
