"""Event invoke configurations."""

from __future__ import annotations

from typing import Any

from tests.conformance.replay import Replay, Scenario

_PUT = "put_function_event_invoke_config"
_GET = "get_function_event_invoke_config"
_UPDATE = "update_function_event_invoke_config"
_DELETE = "delete_function_event_invoke_config"
_LIST = "list_function_event_invoke_configs"


def lifecycle(s: Scenario) -> None:
    name = s.function()["FunctionName"]
    s.call("put_invokeconfig_retries_0", _PUT, FunctionName=name, MaximumRetryAttempts=0)
    s.call("put_invokeconfig_eventage_60", _PUT, FunctionName=name, MaximumEventAgeInSeconds=60)
    s.call(
        "update_invokeconfig_eventage_nochange",
        _UPDATE,
        FunctionName=name,
        MaximumEventAgeInSeconds=60,
    )
    s.call("update_invokeconfig_retries", _UPDATE, FunctionName=name, MaximumRetryAttempts=1)
    s.call("get_invokeconfig", _GET, FunctionName=name)
    s.call("list_single_invokeconfig", _LIST, FunctionName=name)
    s.call("publish_version_result", "publish_version", FunctionName=name)
    s.call("get_invokeconfig_latest", _GET, FunctionName=name, Qualifier="$LATEST")
    s.refused("get_invokeconfig_postpublish", _GET, FunctionName=name, Qualifier="1")
    s.call(
        "put_published_invokeconfig",
        _PUT,
        FunctionName=name,
        Qualifier="1",
        MaximumEventAgeInSeconds=120,
    )
    s.call("get_published_invokeconfig", _GET, FunctionName=name, Qualifier="1")
    s.client.delete_function_event_invoke_config(FunctionName=name)
    s.call("list_paging_nolimit_postdelete", _LIST, FunctionName=name)


def exceptions(s: Scenario) -> None:
    created = s.function()
    name, arn = created["FunctionName"], created["FunctionArn"]
    other = s.function()["FunctionArn"]

    def put(step: str, function: str = name, **fields: Any) -> None:
        s.call(f"put_{step}", _PUT, FunctionName=function, **fields)

    put("functionname_name_notfound", "doesnotexist", MaximumRetryAttempts=0)
    missing = arn.replace(name, "doesnotexist")
    put("functionname_arn_notfound", missing, MaximumRetryAttempts=0)
    put("functionname_nootherargs")
    put("alias_doesnotexist", MaximumRetryAttempts=0, Qualifier="eventinvokealias")

    for side in ("OnSuccess", "OnFailure"):
        step = f"destination_{side[2:].lower()}_no_destination_arn"
        put(step, DestinationConfig={side: {}})
    put(
        "destination_invalid_arn_pattern",
        DestinationConfig={"OnFailure": {"Destination": arn.replace(":lambda:", ":_-/!lambda:")}},
    )
    put("destination_lambda_doesntexist", DestinationConfig={"OnSuccess": {"Destination": missing}})
    put("destination_recursive", DestinationConfig={"OnSuccess": {"Destination": arn}})
    put("destination_other_lambda", DestinationConfig={"OnSuccess": {"Destination": other}})
    service = arn.replace(":lambda:", ":iam:")
    put(
        "destination_invalid_service_arn", DestinationConfig={"OnSuccess": {"Destination": service}}
    )

    retry: dict[str, Any] = {"MaximumRetryAttempts": 1}
    put("destination_latest", **retry)
    put("destination_latest_explicit_qualifier", **retry, Qualifier="$LATEST")
    s.call("fn_version_result", "publish_version", FunctionName=name)
    put("destination_version", **retry, Qualifier="1")
    alias = "eventinvokealias"
    s.call("fn_alias_result", "create_alias", FunctionName=name, FunctionVersion="1", Name=alias)
    put("alias_functionname_qualifier", **retry, Qualifier=alias)
    put("alias_qualifiedarn", f"{arn}:{alias}", **retry)
    put("alias_qualifiedarn_qualifier", f"{arn}:{alias}", **retry, Qualifier=alias)
    put("alias_qualifiedarn_qualifierconflict", f"{arn}:{alias}", **retry, Qualifier="$LATEST")
    put("alias_shorthand", f"{name}:{alias}", **retry)
    put("alias_shorthand_qualifier", f"{name}:{alias}", **retry, Qualifier=alias)
    put("alias_shorthand_qualifierconflict", f"{name}:{alias}", **retry, Qualifier="$LATEST")
    put("version_shorthand", f"{name}:1", **retry)
    put("shorthand_qualifier_match", f"{name}:$LATEST", **retry, Qualifier="$LATEST")
    put("shorthand_qualifier_mismatch_1", f"{name}:$LATEST", **retry, Qualifier="1")
    put("shorthand_qualifier_mismatch_2", f"{name}:1", **retry, Qualifier="$LATEST")
    put("shorthand_qualifier_mismatch_3", f"{name}:1", **retry, Qualifier=alias)

    age: dict[str, Any] = {"MaximumEventAgeInSeconds": 21600, "MaximumRetryAttempts": 2}
    put("maxevent_maxvalue_result", **age)
    put("pre_overwrite", MaximumEventAgeInSeconds=60, MaximumRetryAttempts=2)
    put("post_overwrite", MaximumRetryAttempts=0)
    s.call("get_post_overwrite", _GET, FunctionName=name)
    s.call("second_overwrite_existing_response", _PUT, FunctionName=name, MaximumRetryAttempts=0)
    s.call(
        "pre_update_response",
        _PUT,
        FunctionName=name,
        MaximumEventAgeInSeconds=60,
        MaximumRetryAttempts=2,
    )
    s.call("update_response", _UPDATE, FunctionName=name, MaximumRetryAttempts=0)
    s.call("update_response_existing", _UPDATE, FunctionName=name, MaximumRetryAttempts=0)
    s.call("list_configs", _LIST, FunctionName=name)

    s.refused("list_function_doesnotexist", _LIST, FunctionName="doesnotexist")
    s.refused("get_function_doesnotexist", _GET, FunctionName="doesnotexist")
    s.refused("get_qualifier_doesnotexist", _GET, FunctionName=name, Qualifier="doesnotexist")
    s.refused("delete_function_doesnotexist", _DELETE, FunctionName="doesnotexist")
    s.call("delete_latest", _DELETE, FunctionName=name)
    s.call("delete_version", _DELETE, FunctionName=name, Qualifier="1")
    s.call("delete_alias", _DELETE, FunctionName=name, Qualifier=alias)
    s.call("list_configs_postdelete", _LIST, FunctionName=name)
    s.refused("get_eventinvokeconfig_doesnotexist", _GET, FunctionName=name, Qualifier=alias)
    s.refused("delete_function_not_found", _DELETE, FunctionName=name)
    step = "update_eventinvokeconfig"
    s.refused(f"{step}_function_doesnotexist", _UPDATE, FunctionName="doesnotexist", **retry)
    missing_config = f"{step}_config_doesnotexist"
    s.refused(f"{missing_config}_without_qualifier", _UPDATE, FunctionName=name, **retry)
    s.refused(
        f"{missing_config}_with_qualifier", _UPDATE, FunctionName=name, Qualifier=alias, **retry
    )


SCENARIOS: dict[str, Replay] = {
    "TestLambdaEventInvokeConfig::test_lambda_eventinvokeconfig_exceptions": exceptions,
    "TestLambdaEventInvokeConfig::test_lambda_eventinvokeconfig_lifecycle": lifecycle,
}
