"""Every operation of CloudFormation: what serves it, or why nothing does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from emulator.services.cloudformation import change_sets, listing, stacks, templates
from emulator.services.context import Context, Request, Response

OPERATIONS: dict[str, Callable[[Context, Request], Awaitable[Response]]] = {
    "CancelUpdateStack": stacks.cancel_update_stack,
    "ContinueUpdateRollback": stacks.continue_update_rollback,
    "CreateChangeSet": change_sets.create_change_set,
    "CreateStack": stacks.create_stack,
    "DeleteChangeSet": change_sets.delete_change_set,
    "DeleteStack": stacks.delete_stack,
    "DescribeChangeSet": change_sets.describe_change_set,
    "DescribeStackEvents": listing.describe_stack_events,
    "DescribeStackResource": listing.describe_stack_resource,
    "DescribeStackResources": listing.describe_stack_resources,
    "DescribeStacks": stacks.describe_stacks,
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

_DRIFT = "localfaas does not detect drift: what it makes changes through its own APIs only."
_SETS = "localfaas serves stacks, and no stack sets."
_TYPES = "localfaas knows AWS's public types, and registers none."
_REFACTORING = "localfaas does not refactor stacks, nor generate templates."

UNSUPPORTED: dict[str, str] = {
    **dict.fromkeys(
        """DescribeStackDriftDetectionStatus DescribeStackResourceDrifts DetectStackDrift
        DetectStackResourceDrift DetectStackSetDrift ListStackInstanceResourceDrifts""".split(),
        _DRIFT,
    ),
    **dict.fromkeys(
        """ActivateOrganizationsAccess CreateStackInstances CreateStackSet
        DeactivateOrganizationsAccess DeleteStackInstances DeleteStackSet
        DescribeOrganizationsAccess DescribeStackInstance DescribeStackSet
        DescribeStackSetOperation ImportStacksToStackSet ListStackInstances
        ListStackSetAutoDeploymentTargets ListStackSetOperationResults ListStackSetOperations
        ListStackSets StopStackSetOperation UpdateStackInstances UpdateStackSet""".split(),
        _SETS,
    ),
    **dict.fromkeys(
        """ActivateType BatchDescribeTypeConfigurations DeactivateType DeregisterType
        DescribeChangeSetHooks DescribePublisher DescribeType DescribeTypeRegistration
        GetHookResult ListHookResults ListTypeRegistrations ListTypeVersions PublishType
        RecordHandlerProgress RegisterPublisher RegisterType RemoveAlias SetAlias
        SetTypeConfiguration SetTypeDefaultVersion TestType""".split(),
        _TYPES,
    ),
    **dict.fromkeys(
        """CreateGeneratedTemplate CreateStackRefactor DeleteGeneratedTemplate
        DescribeGeneratedTemplate DescribeResourceScan DescribeStackRefactor ExecuteStackRefactor
        GetGeneratedTemplate ListGeneratedTemplates ListResourceScanRelatedResources
        ListResourceScanResources ListResourceScans ListStackRefactorActions ListStackRefactors
        StartResourceScan UpdateGeneratedTemplate""".split(),
        _REFACTORING,
    ),
    "DescribeAccountLimits": "localfaas limits stacks as AWS does by default, and shows no limits.",
    "DescribeEvents": "localfaas shows a stack's events with DescribeStackEvents.",
    "EstimateTemplateCost": "localfaas does not estimate what a template's resources cost.",
    "SignalResource": "localfaas makes no resources that wait for signals of instances.",
}
