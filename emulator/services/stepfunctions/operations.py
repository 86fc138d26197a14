"""The operations of Step Functions by their wire names.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_Operations.html
"""

from __future__ import annotations

from emulator.services.service import Operation
from emulator.services.stepfunctions import (
    activities,
    aliases,
    callbacks,
    executions,
    machines,
    map_run_operations,
    tags,
    trials,
    versions,
)

OPERATIONS: dict[str, Operation] = {
    "CreateActivity": activities.create_activity,
    "CreateStateMachine": machines.create_state_machine,
    "CreateStateMachineAlias": aliases.create_state_machine_alias,
    "DeleteActivity": activities.delete_activity,
    "DeleteStateMachine": machines.delete_state_machine,
    "DeleteStateMachineAlias": aliases.delete_state_machine_alias,
    "DeleteStateMachineVersion": versions.delete_state_machine_version,
    "DescribeActivity": activities.describe_activity,
    "DescribeExecution": executions.describe_execution,
    "DescribeMapRun": map_run_operations.describe_map_run,
    "DescribeStateMachine": machines.describe_state_machine,
    "DescribeStateMachineAlias": aliases.describe_state_machine_alias,
    "DescribeStateMachineForExecution": executions.describe_state_machine_for_execution,
    "GetActivityTask": activities.get_activity_task,
    "GetExecutionHistory": executions.get_execution_history,
    "ListActivities": activities.list_activities,
    "ListExecutions": executions.list_executions,
    "ListMapRuns": map_run_operations.list_map_runs,
    "ListStateMachineAliases": aliases.list_state_machine_aliases,
    "ListStateMachineVersions": versions.list_state_machine_versions,
    "ListStateMachines": machines.list_state_machines,
    "ListTagsForResource": tags.list_tags_for_resource,
    "PublishStateMachineVersion": versions.publish_state_machine_version,
    "RedriveExecution": executions.redrive_execution,
    "SendTaskFailure": callbacks.send_task_failure,
    "SendTaskHeartbeat": callbacks.send_task_heartbeat,
    "SendTaskSuccess": callbacks.send_task_success,
    "StartExecution": executions.start_execution,
    "StartSyncExecution": executions.start_sync_execution,
    "StopExecution": executions.stop_execution,
    "TagResource": tags.tag_resource,
    "TestState": trials.test_state,
    "UntagResource": tags.untag_resource,
    "UpdateMapRun": map_run_operations.update_map_run,
    "UpdateStateMachine": machines.update_state_machine,
    "UpdateStateMachineAlias": aliases.update_state_machine_alias,
    "ValidateStateMachineDefinition": trials.validate_state_machine_definition,
}

UNSUPPORTED: dict[str, str] = {}
