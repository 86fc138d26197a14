"""What the sweep changes of resource types: IAM."""

from __future__ import annotations

import json
from typing import Any

from tests.api.kind_cases.case import (
    BOUNDARY,
    DOCUMENT,
    TAGS,
    Also,
    Ask,
    Case,
    Clients,
    resource,
    trust,
)


def _read_role(clients: Clients, name: str) -> Any:
    iam = clients("iam")
    policies = iam.list_role_policies(RoleName=name)["PolicyNames"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return iam.get_role(RoleName=name)["Role"], policies, attached


def _read_user(clients: Clients, name: str) -> Any:
    iam = clients("iam")
    groups = iam.list_groups_for_user(UserName=name)["Groups"]
    attached = iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]
    user = iam.get_user(UserName=name)["User"]
    return user, [each["GroupName"] for each in groups], attached


def _read_profile(clients: Clients, name: str) -> Any:
    found = clients("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    return [each["RoleName"] for each in found["Roles"]]


def _read_access_key(clients: Clients, key: str) -> Any:
    (found,) = clients("iam").list_access_keys(UserName="of-key")["AccessKeyMetadata"]
    assert found["AccessKeyId"] == key
    return found


def _read_provider(clients: Clients, arn: str) -> Any:
    return clients("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn)


_OTHER_DOCUMENT = json.loads(json.dumps(DOCUMENT).replace("Get", "Put"))
_HOLDERS = {
    **{name: {"Type": "AWS::IAM::Group"} for name in ("Group", "Crowd")},
    **{
        name: resource("AWS::IAM::Role", AssumeRolePolicyDocument=trust("lambda"))
        for name in ("Role", "Second")
    },
    **{name: {"Type": "AWS::IAM::User"} for name in ("User", "Fellow")},
}
_OTHERS = {"Group": "Crowd", "Role": "Second", "User": "Fellow"}


def _one_policy(kind: str) -> Case:
    member = f"{kind}Name"
    asked = {"PolicyName": "swept", member: f"{{{kind}}}"}
    return Case(
        {"PolicyName": "swept", member: {"Ref": kind}, "PolicyDocument": DOCUMENT},
        {"PolicyDocument": _OTHER_DOCUMENT},
        (Ask("iam", f"get_{kind.lower()}_policy", asked, ("PolicyDocument",)),),
        _HOLDERS,
        replaces={"PolicyName": "other"},
        unseen={member: "what Ref means stays: the policy"},
    )


CASES: dict[str, Case] = {
    "AWS::IAM::Group": Case(
        {},
        {
            "ManagedPolicyArns": [BOUNDARY],
            "Policies": [{"PolicyName": "p", "PolicyDocument": DOCUMENT}],
        },
        (
            Ask("iam", "get_group", {"GroupName": "{R}"}),
            Ask("iam", "list_attached_group_policies", {"GroupName": "{R}"}),
            Ask("iam", "list_group_policies", {"GroupName": "{R}"}),
        ),
        replaces={"GroupName": "other-swept"},
        unseen={"Path": "IAM changes it, and this type does not"},
    ),
    "AWS::IAM::GroupPolicy": _one_policy("Group"),
    "AWS::IAM::RolePolicy": _one_policy("Role"),
    "AWS::IAM::UserPolicy": _one_policy("User"),
    "AWS::IAM::ManagedPolicy": Case(
        {"PolicyDocument": DOCUMENT},
        {
            "Groups": [{"Ref": "Group"}],
            "PolicyDocument": _OTHER_DOCUMENT,
            "Roles": [{"Ref": "Role"}],
            "Users": [{"Ref": "User"}],
        },
        (
            Ask("iam", "get_policy", {"PolicyArn": "{R}"}),
            Ask("iam", "list_entities_for_policy", {"PolicyArn": "{R}"}),
        ),
        _HOLDERS,
        left=frozenset({"DefaultVersionId", "UpdateDate"}),
        replaces={"Description": "d", "ManagedPolicyName": "other-swept", "Path": "/p/"},
    ),
    "AWS::IAM::Policy": Case(
        {"PolicyName": "swept", "PolicyDocument": DOCUMENT, "Roles": [{"Ref": "Role"}]},
        {
            "Groups": [{"Ref": "Group"}],
            "PolicyDocument": _OTHER_DOCUMENT,
            "PolicyName": "other",
            "Roles": [{"Ref": "Second"}],
            "Users": [{"Ref": "User"}],
        },
        tuple(
            Ask("iam", operation, {"PolicyName": name, f"{kind}Name": f"{{{holder}}}"})
            for operation, kind, holder in (
                ("get_group_policy", "Group", "Group"),
                ("get_role_policy", "Role", "Role"),
                ("get_role_policy", "Role", "Second"),
                ("get_user_policy", "User", "User"),
            )
            for name in ("swept", "other")
        ),
        _HOLDERS,
    ),
    "AWS::IAM::ServiceLinkedRole": Case(
        {"AWSServiceName": "lex.amazonaws.com"},
        {"Description": "d"},
        (Ask("iam", "get_role", {"RoleName": "{R}"}),),
        replaces={
            "AWSServiceName": "autoscaling.amazonaws.com",
            "CustomSuffix": Also(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="s"),
        },
    ),
    "AWS::IAM::UserToGroupAddition": Case(
        {"GroupName": {"Ref": "Group"}, "Users": [{"Ref": "User"}]},
        {"GroupName": {"Ref": "Crowd"}, "Users": [{"Ref": "Fellow"}]},
        tuple(
            Ask("iam", "get_group", {"GroupName": f"{{{name}}}"}, ("Users",))
            for name in ("Group", "Crowd")
        ),
        _HOLDERS,
    ),
    "AWS::IAM::Role": Case(
        {"AssumeRolePolicyDocument": trust("lambda")},
        {
            "AssumeRolePolicyDocument": trust("states"),
            "Description": "d",
            "ManagedPolicyArns": [BOUNDARY],
            "MaxSessionDuration": 7200,
            "PermissionsBoundary": BOUNDARY,
            "Policies": [{"PolicyName": "p", "PolicyDocument": DOCUMENT}],
            "Tags": TAGS,
        },
        _read_role,
    ),
    "AWS::IAM::User": Case(
        {},
        {
            "Groups": [{"Ref": "G"}],
            "ManagedPolicyArns": [BOUNDARY],
            "PermissionsBoundary": BOUNDARY,
            "Tags": TAGS,
            "Path": "/team/",
        },
        _read_user,
        {"G": {"Type": "AWS::IAM::Group"}},
    ),
    "AWS::IAM::InstanceProfile": Case(
        {"Roles": [{"Ref": "A"}]},
        {"Roles": [{"Ref": "B"}]},
        _read_profile,
        {
            name: resource("AWS::IAM::Role", AssumeRolePolicyDocument=trust("ec2"))
            for name in ("A", "B")
        },
    ),
    "AWS::IAM::AccessKey": Case(
        {"UserName": {"Ref": "U"}},
        {"Status": "Inactive"},
        _read_access_key,
        {"U": resource("AWS::IAM::User", UserName="of-key")},
    ),
    "AWS::IAM::OIDCProvider": Case(
        {"Url": "https://issuer.example", "ThumbprintList": ["a" * 40]},
        {"ClientIdList": ["one"], "Tags": TAGS, "ThumbprintList": ["b" * 40]},
        _read_provider,
    ),
}
