"""Stacks as answers show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.services.cloudformation.stack import Event, Resource, Stack


def of_stack(stack: Stack) -> dict[str, Any]:
    """Return a stack as DescribeStacks has it."""
    goal = stack.current or stack.goal
    return {
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "Description": stack.description or None,
        "Parameters": of_parameters(stack.parameters, stack.resolved),
        "CreationTime": stack.created_at,
        "DeletionTime": stack.deleted_at,
        "LastUpdatedTime": stack.updated_at,
        "RollbackConfiguration": {},
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason or None,
        "DisableRollback": stack.disable_rollback,
        "NotificationARNs": goal.notification_arns if goal else [],
        "TimeoutInMinutes": stack.timeout_minutes,
        "Capabilities": (goal.capabilities or None) if goal else None,
        "ChangeSetId": None if stack.is_gone else stack.change_set_id or None,
        "Outputs": stack.outputs or None,
        "RoleARN": (goal.role_arn or None) if goal else None,
        "Tags": [{"Key": k, "Value": v} for k, v in (goal.tags if goal else {}).items()],
        "EnableTerminationProtection": None if stack.is_gone else stack.termination_protection,
        "ParentId": stack.parent_id or None,
        "RootId": stack.root_id or None,
        "DriftInformation": {
            "StackDriftStatus": stack.drift.get("status", "NOT_CHECKED"),
            "LastCheckTimestamp": stack.drift.get("at"),
        },
        "LastOperations": [stack.operation] if stack.operation else None,
    }


def of_parameters(shown: Mapping[str, str], resolved: Mapping[str, str]) -> Any:
    """Return parameters as stacks and change sets have them; None for none.

    Args:
        shown: Their values as others may see them, by name.
        resolved: What those that name a parameter of SSM stand for.
    """
    found = [
        {"ParameterKey": name, "ParameterValue": value, "ResolvedValue": resolved.get(name)}
        for name, value in shown.items()
    ]
    return found or None


def of_summary(stack: Stack) -> dict[str, Any]:
    """Return a stack as ListStacks has it."""
    whole = of_stack(stack)
    kept = (
        "StackId StackName CreationTime LastUpdatedTime DeletionTime StackStatus StackStatusReason"
        " ParentId RootId DriftInformation"
    )
    return {name: whole[name] for name in kept.split()} | {
        "TemplateDescription": stack.description or None
    }


def of_resource(stack: Stack, resource: Resource) -> dict[str, Any]:
    """Return a resource as DescribeStackResources has it."""
    return {
        "StackName": stack.name,
        "StackId": stack.stack_id,
        "LogicalResourceId": resource.logical,
        "PhysicalResourceId": resource.physical or None,
        "ResourceType": resource.kind,
        "Timestamp": resource.updated_at,
        "LastUpdatedTimestamp": resource.updated_at,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": _reason(resource) or None,
        "DriftInformation": {
            "StackResourceDriftStatus": resource.drift.get("status", "NOT_CHECKED"),
            "LastCheckTimestamp": resource.drift.get("at"),
        },
    }


def _reason(resource: Resource) -> str:
    """Return why a resource is as it is; what is only noted of one that is there, events say."""
    return "" if resource.status.endswith("_COMPLETE") else resource.reason


def of_event(stack: Stack, event: Event) -> dict[str, Any]:
    """Return an event as DescribeStackEvents has it."""
    return {
        "StackId": stack.stack_id,
        "EventId": event.event_id,
        "StackName": stack.name,
        "LogicalResourceId": event.logical,
        "PhysicalResourceId": event.physical,
        "ResourceType": event.kind,
        "Timestamp": event.at,
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason or None,
        "ResourceProperties": event.properties or None,
        "ClientRequestToken": event.token or None,
        "OperationId": event.operation or None,
    }
