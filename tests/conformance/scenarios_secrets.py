"""Scenarios of Secrets Manager, as they were recorded."""

from __future__ import annotations

import json
import urllib.request
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.recorded import Comparison
from tests.conformance.replay import new_name, zip_of
from tests.patience import until

#: A rotation function of the usual form: four steps, each told by its name.
ROTATE = """
import boto3
def handler(event, context):
    client = boto3.client("secretsmanager")
    secret, token = event["SecretId"], event["ClientRequestToken"]
    versions = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    assert "AWSPENDING" in versions[token], versions
    if event["Step"] == "createSecret":
        current = client.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")
        try:
            client.get_secret_value(SecretId=secret, VersionId=token, VersionStage="AWSPENDING")
        except client.exceptions.ResourceNotFoundException:
            client.put_secret_value(
                SecretId=secret, ClientRequestToken=token, VersionStages=["AWSPENDING"],
                SecretString=current["SecretString"] + "!",
            )
    elif event["Step"] == "finishSecret":
        (current,) = [key for key, stages in versions.items() if "AWSCURRENT" in stages]
        client.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token,
            RemoveFromVersionId=current,
        )
"""


class SecretScenario:
    """One scenario under way; steps are compared as they are noted."""

    def __init__(self, comparison: Comparison, clients: Any, url: str) -> None:
        self._comparison, self.clients, self.url = comparison, clients, url
        self.client = clients("secretsmanager")

    def call(self, operation: str, step: str | None = None, **request: Any) -> Any:
        answer = getattr(self.client, operation)(**request)
        if step:
            self.note(step, answer)
        return answer

    def error(self, operation: str, step: str, **request: Any) -> None:
        with pytest.raises(ClientError) as caught:
            getattr(self.client, operation)(**request)
        self._comparison.match(step, caught.value.response)

    def note(self, step: str, answer: Any) -> None:
        if "ResponseMetadata" not in self._comparison.recorded(step):
            answer = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
        self._comparison.match(step, answer)

    def know(self, number: int, created: dict[str, Any]) -> str:
        """Say which secret the recording means; returns its name."""
        name, arn = str(created["Name"]), str(created["ARN"])
        self._comparison.know(f"<SecretId-{number}idx>", name)
        self._comparison.know(f"<ArnPart-{number}idx>", arn.partition(f":secret:{name}")[2])
        return name

    def create(self, value: str, step: str | None = None, **more: Any) -> str:
        name = new_name("secret")
        created = self.client.create_secret(Name=name, SecretString=value, **more)
        self.know(0, created)
        if step:
            self.note(step, created)
        return name

    def get(self, name: str, step: str, **more: Any) -> Any:
        return self.call("get_secret_value", step, SecretId=name, **more)

    def put(self, name: str, value: str, step: str, **more: Any) -> str:
        answer = self.call("put_secret_value", step, SecretId=name, SecretString=value, **more)
        return str(answer["VersionId"])

    def end(self, name: str, step: str) -> None:
        self.call("delete_secret", step, SecretId=name, ForceDeleteWithoutRecovery=True)


def _create_and_update(name: str, *, partial_arn_is_found: bool) -> Any:
    def replay(s: SecretScenario) -> None:
        created = s.client.create_secret(
            Name=name, SecretString="my_secret", Description="Testing secret creation."
        )
        s.know(0, created)
        s.note("create_secret_rs_1", created)
        arn = created["ARN"]
        s.get(name, "get_secret_value_rs_1")
        s.call("describe_secret", "describe_secret_rs_1", SecretId=name)
        s.get(arn, "get_secret_value_rs_2")
        if partial_arn_is_found:
            s.get(arn[: len(arn) - 7], "get_secret_value_rs_3")
        else:
            s.error("get_secret_value", "resource_not_found_dict_1", SecretId=arn[: len(arn) - 7])
        s.put(arn, "new_secret", "put_secret_value_rs_1")
        s.get(name, "get_secret_value_rs_4")
        s.call("update_secret", "update_secret_res_1", SecretId=arn, KmsKeyId="k", Description="d1")
        s.end(arn, "delete_secret_res_1")

    return replay


def _several(s: SecretScenario) -> None:
    names = sorted(new_name("many") for _ in range(3))
    for number, name in enumerate(names):
        created = s.client.create_secret(
            Name=name, SecretString="v", Description="Testing secrets creation."
        )
        s.know(number, created)
    prefix = [{"Key": "name", "Values": ["many"]}]
    s.call("list_secrets", "list_secrets_res", Filters=prefix)
    for number, name in enumerate(names):
        s.end(name, f"delete_secret_res{number}")


def _empty(s: SecretScenario) -> None:
    created = s.call("create_secret", "create-empty-secret", Name=new_name("secret"))
    s.call("describe_secret", "describe-secret", SecretId=created["Name"])
    s.put(created["Name"], "v", "put-secret-value")


