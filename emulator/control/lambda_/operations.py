"""Every operation of the Lambda API: what serves it, or that nothing does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from emulator.control.context import Context
from emulator.control.lambda_ import concurrency, functions, invocation

Handler = Callable[[Context, Mapping[str, Any]], Awaitable[dict[str, Any]]]

OPERATIONS: dict[str, Handler] = {
    "CreateFunction": functions.create_function,
    "DeleteFunction": functions.delete_function,
    "DeleteFunctionConcurrency": concurrency.delete_function_concurrency,
    "GetFunction": functions.get_function,
    "GetFunctionConcurrency": concurrency.get_function_concurrency,
    "GetFunctionConfiguration": functions.get_function_configuration,
    "Invoke": invocation.invoke,
    "ListFunctions": functions.list_functions,
    "PutFunctionConcurrency": concurrency.put_function_concurrency,
    "UpdateFunctionCode": functions.update_function_code,
    "UpdateFunctionConfiguration": functions.update_function_configuration,
}

_LATER = "localfaas does not serve {} yet."

UNSUPPORTED: dict[str, str] = {
    name: _LATER.format(name)
    for name in """
    AddLayerVersionPermission AddPermission CheckpointDurableExecution CreateAlias
    CreateCapacityProvider CreateCodeSigningConfig CreateEventSourceMapping
    CreateFunctionUrlConfig DeleteAlias DeleteCapacityProvider DeleteCodeSigningConfig
    DeleteDurableExecution DeleteEventSourceMapping DeleteFunctionCodeSigningConfig
    DeleteFunctionEventInvokeConfig DeleteFunctionUrlConfig DeleteLayerVersion
    DeleteProvisionedConcurrencyConfig DeleteResourcePolicy GetAccountSettings GetAlias
    GetCapacityProvider GetCodeSigningConfig GetDurableExecution GetDurableExecutionHistory
    GetDurableExecutionState GetEventSourceMapping GetFunctionCodeSigningConfig
    GetFunctionEventInvokeConfig GetFunctionRecursionConfig GetFunctionScalingConfig
    GetFunctionUrlConfig GetLayerVersion GetLayerVersionByArn GetLayerVersionPolicy GetPolicy
    GetProvisionedConcurrencyConfig GetResourcePolicy GetRuntimeManagementConfig InvokeAsync
    InvokeWithResponseStream ListAliases ListCapacityProviders ListCodeSigningConfigs
    ListDurableExecutionsByFunction ListEventSourceMappings ListFunctionEventInvokeConfigs
    ListFunctionUrlConfigs ListFunctionVersionsByCapacityProvider
    ListFunctionsByCodeSigningConfig ListLayerVersions ListLayers
    ListProvisionedConcurrencyConfigs ListTags ListVersionsByFunction PauseDurableExecution
    PublishLayerVersion PublishVersion PutFunctionCodeSigningConfig
    PutFunctionEventInvokeConfig PutFunctionRecursionConfig PutFunctionScalingConfig
    PutProvisionedConcurrencyConfig PutResourcePolicy PutRuntimeManagementConfig
    RemoveLayerVersionPermission RemovePermission ResumeDurableExecution
    SendDurableExecutionCallbackFailure SendDurableExecutionCallbackHeartbeat
    SendDurableExecutionCallbackSuccess StopDurableExecution TagResource UntagResource
    UpdateAlias UpdateCapacityProvider UpdateCodeSigningConfig UpdateEventSourceMapping
    UpdateFunctionEventInvokeConfig UpdateFunctionUrlConfig
    """.split()
}
