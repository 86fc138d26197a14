"""Access control lists: refused where buckets do not take them, kept and shown where they do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running
from tests.api.stacks import settled

OWNER = "0" * 64
EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
READERS = {"Grants": [{"Grantee": {"Type": "Group", "URI": EVERYBODY}, "Permission": "READ"}],
           "Owner": {"ID": OWNER}}  # fmt: skip
OWNERS = {"Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": OWNER},
                      "Permission": "FULL_CONTROL"}], "Owner": {"ID": OWNER}}  # fmt: skip
COPIED = {"CopySource": {"Bucket": "closed", "Key": "k"}}
WRITES: dict[str, dict[str, Any]] = {
    "put_object": {"Key": "new"},
    "copy_object": {"Key": "new", **COPIED},
    "create_multipart_upload": {"Key": "new"},
}
PUTS: dict[str, dict[str, Any]] = {
    "put_object_acl": {"Key": "k"},
    "put_bucket_acl": {},
}


@pytest.fixture
def s3(emptied: Running) -> Any:
    return emptied.client("s3")


@pytest.fixture
def closed(s3: Any) -> Any:
    """A bucket as all new ones are."""
    s3.create_bucket(Bucket="closed")
    s3.put_object(Bucket="closed", Key="k", Body=b"1")
    return s3


@pytest.fixture
def opened(s3: Any) -> Any:
    """One that takes every list."""
    s3.create_bucket(Bucket="opened", ObjectOwnership="ObjectWriter")
    s3.delete_public_access_block(Bucket="opened")
    s3.put_object(Bucket="opened", Key="k", Body=b"1")
    return s3


def refused(code: str, call: Any, **given: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as raised:
        call(**given)
    response: dict[str, Any] = raised.value.response
    assert response["Error"]["Code"] == code
    return response


def permissions(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (each["Grantee"].get("ID") or each["Grantee"]["URI"], each["Permission"])
        for each in answer["Grants"]
    ]


@pytest.mark.parametrize("operation", [*WRITES, *PUTS])
@pytest.mark.parametrize(
    "given",
    [
        {"ACL": "public-read"},
        {"ACL": "private"},
        {"GrantRead": f"uri={EVERYBODY}"},
        {"GrantFullControl": f'id="{OWNER}",id={"1" * 64}'},
    ],
    ids=lambda given: next(iter(given.values()))[:12],
)
def test_a_new_bucket_takes_no_list(closed: Any, operation: str, given: dict[str, str]) -> None:
    call, request = getattr(closed, operation), {"Bucket": "closed", **(WRITES | PUTS)[operation]}
    error = refused("AccessControlListNotSupported", call, **request, **given)
    assert error["Error"]["Message"] == "The bucket does not allow ACLs"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert [each["Key"] for each in closed.list_objects_v2(Bucket="closed")["Contents"]] == ["k"]


@pytest.mark.parametrize("operation", PUTS)
def test_a_new_bucket_takes_no_list_in_a_body(closed: Any, operation: str) -> None:
    call, request = getattr(closed, operation), {"Bucket": "closed", **PUTS[operation]}
    refused("AccessControlListNotSupported", call, **request, AccessControlPolicy=READERS)
    refused("MissingSecurityHeader", call, **request)
    call(**request, AccessControlPolicy=OWNERS)


@pytest.mark.parametrize("operation", [*WRITES, *PUTS])
@pytest.mark.parametrize(
    "given", [{"ACL": "bucket-owner-full-control"}, {"GrantFullControl": f"id={OWNER}"}]
)
def test_what_gives_the_owner_everything_is_always_taken(
    closed: Any, operation: str, given: dict[str, str]
) -> None:
    getattr(closed, operation)(Bucket="closed", **(WRITES | PUTS)[operation], **given)
    for shown in (
        closed.get_bucket_acl(Bucket="closed"),
        closed.get_object_acl(Bucket="closed", Key="k"),
    ):
        assert permissions(shown) == [(OWNER, "FULL_CONTROL")]


def test_forms_are_held_to_it_too(closed: Any) -> None:
    fields, conditions = {"acl": "public-read"}, [{"acl": "public-read"}]
    form = closed.generate_presigned_post("closed", "f", Fields=fields, Conditions=conditions)
    answer = requests.post(form["url"], data=form["fields"], files={"file": b"4"}, timeout=60)
    assert answer.status_code == 400
    assert "<Code>AccessControlListNotSupported</Code>" in answer.text


def test_a_bucket_is_made_with_a_list_where_it_takes_them(s3: Any) -> None:
    code = "InvalidBucketAclWithObjectOwnership"
    refused(code, s3.create_bucket, Bucket="a-bucket", ACL="public-read")
    enforced = {"ObjectOwnership": "BucketOwnerEnforced"}
    refused(code, s3.create_bucket, Bucket="a-bucket", ACL="authenticated-read", **enforced)
    refused(code, s3.create_bucket, Bucket="a-bucket", GrantWrite=f"uri={EVERYBODY}")
    owned = {"ObjectOwnership": "BucketOwnerPreferred"}
    code = "InvalidBucketAclWithBlockPublicAccessError"
    refused(code, s3.create_bucket, Bucket="a-bucket", ACL="public-read", **owned)
    assert s3.list_buckets()["Buckets"] == []
    s3.create_bucket(Bucket="private", ACL="private")
    s3.create_bucket(Bucket="granted", GrantRead=f'id="{"1" * 64}"', **owned)
    assert permissions(s3.get_bucket_acl(Bucket="private")) == [(OWNER, "FULL_CONTROL")]
    assert permissions(s3.get_bucket_acl(Bucket="granted")) == [("1" * 64, "READ")]


def test_lists_are_kept_where_they_are_taken(opened: Any) -> None:
    for get, put, named in (
        (opened.get_bucket_acl, opened.put_bucket_acl, {}),
        (opened.get_object_acl, opened.put_object_acl, {"Key": "k"}),
    ):
        assert permissions(get(Bucket="opened", **named)) == [(OWNER, "FULL_CONTROL")]
        put(Bucket="opened", **named, ACL="public-read")
        readers = [(OWNER, "FULL_CONTROL"), (EVERYBODY, "READ")]
        assert permissions(get(Bucket="opened", **named)) == readers
        put(Bucket="opened", **named, AccessControlPolicy=READERS)
        assert permissions(get(Bucket="opened", **named)) == [(EVERYBODY, "READ")]
        put(Bucket="opened", **named, ACL="private")
        assert permissions(get(Bucket="opened", **named)) == [(OWNER, "FULL_CONTROL")]
    opened.put_bucket_acl(Bucket="opened", ACL="log-delivery-write")
    logs = ("http://acs.amazonaws.com/groups/s3/LogDelivery", "WRITE")
    assert logs in permissions(opened.get_bucket_acl(Bucket="opened"))


@pytest.mark.parametrize("operation", WRITES)
def test_objects_are_written_with_a_list(opened: Any, operation: str) -> None:
    request = {"Bucket": "opened", **WRITES[operation], "ACL": "public-read"}
    request |= {"CopySource": {"Bucket": "opened", "Key": "k"}} if "CopySource" in request else {}
    answer = getattr(opened, operation)(**request)
    if upload := answer.get("UploadId"):
        named = {"Bucket": "opened", "Key": "new", "UploadId": upload}
        part = opened.upload_part(**named, PartNumber=1, Body=b"3")
        parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
        opened.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    shown = opened.get_object_acl(Bucket="opened", Key="new")
    assert permissions(shown) == [(OWNER, "FULL_CONTROL"), (EVERYBODY, "READ")]


def test_a_copy_has_no_list_of_its_source(opened: Any) -> None:
    opened.put_object_acl(Bucket="opened", Key="k", ACL="public-read")
    opened.copy_object(Bucket="opened", Key="c", CopySource={"Bucket": "opened", "Key": "k"})
    shown = opened.get_object_acl(Bucket="opened", Key="c")
    assert permissions(shown) == [(OWNER, "FULL_CONTROL")]


def test_public_lists_are_blocked_until_they_are_not(s3: Any) -> None:
    s3.create_bucket(Bucket="blocked", ObjectOwnership="ObjectWriter")
    s3.put_object(Bucket="blocked", Key="k", Body=b"1", ACL="bucket-owner-read")
    for call, named in ((s3.put_bucket_acl, {}), (s3.put_object_acl, {"Key": "k"}),
                        (s3.put_object, {"Key": "k"})):  # fmt: skip
        for acl in ("public-read", "authenticated-read"):
            refused("AccessDenied", call, Bucket="blocked", **named, ACL=acl)
    block = {"BlockPublicAcls": False, "RestrictPublicBuckets": True}
    s3.put_public_access_block(Bucket="blocked", PublicAccessBlockConfiguration=block)
    s3.put_object(Bucket="blocked", Key="k", Body=b"1", ACL="public-read")


def test_ownership_is_enforced_where_no_list_is_left(opened: Any) -> None:
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    named = {"Bucket": "opened"}
    opened.put_object_acl(**named, Key="k", ACL="public-read")
    opened.put_bucket_acl(**named, ACL="public-read")
    code, put = "InvalidBucketAclWithObjectOwnership", opened.put_bucket_ownership_controls
    refused(code, put, **named, OwnershipControls=enforced)
    opened.put_bucket_acl(**named, ACL="private")
    put(**named, OwnershipControls=enforced)
    # What objects had is without effect, and is there again once lists are.
    assert len(opened.get_object_acl(**named, Key="k")["Grants"]) == 1
    opened.delete_bucket_ownership_controls(**named)
    assert len(opened.get_object_acl(**named, Key="k")["Grants"]) == 2


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"ACL": "public-read", "GrantRead": f"id={OWNER}"}, "InvalidRequest"),
        ({"GrantRead": "nobody"}, "InvalidArgument"),
        ({"GrantRead": "name=me"}, "InvalidArgument"),
        ({"ACL": "public"}, "InvalidArgument"),
        ({"ACL": "private", "AccessControlPolicy": OWNERS}, "UnexpectedContent"),
    ],
)
def test_what_is_no_list(opened: Any, given: dict[str, Any], code: str) -> None:
    refused(code, opened.put_bucket_acl, Bucket="opened", **given)
    refused(code, opened.put_object_acl, Bucket="opened", Key="k", **given)


def test_ownership_and_lists_outlive_a_restart(tmp_path: Path) -> None:
    def running() -> Iterator[Any]:
        started = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver())
        yield started.client("s3")
        started.stop()

    for s3 in running():
        s3.create_bucket(Bucket="lasting", ObjectOwnership="ObjectWriter")
        s3.create_bucket(Bucket="other")
        s3.delete_public_access_block(Bucket="lasting")
        s3.put_bucket_acl(Bucket="lasting", ACL="public-read")
    for s3 in running():
        assert len(s3.get_bucket_acl(Bucket="lasting")["Grants"]) == 2
        s3.put_object(Bucket="lasting", Key="k", Body=b"", ACL="public-read")
        code = "AccessControlListNotSupported"
        refused(code, s3.put_object, Bucket="other", Key="k", Body=b"", ACL="public-read")
        s3.delete_object(Bucket="lasting", Key="k")
        s3.delete_bucket(Bucket="lasting")
        s3.create_bucket(Bucket="lasting")
        refused(code, s3.put_bucket_acl, Bucket="lasting", ACL="public-read")


def _stack(emptied: Running, name: str, **properties: Any) -> dict[str, Any]:
    stacks = emptied.client("cloudformation")
    body = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "of-a-stack", **properties}}
    act = stacks.update_stack if stacks.describe_stacks()["Stacks"] else stacks.create_stack
    act(StackName=name, TemplateBody=json.dumps({"Resources": {"B": body}}))
    return settled(stacks, name)


def test_a_template_gives_a_bucket_a_list(emptied: Running, s3: Any) -> None:
    owned = {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}}
    public = {"PublicAccessBlockConfiguration": {"BlockPublicAcls": False}, **owned}
    made = _stack(emptied, "s", AccessControl="PublicRead", **public)
    assert made["StackStatus"] == "CREATE_COMPLETE"
    assert (EVERYBODY, "READ") in permissions(s3.get_bucket_acl(Bucket="of-a-stack"))
    made = _stack(emptied, "s", **public)
    assert made["StackStatus"] == "UPDATE_COMPLETE"
    shown = s3.get_bucket_acl(Bucket="of-a-stack")
    assert permissions(shown) == [(OWNER, "FULL_CONTROL")]


@pytest.mark.parametrize("name", ["PublicRead", "LogDeliveryWrite"])
def test_a_template_can_not_where_the_bucket_takes_none(emptied: Running, name: str) -> None:
    made = _stack(emptied, "s", AccessControl=name)
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    events = emptied.client("cloudformation").describe_stack_events(StackName="s")["StackEvents"]
    reasons = " ".join(each.get("ResourceStatusReason", "") for each in events)
    assert "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced" in reasons


def test_a_template_may_ask_for_what_is_so(emptied: Running) -> None:
    assert _stack(emptied, "s", AccessControl="Private")["StackStatus"] == "CREATE_COMPLETE"
