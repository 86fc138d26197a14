"""Every operation of CloudFormation: what serves it, or why nothing does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from emulator.services.cloudformation import change_sets, drifting, listing, stacks, templates
from emulator.services.context import Context, Request, Response

OPERATIONS: dict[str, Callable[[Context, Request], Awaitable[Response]]] = {
    "CancelUpdateStack": stacks.cancel_update_stack,
    "ContinueUpdateRollback": stacks.continue_update_rollback,
    "CreateChangeSet": change_sets.create_change_set,
    "CreateStack": stacks.create_stack,
    "DeleteChangeSet": change_sets.delete_change_set,
    "DeleteStack": stacks.delete_stack,
    "DescribeChangeSet": change_sets.describe_change_set,
    "DescribeStackDriftDetectionStatus": drifting.describe_stack_drift_detection_status,
    "DescribeStackEvents": listing.describe_stack_events,
    "DescribeStackResource": listing.describe_stack_resource,
    "DescribeStackResourceDrifts": drifting.describe_stack_resource_drifts,
    "DescribeStackResources": listing.describe_stack_resources,
    "DescribeStacks": stacks.describe_stacks,
    "DescribeType": listing.describe_type,
    "DetectStackDrift": drifting.detect_stack_drift,
    "DetectStackResourceDrift": drifting.detect_stack_resource_drift,
    "ExecuteChangeSet": change_sets.execute_change_set,
    "GetStackPolicy": stacks.get_stack_policy,
    "GetTemplate": templates.get_template,
    "GetTemplateSummary": templates.get_template_summary,
    "ListChangeSets": change_sets.list_change_sets,
    "ListExports": listing.list_exports,
    "ListImports": listing.list_imports,
    "ListStackResources": listing.list_stack_resources,
    "ListStacks": stacks.list_stacks,
    "ListTypes": listing.list_types,
    "RollbackStack": stacks.rollback_stack,
    "SetStackPolicy": stacks.set_stack_policy,
    "UpdateStack": stacks.update_stack,
    "UpdateTerminationProtection": stacks.update_termination_protection,
    "ValidateTemplate": templates.validate_template,
}

#: Why operations are not served, and which.
_REASONS = {
    "it has stacks, and no stack sets": """
        ActivateOrganizationsAccess CreateStackInstances CreateStackSet
        DeactivateOrganizationsAccess DeleteStackInstances DeleteStackSet
        DescribeOrganizationsAccess DescribeStackInstance DescribeStackSet
        DescribeStackSetOperation DetectStackSetDrift ImportStacksToStackSet
        ListStackInstanceResourceDrifts ListStackInstances
        ListStackSetAutoDeploymentTargets ListStackSetOperationResults ListStackSetOperations
        ListStackSets StopStackSetOperation UpdateStackInstances UpdateStackSet""",
    "it knows AWS's public types, and registers none": """
        ActivateType BatchDescribeTypeConfigurations DeactivateType DeregisterType
        DescribeChangeSetHooks DescribePublisher DescribeTypeRegistration
        GetHookResult ListHookResults ListTypeRegistrations ListTypeVersions PublishType
        RecordHandlerProgress RegisterPublisher RegisterType RemoveAlias SetAlias
        SetTypeConfiguration SetTypeDefaultVersion TestType""",
    "it makes stacks of templates, and no templates of resources": """
        CreateGeneratedTemplate DeleteGeneratedTemplate DescribeGeneratedTemplate
        DescribeResourceScan GetGeneratedTemplate ListGeneratedTemplates
        ListResourceScanRelatedResources ListResourceScanResources ListResourceScans
        StartResourceScan UpdateGeneratedTemplate""",
    "resources stay in the stack that made them": """
        CreateStackRefactor DescribeStackRefactor ExecuteStackRefactor ListStackRefactorActions
        ListStackRefactors""",
    "its limits are AWS's": "DescribeAccountLimits",
    "DescribeStackEvents shows a stack's events": "DescribeEvents",
    "what runs here costs nothing": "EstimateTemplateCost",
    "it makes no instances, which alone wait for signals": "SignalResource",
}
UNSUPPORTED: dict[str, str] = {
    name: f"localfaas does not serve {name}: {reason}."
    for reason, names in _REASONS.items()
    for name in names.split()
}
