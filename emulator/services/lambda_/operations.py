"""Every operation of the Lambda API: the function that serves it, or why none does."""

from __future__ import annotations

from emulator.services.lambda_ import tags
from emulator.services.lambda_.access import permissions, urls
from emulator.services.lambda_.code import code_signing, layers
from emulator.services.lambda_.concurrency import (
    account_settings as account,
)
from emulator.services.lambda_.concurrency import (
    provisioned,
    scaling,
)
from emulator.services.lambda_.concurrency import (
    reserved as concurrency,
)
from emulator.services.lambda_.functions import aliases, runtime_management, versions
from emulator.services.lambda_.functions import crud as functions
from emulator.services.lambda_.invoking import (
    event_invoke,
)
from emulator.services.lambda_.invoking import (
    invoke as invocation,
)
from emulator.services.lambda_.invoking import (
    recursion_config as recursion,
)
from emulator.services.lambda_.lifecycle import capacity_providers
from emulator.services.lambda_.mappings import crud as mappings
from emulator.services.service import Operation, unsupported

OPERATIONS: dict[str, Operation] = {
    "AddLayerVersionPermission": layers.add_layer_version_permission,
    "AddPermission": permissions.add_permission,
    "CreateAlias": aliases.create_alias,
    "CreateCapacityProvider": capacity_providers.create_capacity_provider,
    "CreateCodeSigningConfig": code_signing.create_code_signing_config,
    "CreateEventSourceMapping": mappings.create_event_source_mapping,
    "CreateFunction": functions.create_function,
    "CreateFunctionUrlConfig": urls.create_function_url_config,
    "DeleteAlias": aliases.delete_alias,
    "DeleteCapacityProvider": capacity_providers.delete_capacity_provider,
    "DeleteCodeSigningConfig": code_signing.delete_code_signing_config,
    "DeleteEventSourceMapping": mappings.delete_event_source_mapping,
    "DeleteFunction": functions.delete_function,
    "DeleteFunctionCodeSigningConfig": code_signing.delete_function_code_signing_config,
    "DeleteFunctionConcurrency": concurrency.delete_function_concurrency,
    "DeleteFunctionEventInvokeConfig": event_invoke.delete_function_event_invoke_config,
    "DeleteFunctionUrlConfig": urls.delete_function_url_config,
    "DeleteLayerVersion": layers.delete_layer_version,
    "DeleteProvisionedConcurrencyConfig": provisioned.delete_provisioned_concurrency_config,
    "DeleteResourcePolicy": permissions.delete_resource_policy,
    "GetAccountSettings": account.get_account_settings,
    "GetAlias": aliases.get_alias,
    "GetCapacityProvider": capacity_providers.get_capacity_provider,
    "GetCodeSigningConfig": code_signing.get_code_signing_config,
    "GetEventSourceMapping": mappings.get_event_source_mapping,
    "GetFunction": functions.get_function,
    "GetFunctionCodeSigningConfig": code_signing.get_function_code_signing_config,
    "GetFunctionConcurrency": concurrency.get_function_concurrency,
    "GetFunctionConfiguration": functions.get_function_configuration,
    "GetFunctionEventInvokeConfig": event_invoke.get_function_event_invoke_config,
    "GetFunctionRecursionConfig": recursion.get_function_recursion_config,
    "GetFunctionScalingConfig": scaling.get_function_scaling_config,
    "GetFunctionUrlConfig": urls.get_function_url_config,
    "GetLayerVersion": layers.get_layer_version,
    "GetLayerVersionByArn": layers.get_layer_version_by_arn,
    "GetLayerVersionPolicy": layers.get_layer_version_policy,
    "GetPolicy": permissions.get_policy,
    "GetProvisionedConcurrencyConfig": provisioned.get_provisioned_concurrency_config,
    "GetResourcePolicy": permissions.get_resource_policy,
    "GetRuntimeManagementConfig": runtime_management.get_runtime_management_config,
    "Invoke": invocation.invoke,
    "InvokeAsync": invocation.invoke_async,
    "InvokeWithResponseStream": invocation.invoke_with_response_stream,
    "ListAliases": aliases.list_aliases,
    "ListCapacityProviders": capacity_providers.list_capacity_providers,
    "ListCodeSigningConfigs": code_signing.list_code_signing_configs,
    "ListEventSourceMappings": mappings.list_event_source_mappings,
    "ListFunctionEventInvokeConfigs": event_invoke.list_function_event_invoke_configs,
    "ListFunctionUrlConfigs": urls.list_function_url_configs,
    "ListFunctionVersionsByCapacityProvider": (
        capacity_providers.list_function_versions_by_capacity_provider
    ),
    "ListFunctions": functions.list_functions,
    "ListFunctionsByCodeSigningConfig": code_signing.list_functions_by_code_signing_config,
    "ListLayerVersions": layers.list_layer_versions,
    "ListLayers": layers.list_layers,
    "ListProvisionedConcurrencyConfigs": provisioned.list_provisioned_concurrency_configs,
    "ListTags": tags.list_tags,
    "ListVersionsByFunction": versions.list_versions_by_function,
    "PublishLayerVersion": layers.publish_layer_version,
    "PublishVersion": versions.publish_version,
    "PutFunctionCodeSigningConfig": code_signing.put_function_code_signing_config,
    "PutFunctionConcurrency": concurrency.put_function_concurrency,
    "PutFunctionEventInvokeConfig": event_invoke.put_function_event_invoke_config,
    "PutFunctionRecursionConfig": recursion.put_function_recursion_config,
    "PutFunctionScalingConfig": scaling.put_function_scaling_config,
    "PutProvisionedConcurrencyConfig": provisioned.put_provisioned_concurrency_config,
    "PutResourcePolicy": permissions.put_resource_policy,
    "PutRuntimeManagementConfig": runtime_management.put_runtime_management_config,
    "RemoveLayerVersionPermission": layers.remove_layer_version_permission,
    "RemovePermission": permissions.remove_permission,
    "TagResource": tags.tag_resource,
    "UntagResource": tags.untag_resource,
    "UpdateAlias": aliases.update_alias,
    "UpdateCapacityProvider": capacity_providers.update_capacity_provider,
    "UpdateCodeSigningConfig": code_signing.update_code_signing_config,
    "UpdateEventSourceMapping": mappings.update_event_source_mapping,
    "UpdateFunctionCode": functions.update_function_code,
    "UpdateFunctionConfiguration": functions.update_function_configuration,
    "UpdateFunctionEventInvokeConfig": event_invoke.update_function_event_invoke_config,
    "UpdateFunctionUrlConfig": urls.update_function_url_config,
}

#: The error texts of operations that are not served.
UNSUPPORTED = unsupported(
    """
    CheckpointDurableExecution DeleteDurableExecution GetDurableExecution
    GetDurableExecutionHistory GetDurableExecutionState ListDurableExecutionsByFunction
    PauseDurableExecution ResumeDurableExecution SendDurableExecutionCallbackFailure
    SendDurableExecutionCallbackHeartbeat SendDurableExecutionCallbackSuccess
    StopDurableExecution
    """,
    "localfaas does not serve {} yet.",
)
