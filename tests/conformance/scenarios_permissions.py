"""Resource policies of functions."""

from __future__ import annotations

from typing import Any

from tests.conformance.replay import ACCOUNT, Replay, Scenario

_INVOKE = "lambda:InvokeFunction"


def _grant(s: Scenario, step: str | None, name: str, sid: str, service: str, **fields: Any) -> Any:
    request = {
        "FunctionName": name,
        "StatementId": sid,
        "Action": _INVOKE,
        "Principal": f"{service}.amazonaws.com",
        **fields,
    }
    if step is None:
        return s.client.add_permission(**request)
    return s.call(step, "add_permission", **request)


def aws(s: Scenario) -> None:
    created = s.function()
    shown = {"CreateEventSourceMappingResponse": None, "CreateFunctionResponse": created}
    s.match("create_lambda", shown)
    name = created["FunctionName"]
    bucket = f"arn:aws:s3:::{s.name('bucket')}"
    _grant(s, "add_permission", name, "s3", "s3", SourceArn=bucket)
    s.call("get_policy", "get_policy", FunctionName=name)


def fields(s: Scenario) -> None:
    name = s.function()["FunctionName"]

    def add(step: str, sid: str, principal: str, **more: Any) -> None:
        request = {"Action": _INVOKE, "StatementId": sid, "Principal": principal, **more}
        s.call(f"add_permission_{step}", "add_permission", FunctionName=name, **request)

    own = {"SourceAccount": ACCOUNT}
    add("principal_wildcard", "wilcard", "*", **own)
    add("principal_service", "lambda", "lambda.amazonaws.com", **own)
    add("principal_account", "account-id", ACCOUNT)
    add("principal_arn", "user-arn", f"arn:aws:iam::{ACCOUNT}:user/{s.name('user')}", **own)
    add(
        "optional_fields",
        "urlPermission",
        "*",
        Action="lambda:InvokeFunctionUrl",
        SourceArn=f"arn:aws:s3:::{s.name('bucket')}",
        SourceAccount=ACCOUNT,
        PrincipalOrgID="o-1234567890",
        FunctionUrlAuthType="NONE",
    )
    token = "amzn1.ask.skill.xxxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
    add("alexa_skill", "alexaSkill", "*", EventSourceToken=token)


def multiple(s: Scenario) -> None:
    name = s.function()["FunctionName"]
    _grant(s, "add_permission_response_1", name, "logs", "logs")
    _grant(s, "add_permission_response_2", name, "kinesis", "kinesis")
    s.call("policy_after_2_add", "get_policy", FunctionName=name)


def remove_multiple(s: Scenario) -> None:
    name = s.function()["FunctionName"]
    _grant(s, "add_permission_1", name, "s3", "s3")
    bucket = f"arn:aws:s3:::{s.name('bucket')}"
    _grant(s, "add_permission_2", name, "sqs", "sqs", SourceArn=bucket)
    s.call("policy_after_2_add", "get_policy", FunctionName=name)
    remove = "remove_permission"
    step = "remove_permission_exception_nonexisting_sid"
    s.refused(step, remove, FunctionName=name, StatementId="non-existent")
    s.client.remove_permission(FunctionName=name, StatementId="sqs")
    after = s.call("policy_after_removal", "get_policy", FunctionName=name)
    s.call("policy_after_removal_attempt", "get_policy", FunctionName=name)
    s.client.remove_permission(FunctionName=name, StatementId="s3", RevisionId=after["RevisionId"])
    s.refused("get_policy_exception_removed_all", "get_policy", FunctionName=name)