def _scheduled_for_deletion(s: SecretScenario) -> None:
    name = s.create("v")
    s.call("delete_secret", "delete_res", SecretId=name)
    s.error("create_secret", "invalid_req_ex", Name=name, SecretString="v")


def _binary(s: SecretScenario) -> None:
    name = new_name("secret")
    s.know(0, s.client.create_secret(Name=name, SecretBinary=b"footest"))
    s.get(name, "secret_value_response")
    request = urllib.request.Request(
        s.url,
        json.dumps({"SecretId": name}).encode(),
        {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "secretsmanager.GetSecretValue",
            "Authorization": "AWS4-HMAC-SHA256 Credential=111111111111/20260101/us-east-1/"
            "secretsmanager/aws4_request, SignedHeaders=host, Signature=x",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        s.note("secret_value_http_response", json.load(answer))


def _value_errors(s: SecretScenario) -> None:
    name = s.create("v")
    version = s.client.describe_secret(SecretId=name)["VersionIdsToStages"]
    s.error(
        "get_secret_value",
        "error_get_secret_value_non_existing",
        SecretId=name,
        VersionStage="AWSPREVIOUS",
    )
    s.error(
        "get_secret_value",
        "mismatch_version_id_and_stage",
        SecretId=name,
        VersionId=next(iter(version)),
        VersionStage="AWSPREVIOUS",
    )


def _invalid_name(s: SecretScenario) -> None:
    wrong = " Inv *?!]Name\\-"
    calls: list[tuple[str, dict[str, Any]]] = [
        ("create_secret", {"Name": wrong, "SecretString": "v"}),
        ("delete_secret", {"SecretId": wrong}),
        ("describe_secret", {"SecretId": wrong}),
        ("get_secret_value", {"SecretId": wrong}),
        ("list_secret_version_ids", {"SecretId": wrong}),
        ("put_secret_value", {"SecretId": wrong, "SecretString": "v"}),
        ("tag_resource", {"SecretId": wrong, "Tags": [{"Key": "k", "Value": "v"}]}),
        ("untag_resource", {"SecretId": wrong, "TagKeys": ["k"]}),
        ("update_secret", {"SecretId": wrong}),
        ("validate_resource_policy", {"SecretId": wrong, "ResourcePolicy": "{}"}),
    ]
    for number, (operation, request) in enumerate(calls, 1):
        s.error(operation, f"ex_log_{number}", **request)


def _put_with_stages(s: SecretScenario) -> None:
    name = s.create("secret_string_v0", "create_secret_rs_0")
    s.get(name, "get_secret_value_res_0")
    samples = ["SAMPLESTAGE1", "SAMPLESTAGE0"]
    s.put(name, "secret_string_v1", "put_secret_value_res_1", VersionStages=samples)
    s.get(name, "get_secret_value_res_1")
    s.put(
        name,
        "secret_string_v2",
        "put_secret_value_res_2",
        VersionStages=samples,
        ClientRequestToken=str(uuid.uuid4()),
    )
    s.get(name, "get_secret_value_res_2")
    s.put(name, "secret_string_v3", "put_secret_value_res_3", VersionStages=["AWSPENDING"])
    s.get(name, "get_secret_value_res_3")
    s.put(name, "secret_string_v4", "put_secret_value_res_4")
    s.get(name, "get_secret_value_res_4")
    s.end(name, "delete_secret_res_1")


def _rotation_by_nothing(s: SecretScenario) -> None:
    name = s.create("v", "create_secret")
    s.call("describe_secret", "describe_secret", SecretId=name)
    arn = "arn:aws:lambda:us-east-1:111111111111:function:does-not-exist"
    s.error(
        "rotate_secret",
        "rotate_secret_invalid_arn_exc",
        SecretId=name,
        RotationLambdaARN=arn,
        RotationRules={"AutomaticallyAfterDays": 1},
    )


def _rotation(s: SecretScenario) -> None:
    name = s.create("v", Description="testing rotation of secrets")
    lambda_ = s.clients("lambda")
    function = lambda_.create_function(
        FunctionName=new_name("rotates"),
        Runtime="python3.12",
        Handler="index.handler",
        Role="arn:aws:iam::111111111111:role/r",
        Timeout=30,
        Code={"ZipFile": zip_of(index__py=ROTATE)},
    )["FunctionArn"]
    lambda_.add_permission(
        FunctionName=function,
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    s.call(
        "rotate_secret",
        "rotate_secret_immediately",
        SecretId=name,
        RotationLambdaARN=function,
        RotationRules={"AutomaticallyAfterDays": 1},
        RotateImmediately=True,
    )
    shown = until(
        lambda: s.client.describe_secret(SecretId=name), lambda shown: "LastRotatedDate" in shown
    )
    s.note("describe_secret_rotated", shown)
    s.call("list_secret_version_ids", "list_secret_versions_rotated_1", SecretId=name)


def _tags(s: SecretScenario) -> None:
    name = new_name("secret")
    created = s.client.create_secret(Name=name)
    s.know(0, created)
    s.note("create_secret", created)

    def describe(step: str) -> None:
        s.call("describe_secret", step, SecretId=name)

    def tag(*numbers: int, step: str | None = None) -> None:
        tags = [{"Key": f"tag{n}", "Value": f"value{n}"} for n in numbers]
        s.call("tag_resource", step, SecretId=name, Tags=tags)

    def untag(*numbers: int, step: str | None = None) -> None:
        s.call("untag_resource", step, SecretId=name, TagKeys=[f"tag{n}" for n in numbers])

    describe("describe_secret")
    tag(1, step="tag_resource_1")
    describe("describe_secret_1")
    tag(2, step="tag_resource_2")
    describe("describe_secret_2")
    untag(1, step="untag_resource_1")
    describe("describe_secret_3")
    untag(2, step="untag_resource_2")
    describe("describe_secret_4")
    tag(3, 4)
    describe("describe_secret_5")
    untag(3, 4)
    describe("describe_secret_6")


def _custom_stages_1(s: SecretScenario) -> None:
    name = s.create("S1", "create_secret_rs_0")

    def versions(step: str) -> list[dict[str, Any]]:
        answer = s.call("list_secret_version_ids", step, SecretId=name)
        found: list[dict[str, Any]] = answer["Versions"]
        return found

    second = s.put(
        name,
        "S2",
        "put_secret_value_res_0",
        VersionStages=["AWSPENDING", "AWSSOMETHING", "PUT1"],
    )
    # Listed before they are read: the dates of access show the order.
    versions("list_secret_version_ids_res_0")
    first = s.get(name, "get_secret_value_res_0")["VersionId"]
    _make_current(s, name, "update_secret_version_stage_res_0", first, second)
    versions("list_secret_version_ids_res_1")
    s.get(name, "get_secret_value_res_1")
    third = s.put(name, "S3", "put_secret_value_res_1", VersionStages=["AWSPENDING", "PUT2"])
    s.get(name, "get_secret_value_res_2")
    versions("list_secret_version_ids_res_2")
    _make_current(s, name, "update_secret_version_stage_res_1", second, third)
    versions("list_secret_version_ids_res_3")
    s.get(name, "get_secret_value_res_3")
    s.end(name, "delete_secret_res_0")


def _make_current(s: SecretScenario, name: str, step: str, old: str, new: str) -> None:
    s.call(
        "update_secret_version_stage",
        step,
        SecretId=name,
        VersionStage="AWSCURRENT",
        RemoveFromVersionId=old,
        MoveToVersionId=new,
    )


def _custom_stages_3(s: SecretScenario) -> None:
    name = s.create("SS", "create_secret_rs")
    second = s.put(name, "S1", "put_secret_value_res_0", VersionStages=["PENDING"])
    listed = s.call("list_secret_version_ids", "list_secret_version_ids_rs", SecretId=name)
    first = listed["Versions"][0]["VersionId"]
    s.get(name, "get_secret_value_v1_rs", VersionId=first)
    s.get(name, "get_secret_value_v2_rs", VersionId=second)
    _make_current(s, name, "update_secret_version_stage_res_1", first, second)
    s.get(name, "get_secret_value_v1_rs_1", VersionId=first)
    s.get(name, "get_secret_value_v2_rs_1", VersionId=second)
    s.call(
        "update_secret_version_stage",
        "update_secret_version_stage_res_2",
        SecretId=name,
        VersionStage="PENDING",
        RemoveFromVersionId=second,
    )
    s.get(name, "get_secret_value_v1_rs_2", VersionId=first)
    s.get(name, "get_secret_value_v2_rs_2", VersionId=second)
    s.end(name, "delete_secret_res_0")


_VALID, _INVALID = "Valid/_+=.@-Name-a1b2c3-", "Invalid/_+=.@-Name-a1b2c3"
_CYCLE = "test_update_secret_version_stages_current_pending_cycle_custom_stages"
SCENARIOS = {
    f"test_create_and_update_secret[{_INVALID}-False]": _create_and_update(
        _INVALID, partial_arn_is_found=False
    ),
    f"test_create_and_update_secret[{_VALID}-True]": _create_and_update(
        _VALID, partial_arn_is_found=True
    ),
    "test_create_multi_secrets": _several,
    "test_create_secret_version_from_empty_secret": _empty,
    "test_exp_raised_on_creation_of_secret_scheduled_for_deletion": _scheduled_for_deletion,
    "test_get_secret_value": _binary,
    "test_get_secret_value_errors": _value_errors,
    "test_invalid_secret_name[ Inv *?!]Name\\\\-]": _invalid_name,
    "test_put_secret_value_with_version_stages": _put_with_stages,
    "test_rotate_secret_invalid_lambda_arn": _rotation_by_nothing,
    "test_rotate_secret_with_lambda_success[True]": _rotation,
    "test_secret_tags": _tags,
    f"{_CYCLE}_1": _custom_stages_1,
    f"{_CYCLE}_3": _custom_stages_3,
}
