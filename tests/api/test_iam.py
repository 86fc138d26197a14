"""IAM through boto3: entities, their policies, AWS's words; and stacks that make them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running
from tests.api.stacks import settled

TRUST: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
#: Without a version, as SAM's policy templates are.
ALLOWED: dict[str, Any] = {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


@pytest.fixture(scope="module")
def iam(running: Running) -> Any:
    return running.client("iam")


def refused(call: Any, code: str, status: int, **given: Any) -> None:
    with pytest.raises(ClientError) as raised:
        call(**given)
    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def role(iam: Any, name: str) -> dict[str, Any]:
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    found: dict[str, Any] = made["Role"]
    return found


def test_a_role(iam: Any) -> None:
    made = iam.create_role(
        RoleName="worker",
        Path="/jobs/",
        AssumeRolePolicyDocument=json.dumps(TRUST),
        Description="d",
        Tags=[{"Key": "team", "Value": "shop"}],
    )["Role"]
    assert made["Arn"] == "arn:aws:iam::000000000000:role/jobs/worker"
    assert made["RoleId"].startswith("AROA")
    assert made["AssumeRolePolicyDocument"] == TRUST
    refused(iam.create_role, "EntityAlreadyExists", 409, RoleName="worker",
            AssumeRolePolicyDocument=json.dumps(TRUST))  # fmt: skip
    refused(iam.create_role, "MalformedPolicyDocument", 400, RoleName="none",
            AssumeRolePolicyDocument="{")  # fmt: skip
    iam.update_role(RoleName="worker", MaxSessionDuration=7200)
    iam.update_role_description(RoleName="worker", Description="other")
    (said,) = TRUST["Statement"]
    other = TRUST | {"Statement": [said | {"Principal": {"Service": "states.amazonaws.com"}}]}
    iam.update_assume_role_policy(RoleName="worker", PolicyDocument=json.dumps(other))
    got = iam.get_role(RoleName="worker")["Role"]
    assert (got["MaxSessionDuration"], got["Description"]) == (7200, "other")
    assert got["AssumeRolePolicyDocument"] == other
    names = [each["RoleName"] for each in iam.list_roles(PathPrefix="/jobs/")["Roles"]]
    assert names == ["worker"]
    iam.delete_role(RoleName="worker")
    refused(iam.get_role, "NoSuchEntity", 404, RoleName="worker")


def test_names_are_the_same_in_any_case(running: Running) -> None:
    iam = running.client("iam", "444455556666")
    role(iam, "Cased")
    iam.create_user(UserName="Cased")
    iam.create_group(GroupName="Cased")
    iam.create_instance_profile(InstanceProfileName="Cased")
    iam.create_policy(PolicyName="Cased", Path="/a/", PolicyDocument=json.dumps(ALLOWED))
    trust, text = json.dumps(TRUST), json.dumps(ALLOWED)
    for call, given in (
        (iam.create_role, {"RoleName": "cased", "AssumeRolePolicyDocument": trust}),
        (iam.create_user, {"UserName": "cased"}),
        (iam.create_group, {"GroupName": "cased"}),
        (iam.create_instance_profile, {"InstanceProfileName": "cased"}),
        (iam.create_policy, {"PolicyName": "cased", "PolicyDocument": text}),
    ):
        refused(call, "EntityAlreadyExists", 409, **given)


@pytest.mark.parametrize(
    ("call", "given", "error"),
    [
        ("create_role", {"RoleName": "n", "AssumeRolePolicyDocument": json.dumps(ALLOWED)},
         ("MalformedPolicyDocument", "Has prohibited field Resource")),
        ("create_role",
         {"RoleName": "n", "AssumeRolePolicyDocument": '{"Statement": {"Effect": "Allow"}}'},
         ("MalformedPolicyDocument", "Missing required field Principal")),
        ("create_policy", {"PolicyName": "n", "PolicyDocument": json.dumps(TRUST)},
         ("MalformedPolicyDocument", "Policy document should not specify a principal.")),
        ("create_policy", {"PolicyName": "n", "PolicyDocument": json.dumps(
            {"Statement": {"Effect": "Allow", "Action": ["a:b"] * 1100, "Resource": "*"}})},
         ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")),
        ("put_user_policy", {"UserName": "limited", "PolicyName": "n", "PolicyDocument": json.dumps(
            {"Statement": {"Effect": "Allow", "Action": ["a:b"] * 400, "Resource": "*"}})},
         ("LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user limited")),
        ("list_roles", {"Marker": "x"}, ("ValidationError", "Invalid Marker.")),
        ("create_open_id_connect_provider", {"Url": "http://a.example"},
         ("ValidationError", "Invalid Open ID Connect Provider URL")),
    ],
)  # fmt: skip
def test_what_is_refused_in_awss_words(
    running: Running, call: str, given: dict[str, Any], error: tuple[str, str]
) -> None:
    iam = running.client("iam", "444455556666")
    if "UserName" in given:
        iam.create_user(UserName=given["UserName"])
    with pytest.raises(ClientError) as raised:
        getattr(iam, call)(**given)
    said = raised.value.response["Error"]
    assert (said["Code"], said["Message"]) == error


def test_inline_and_attached_policies_keep_a_role(iam: Any) -> None:
    role(iam, "kept")
    iam.put_role_policy(RoleName="kept", PolicyName="p", PolicyDocument=json.dumps(ALLOWED))
    assert iam.get_role_policy(RoleName="kept", PolicyName="p")["PolicyDocument"] == ALLOWED
    assert iam.list_role_policies(RoleName="kept")["PolicyNames"] == ["p"]
    refused(iam.delete_role, "DeleteConflict", 409, RoleName="kept")
    iam.delete_role_policy(RoleName="kept", PolicyName="p")
    refused(iam.delete_role_policy, "NoSuchEntity", 404, RoleName="kept", PolicyName="p")
    iam.attach_role_policy(RoleName="kept", PolicyArn=BASIC)
    attached = iam.list_attached_role_policies(RoleName="kept")["AttachedPolicies"]
    assert attached == [{"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": BASIC}]
    refused(iam.delete_role, "DeleteConflict", 409, RoleName="kept")
    entities = iam.list_entities_for_policy(PolicyArn=BASIC)
    assert [each["RoleName"] for each in entities["PolicyRoles"]] == ["kept"]
    iam.detach_role_policy(RoleName="kept", PolicyArn=BASIC)
    iam.tag_role(RoleName="kept", Tags=[{"Key": "a", "Value": "1"}])
    assert iam.list_role_tags(RoleName="kept")["Tags"] == [{"Key": "a", "Value": "1"}]
    iam.untag_role(RoleName="kept", TagKeys=["a"])
    iam.put_role_permissions_boundary(RoleName="kept", PermissionsBoundary=BASIC)
    boundary = iam.get_role(RoleName="kept")["Role"]["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryArn"] == BASIC
    iam.delete_role_permissions_boundary(RoleName="kept")
    iam.delete_role(RoleName="kept")


def test_managed_policies_and_their_versions(iam: Any) -> None:
    made = iam.create_policy(PolicyName="own", PolicyDocument=json.dumps(ALLOWED))["Policy"]
    arn = made["Arn"]
    assert arn == "arn:aws:iam::000000000000:policy/own"
    refused(iam.create_policy, "EntityAlreadyExists", 409, PolicyName="own",
            PolicyDocument=json.dumps(ALLOWED))  # fmt: skip
    second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(ALLOWED))
    assert second["PolicyVersion"]["IsDefaultVersion"] is False
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"
    shown = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert shown["Document"] == ALLOWED
    numbers = [each["VersionId"] for each in iam.list_policy_versions(PolicyArn=arn)["Versions"]]
    assert numbers == ["v2", "v1"]
    refused(iam.delete_policy_version, "DeleteConflict", 409, PolicyArn=arn, VersionId="v2")
    refused(iam.delete_policy, "DeleteConflict", 409, PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    iam.untag_policy(PolicyArn=arn, TagKeys=["a"])
    assert arn in [each["Arn"] for each in iam.list_policies(Scope="Local")["Policies"]]
    iam.delete_policy(PolicyArn=arn)
    refused(iam.get_policy, "NoSuchEntity", 404, PolicyArn=arn)
    assert iam.get_policy(PolicyArn=BASIC)["Policy"]["Path"] == "/service-role/"


def test_a_group_is_renamed_and_moved(iam: Any) -> None:
    group = iam.create_group(GroupName="old", Path="/a/")["Group"]
    iam.create_group(GroupName="taken")
    user = iam.create_user(UserName="member", Path="/u/")["User"]
    iam.add_user_to_group(GroupName="old", UserName="member")
    iam.attach_group_policy(GroupName="old", PolicyArn=BASIC)
    refused(iam.update_group, "EntityAlreadyExists", 409, GroupName="old", NewGroupName="Taken")
    refused(iam.update_group, "NoSuchEntity", 404, GroupName="none", NewPath="/b/")
    refused(iam.update_group, "ValidationError", 400, GroupName="old", NewPath="b")
    iam.update_group(GroupName="old", NewPath="/b/")
    assert iam.get_group(GroupName="old")["Group"]["Arn"].endswith(":group/b/old")
    iam.update_group(GroupName="old", NewGroupName="Old")
    iam.update_group(GroupName="Old", NewGroupName="new")
    refused(iam.get_group, "NoSuchEntity", 404, GroupName="old")
    shown = iam.get_group(GroupName="new")
    assert shown["Group"] == {
        **group, "GroupName": "new", "Path": "/b/", "Arn": "arn:aws:iam::000000000000:group/b/new",
    }  # fmt: skip
    assert [each["Arn"] for each in shown["Users"]] == [user["Arn"]]
    assert [
        each["GroupName"] for each in iam.list_groups_for_user(UserName="member")["Groups"]
    ] == ["new"]
    attached = iam.list_attached_group_policies(GroupName="new")["AttachedPolicies"]
    assert [each["PolicyArn"] for each in attached] == [BASIC]
    iam.detach_group_policy(GroupName="new", PolicyArn=BASIC)
    iam.remove_user_from_group(GroupName="new", UserName="member")
    iam.delete_group(GroupName="new")
    iam.delete_group(GroupName="taken")
    iam.delete_user(UserName="member")


def test_users_groups_and_keys(iam: Any) -> None:
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="devs")
    iam.add_user_to_group(GroupName="devs", UserName="ann")
    assert [each["UserName"] for each in iam.get_group(GroupName="devs")["Users"]] == ["ann"]
    assert iam.list_groups_for_user(UserName="ann")["Groups"][0]["GroupName"] == "devs"
    assert [each["GroupName"] for each in iam.list_groups()["Groups"]] == ["devs"]
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    assert key["AccessKeyId"].startswith("AKIA")
    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    (listed,) = iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]
    assert listed["Status"] == "Inactive"
    assert iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["UserName"] == "ann"
    refused(iam.delete_user, "DeleteConflict", 409, UserName="ann")
    iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    refused(iam.delete_group, "DeleteConflict", 409, GroupName="devs")
    iam.remove_user_from_group(GroupName="devs", UserName="ann")
    document = json.dumps(ALLOWED)
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=document)
    assert iam.get_user_policy(UserName="ann", PolicyName="p")["PolicyDocument"] == ALLOWED
    assert iam.list_user_policies(UserName="ann")["PolicyNames"] == ["p"]
    iam.delete_user_policy(UserName="ann", PolicyName="p")
    iam.attach_user_policy(UserName="ann", PolicyArn=BASIC)
    assert len(iam.list_attached_user_policies(UserName="ann")["AttachedPolicies"]) == 1
    iam.detach_user_policy(UserName="ann", PolicyArn=BASIC)
    iam.tag_user(UserName="ann", Tags=[{"Key": "a", "Value": "1"}])
    assert iam.list_user_tags(UserName="ann")["Tags"] == [{"Key": "a", "Value": "1"}]
    iam.untag_user(UserName="ann", TagKeys=["a"])
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=BASIC)
    iam.delete_user_permissions_boundary(UserName="ann")
    iam.put_group_policy(GroupName="devs", PolicyName="p", PolicyDocument=document)
    assert iam.get_group_policy(GroupName="devs", PolicyName="p")["PolicyDocument"] == ALLOWED
    assert iam.list_group_policies(GroupName="devs")["PolicyNames"] == ["p"]
    iam.delete_group_policy(GroupName="devs", PolicyName="p")
    iam.attach_group_policy(GroupName="devs", PolicyArn=BASIC)
    assert len(iam.list_attached_group_policies(GroupName="devs")["AttachedPolicies"]) == 1
    iam.detach_group_policy(GroupName="devs", PolicyArn=BASIC)
    iam.update_user(UserName="ann", NewUserName="anna")
    assert [each["UserName"] for each in iam.list_users()["Users"]] == ["anna"]
    iam.delete_user(UserName="anna")
    iam.delete_group(GroupName="devs")
    assert iam.get_user()["User"]["Arn"] == "arn:aws:iam::000000000000:root"


def test_instance_profiles_and_linked_roles(iam: Any) -> None:
    role(iam, "in-profile")
    iam.create_instance_profile(InstanceProfileName="p")
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="in-profile")
    got = iam.get_instance_profile(InstanceProfileName="p")["InstanceProfile"]
    assert [each["RoleName"] for each in got["Roles"]] == ["in-profile"]
    assert len(iam.list_instance_profiles()["InstanceProfiles"]) == 1
    found = iam.list_instance_profiles_for_role(RoleName="in-profile")["InstanceProfiles"]
    assert [each["InstanceProfileName"] for each in found] == ["p"]
    refused(iam.delete_role, "DeleteConflict", 409, RoleName="in-profile")
    refused(iam.delete_instance_profile, "DeleteConflict", 409, InstanceProfileName="p")
    iam.remove_role_from_instance_profile(InstanceProfileName="p", RoleName="in-profile")
    iam.tag_instance_profile(InstanceProfileName="p", Tags=[{"Key": "a", "Value": "1"}])
    tags = iam.list_instance_profile_tags(InstanceProfileName="p")["Tags"]
    assert tags == [{"Key": "a", "Value": "1"}]
    iam.untag_instance_profile(InstanceProfileName="p", TagKeys=["a"])
    assert iam.list_instance_profile_tags(InstanceProfileName="p")["Tags"] == []
    iam.delete_instance_profile(InstanceProfileName="p")
    linked = iam.create_service_linked_role(AWSServiceName="replicator.lambda.amazonaws.com")
    name = linked["Role"]["RoleName"]
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    status = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"]
    assert status == "SUCCEEDED"


def test_the_account_and_its_providers(iam: Any) -> None:
    iam.create_account_alias(AccountAlias="shop")
    assert iam.list_account_aliases()["AccountAliases"] == ["shop"]
    iam.delete_account_alias(AccountAlias="shop")
    assert iam.get_account_summary()["SummaryMap"]["Providers"] == 0
    url, print_ = "https://token.example.com", "a" * 40
    arn = iam.create_open_id_connect_provider(
        Url=url, ThumbprintList=[print_], ClientIDList=["sts"]
    )["OpenIDConnectProviderArn"]
    listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert listed == [{"Arn": arn}]
    iam.update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=arn, ThumbprintList=["b" * 40]
    )
    got = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (got["Url"], got["ThumbprintList"]) == ("token.example.com", ["b" * 40])
    which = {"OpenIDConnectProviderArn": arn}
    iam.add_client_id_to_open_id_connect_provider(**which, ClientID="more")
    iam.add_client_id_to_open_id_connect_provider(**which, ClientID="other")
    iam.remove_client_id_from_open_id_connect_provider(**which, ClientID="other")
    clients = iam.get_open_id_connect_provider(**which)["ClientIDList"]
    assert "more" in clients
    assert "other" not in clients
    iam.tag_open_id_connect_provider(**which, Tags=[{"Key": "a", "Value": "1"}])
    assert iam.list_open_id_connect_provider_tags(**which)["Tags"] == [{"Key": "a", "Value": "1"}]
    iam.untag_open_id_connect_provider(**which, TagKeys=["a"])
    assert iam.list_open_id_connect_provider_tags(**which)["Tags"] == []
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    refused(iam.get_open_id_connect_provider, "NoSuchEntity", 404, OpenIDConnectProviderArn=arn)


def test_accounts_do_not_meet_and_regions_do(running: Running, iam: Any) -> None:
    role(iam, "shared")
    elsewhere = running.client("iam", region="eu-west-1")
    assert elsewhere.get_role(RoleName="shared")["Role"]["RoleName"] == "shared"
    refused(running.client("iam", "111122223333").get_role, "NoSuchEntity", 404, RoleName="shared")


def test_a_stack_with_roles_and_policies(running: Running, iam: Any) -> None:
    stacks = running.client("cloudformation")
    policy = {"PolicyName": "inline", "PolicyDocument": ALLOWED}
    resources: dict[str, Any] = {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": TRUST,
                "ManagedPolicyArns": [BASIC],
                "Policies": [policy],
            },
        },
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {**policy, "PolicyName": "apart", "Roles": [{"Ref": "Role"}]},
        },
        "Managed": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": ALLOWED, "Roles": [{"Ref": "Role"}]},
        },
        "Profile": {
            "Type": "AWS::IAM::InstanceProfile",
            "Properties": {"Roles": [{"Ref": "Role"}]},
        },
        "User": {"Type": "AWS::IAM::User"},
        "Key": {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": "User"}}},
    }
    body = json.dumps({"Resources": resources})
    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_IAM\]"):
        stacks.create_stack(StackName="roles", TemplateBody=body)
    stacks.create_stack(StackName="roles", TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    stack = settled(stacks, "roles")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    found = stacks.describe_stack_resources(StackName="roles")["StackResources"]
    name = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}["Role"]
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["apart", "inline"]
    assert len(iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]) == 2
    del resources["Policy"]
    resources["Role"]["Properties"]["ManagedPolicyArns"] = []
    stacks.update_stack(StackName="roles", TemplateBody=json.dumps({"Resources": resources}),
                        Capabilities=["CAPABILITY_IAM"])  # fmt: skip
    assert settled(stacks, "roles")["StackStatus"] == "UPDATE_COMPLETE"
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["inline"]
    stacks.delete_stack(StackName="roles")
    assert settled(stacks, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    refused(iam.get_role, "NoSuchEntity", 404, RoleName=name)


def test_entities_outlive_a_restart(tmp_path: Path) -> None:
    first = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver())
    role(first.client("iam"), "lasting")
    first.stop()
    second = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver())
    assert second.client("iam").get_role(RoleName="lasting")["Role"]["Arn"].endswith("/lasting")
    second.stop()
