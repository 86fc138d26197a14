"""Layers and their policies."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.conformance.replay import Replay, Scenario, zip_of

_RUNTIMES = (
    "nodejs24.x nodejs22.x nodejs20.x nodejs18.x nodejs16.x nodejs14.x nodejs12.x python3.14 "
    "python3.13 python3.12 python3.11 python3.10 python3.9 python3.8 python3.7",
    "java25 java21 java17 java11 java8.al2 java8 dotnet10 dotnet8 dotnet6 dotnetcore3.1 go1.x "
    "ruby3.4 ruby3.3 ruby3.2 ruby2.7",
    "provided.al2023 provided.al2 provided",
)
_LAYER = zip_of(python__txt="layer")


def _publish(s: Scenario, step: str | None, name: str, **fields: Any) -> Any:
    request = {"Content": {"ZipFile": _LAYER}, **fields}
    answer = s.client.publish_layer_version(LayerName=name, **request)
    return answer if step is None else s.match(step, answer)


def compatibilities(s: Scenario, runtimes: str) -> None:
    _publish(
        s,
        "publish_result",
        s.name("layer"),
        CompatibleRuntimes=runtimes.split(),
        CompatibleArchitectures=["arm64", "x86_64"],
    )


def exceptions(s: Scenario) -> None:
    name = s.name("layer")
    common = {"CompatibleRuntimes": ["python3.12"], "CompatibleArchitectures": ["x86_64"]}
    published = _publish(s, "publish_result", name, **common)
    s.refused(
        "publish_layer_version_exc_invalid_runtime_arch",
        "publish_layer_version",
        LayerName=name,
        Content={"ZipFile": _LAYER},
        CompatibleRuntimes=["invalidruntime"],
        CompatibleArchitectures=["invalidarch"],
    )
    s.refused(
        "publish_layer_version_exc_partially_invalid_values",
        "publish_layer_version",
        LayerName=name,
        Content={"ZipFile": _LAYER},
        CompatibleRuntimes=["invalidruntime", "invalidruntime2", "nodejs20.x"],
        CompatibleArchitectures=["invalidarch", "x86_64"],
    )
    _publish(
        s,
        "publish_empty_result",
        s.name("layer"),
        CompatibleRuntimes=[],
        CompatibleArchitectures=[],
    )
    s.refused(
        "list_layers_exc_compatibleruntime_invalid",
        "list_layers",
        CompatibleRuntime="runtimedoesnotexist",
    )
    s.refused(
        "list_layers_exc_compatiblearchitecture_invalid",
        "list_layers",
        CompatibleArchitecture="archdoesnotexist",
    )
    s.call("list_nonexistent_layer", "list_layer_versions", LayerName="layerdoesnotexist")
    get, delete = "get_layer_version", "delete_layer_version"
    step = "get_layer_version_exc_layer_doesnotexist"
    s.refused(step, get, LayerName="layerdoesnotexist", VersionNumber=1)
    step = "get_layer_version_exc_layer_version_doesnotexist"
    s.refused(f"{step}_negative", get, LayerName=name, VersionNumber=-1)
    s.refused(f"{step}_zero", get, LayerName=name, VersionNumber=0)
    s.refused(f"{step}_2", get, LayerName=name, VersionNumber=2)
    arn = published["LayerArn"]
    by_arn = "get_layer_version_by_arn"
    s.refused(f"{by_arn}_exc_invalidarn", by_arn, Arn=arn)
    s.refused(f"{by_arn}_exc_nonexistentversion", by_arn, Arn=f"{arn}:2")
    s.call("delete_nonexistent_response", delete, LayerName="layerdoesnotexist", VersionNumber=1)
    s.call("delete_nonexistent_version_response", delete, LayerName=name, VersionNumber=2)
    s.refused(
        "delete_layer_version_exc_layerversion_invalid_version",
        delete,
        LayerName=name,
        VersionNumber=-1,
    )
    s.call("delete_layer_response", delete, LayerName=name, VersionNumber=1)
    s.call("delete_layer_again_response", delete, LayerName=name, VersionNumber=1)


def function_exceptions(s: Scenario) -> None:
    name = s.name("layer")
    common = {"CompatibleRuntimes": [], "CompatibleArchitectures": ["x86_64"]}
    published = [
        _publish(s, f"publish_result{suffix}", name, **common) for suffix in ("", "_2", "_3")
    ]
    arns = [each["LayerVersionArn"] for each in published]
    function = s.function()["FunctionName"]
    s.call("get_fn_result", "get_function", FunctionName=function)

    def refused(step: str, *layers: str) -> None:
        s.refused(step, "update_function_configuration", FunctionName=function, Layers=list(layers))

    refused("two_layer_versions_single_function_exc", *arns[:2])
    refused("three_layer_versions_single_function_exc", *arns)
    refused("two_identical_layer_versions_single_function_exc", arns[0], arns[0])
    layer = published[0]["LayerArn"]
    refused("add_nonexistent_layer_exc", layer.replace(name, "doesnotexist") + ":1")
    refused("add_nonexistent_layer_version_exc", f"{layer}:9")
    refused("add_layer_arn_without_version_exc", layer)
    other = s.clients("lambda", region="us-west-2")
    there = other.publish_layer_version(LayerName=s.name("layer"), Content={"ZipFile": _LAYER})
    try:
        answer = s.create(Layers=[there["LayerVersionArn"]])
    except s.client.exceptions.ClientError as error:
        answer = error.response
    s.match("create_function_with_layer_in_different_region", answer)


def quota(s: Scenario) -> None:
    arns = [_publish(s, None, s.name("layer"))["LayerVersionArn"] for _ in range(6)]
    try:
        answer = s.create(Layers=arns)
    except s.client.exceptions.ClientError as error:
        answer = error.response
    s.match("create_function_with_six_layers", answer)


def lifecycle(s: Scenario) -> None:
    function = s.function()["FunctionName"]
    s.call("get_fn_result", "get_function", FunctionName=function)
    s.call("get_fn_config_result", "get_function_configuration", FunctionName=function)
    name = s.name("layer")
    fields = {
        "CompatibleRuntimes": ["python3.12"],
        "CompatibleArchitectures": ["x86_64"],
        "Description": s.name("description"),
        "LicenseInfo": s.name("license"),
    }
    first = _publish(s, "publish_result", name, **fields)
    s.call("get_layer_ver_result", "get_layer_version", LayerName=name, VersionNumber=1)
    arn = first["LayerVersionArn"]
    s.call("get_layer_by_arn_version", "get_layer_version_by_arn", Arn=arn)
    update = "update_function_configuration"
    s.call("update_fn_config", update, FunctionName=function, Layers=[arn])
    s.updated(function)
    s.call("get_fn_config", "get_function_configuration", FunctionName=function)
    _publish(s, "publish_result_2", name, **fields)
    s.call("list_layer_versions_predelete", "list_layer_versions", LayerName=name)
    for number in (1, 2):
        step = f"delete_layer_{number}"
        s.call(step, "delete_layer_version", LayerName=name, VersionNumber=number)
    s.call("get_fn_config_postdelete", "get_function_configuration", FunctionName=function)
    s.call("list_layer_versions_postdelete", "list_layer_versions", LayerName=name)
    _publish(s, "publish_result_3", name, **fields)


def s3_content(s: Scenario) -> None:
    s3 = s.clients("s3")
    bucket = s.name("bucket")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="layer.zip", Body=_LAYER)
    s.call(
        "publish_layer_result",
        "publish_layer_version",
        LayerName=s.name("layer"),
        Content={"S3Bucket": bucket, "S3Key": "layer.zip"},
    )


def policy_exceptions(s: Scenario) -> None:
    name = s.name("layer")
    _publish(
        s,
        "publish_result",
        name,
        CompatibleRuntimes=["python3.12"],
        CompatibleArchitectures=["x86_64"],
    )
    layer = {"LayerName": name, "VersionNumber": 1}
    action = "lambda:GetLayerVersion"
    add, get = "add_layer_version_permission", "get_layer_version_policy"
    remove = "remove_layer_version_permission"
    s.refused("layer_permission_nopolicy_get", get, **layer)
    one = {"StatementId": "s1", "Action": action, "Principal": "*"}
    s.call("add_layer_permission_result", add, **layer, **one)
    s.refused("layer_permission_action_invalid", add, **layer, **{**one, "Action": "*"})
    s.refused("layer_permission_duplicate_statement", add, **layer, **one)
    s.refused(
        "layer_permission_statementid_doesnotexist_remove",
        remove,
        **layer,
        StatementId="doesnotexist",
    )
    wrong = "00000000-0000-0000-0000-000000000000"
    two = {**one, "StatementId": "s2"}
    s.refused("layer_permission_wrong_revision", add, **layer, **two, RevisionId=wrong)
    s.refused(
        "layer_permission_wrong_revision_remove",
        remove,
        **layer,
        StatementId="s1",
        RevisionId=wrong,
    )
    for kind, missing in (
        ("layername", {**layer, "LayerName": f"{name}-doesnotexist"}),
        ("layerversion", {**layer, "VersionNumber": 2}),
    ):
        step = f"layer_permission_{kind}_doesnotexist"
        s.refused(f"{step}_add", add, **missing, **one)
        s.refused(f"{step}_get", get, **missing)
        s.refused(f"{step}_remove", remove, **missing, StatementId="s1")


def policy_lifecycle(s: Scenario) -> None:
    name = s.name("layer")
    _publish(
        s,
        "publish_result",
        name,
        CompatibleRuntimes=["python3.12"],
        CompatibleArchitectures=["x86_64"],
    )
    layer = {"LayerName": name, "VersionNumber": 1}
    grant = {"Action": "lambda:GetLayerVersion", "Principal": "*"}
    add, get = "add_layer_version_permission", "get_layer_version_policy"
    s.call("add_policy_s1", add, **layer, **grant, StatementId="s1")
    before = s.call("get_layer_version_policy", get, **layer)
    revision = before["RevisionId"]
    s.call("add_policy_s2", add, **layer, **grant, StatementId="s2", RevisionId=revision)
    after = s.call("get_layer_version_policy_postadd2", get, **layer)
    s.call(
        "remove_s2",
        "remove_layer_version_permission",
        **layer,
        StatementId="s2",
        RevisionId=after["RevisionId"],
    )
    s.call("get_layer_version_policy_postdeletes2", get, **layer)


SCENARIOS: dict[str, Replay] = {
    **{
        f"TestLambdaLayer::test_layer_compatibilities[runtimes{number}]": partial(
            compatibilities, runtimes=runtimes
        )
        for number, runtimes in enumerate(_RUNTIMES)
    },
    "TestLambdaLayer::test_layer_exceptions": exceptions,
    "TestLambdaLayer::test_layer_function_exceptions": function_exceptions,
    "TestLambdaLayer::test_layer_function_quota_exception": quota,
    "TestLambdaLayer::test_layer_lifecycle": lifecycle,
    "TestLambdaLayer::test_layer_policy_exceptions": policy_exceptions,
    "TestLambdaLayer::test_layer_policy_lifecycle": policy_lifecycle,
    "TestLambdaLayer::test_layer_s3_content": s3_content,
}