def exceptions(s: Scenario) -> None:
    name = s.function()["FunctionName"]
    grant = {"StatementId": "s3", "Action": _INVOKE, "Principal": "s3.amazonaws.com"}

    def add(step: str, function: str = name, **more: str) -> None:
        s.refused(
            f"add_permission_{step}",
            "add_permission",
            **{"FunctionName": function, **grant, **more},
        )

    add("invalid_statement_id", StatementId="example.com")
    add("fn_qualifier_invalid", Qualifier="invalid-qualifier-with-?-char")
    add("fn_qualifier_latest", Qualifier="$LATEST")
    add("fn_qualifier_mismatch", f"{name}:alias-not-42", Qualifier="42")
    add("principal_invalid", Principal="invalid.nonaws.com")
    add("fn_doesnotexist", "doesnotexist")
    add("fn_version_doesnotexist", Qualifier="42")
    add("fn_alias_doesnotexist", Qualifier="alias-doesnotexist")
    add("fn_qualifier_valid_doesnotexist", Qualifier="valid-with-$-but-doesnotexist")
    get, remove = "get_policy", "remove_permission"
    s.refused("get_policy_fn_doesnotexist", get, FunctionName="doesnotexist")
    s.refused("get_policy_fn_version_doesnotexist", get, FunctionName=name, Qualifier="42")
    s.refused(
        "remove_permission_fn_doesnotexist", remove, FunctionName="doesnotexist", StatementId="s3"
    )
    s.refused("remove_permission_policy_doesnotexist", remove, FunctionName=name, StatementId="s3")
    _grant(s, None, name, "s3", "s3")
    s.refused(
        "remove_permission_fn_alias_doesnotexist",
        remove,
        FunctionName=name,
        StatementId="s3",
        Qualifier="alias-doesnotexist",
    )
    add("conflicting_statement_id")


def versioning(s: Scenario) -> None:
    name = s.function()["FunctionName"]
    bucket = f"arn:aws:s3:::{s.name('bucket')}"
    _grant(s, "add_permission", name, "s3", "s3", SourceArn=bucket)
    s.call("get_policy", "get_policy", FunctionName=name)
    s.call("publish_version_result", "publish_version", FunctionName=name)
    s.refused(
        "get_policy_after_publishing_new_version", "get_policy", FunctionName=name, Qualifier="1"
    )
    s.call("get_policy_after_publishing_latest", "get_policy", FunctionName=name)
    s.call("get_function_result_after_publishing", "get_function", FunctionName=name)
    _grant(s, None, name, "s3", "s3", SourceArn=bucket, Qualifier="1")
    s.call("get_policy_version", "get_policy", FunctionName=name, Qualifier="1")
    s.call("get_policy_after_adding_to_new_version", "get_policy", FunctionName=name)
    alias = {"FunctionName": name, "Name": "permission-alias"}
    s.call("create_alias_response", "create_alias", **alias, FunctionVersion="1")
    s.call("get_alias", "get_alias", **alias)
    grant = {
        "FunctionName": name,
        "StatementId": "s3",
        "Action": _INVOKE,
        "Principal": "s3.amazonaws.com",
        "SourceArn": bucket,
        "Qualifier": "permission-alias",
    }
    s.refused(
        "add_permission_alias_revision_exception",
        "add_permission",
        **grant,
        RevisionId="00000000-0000-0000-0000-000000000000",
    )
    s.client.add_permission(**grant)
    s.call("get_policy_alias", "get_policy", FunctionName=name, Qualifier="permission-alias")
    _grant(s, None, name, "s3_2", "s3", SourceArn=bucket)
    s.call("get_policy_after_adding_2", "get_policy", FunctionName=name)


SCENARIOS: dict[str, Replay] = {
    "TestLambdaPermissions::test_add_lambda_permission_aws": aws,
    "TestLambdaPermissions::test_add_lambda_permission_fields": fields,
    "TestLambdaPermissions::test_create_multiple_lambda_permissions": multiple,
    "TestLambdaPermissions::test_lambda_permission_fn_versioning": versioning,
    "TestLambdaPermissions::test_permission_exceptions": exceptions,
    "TestLambdaPermissions::test_remove_multi_permissions": remove_multiple,
}
