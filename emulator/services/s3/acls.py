"""Access control lists: where buckets take them, and what they say. None is evaluated.

A new bucket takes none: its owner owns all that is in it. One whose ownership controls say
otherwise takes them, and refuses public ones for as long as its public access block says so.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.s3 import errors, public_access
from emulator.services.s3.listing import owner_of
from emulator.services.s3.rows import Bucket
from emulator.services.s3.state import ACL, OWNERSHIP, S3

#: What a bucket has until it has others, or none.
USUAL_OWNERSHIP = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
_ENFORCED = "BucketOwnerEnforced"
_OWNERSHIPS = (_ENFORCED, "BucketOwnerPreferred", "ObjectWriter")

_GROUPS = "http://acs.amazonaws.com/groups"
_EVERYBODY = f"{_GROUPS}/global/AllUsers"
_SIGNED = f"{_GROUPS}/global/AuthenticatedUsers"
_LOGS = f"{_GROUPS}/s3/LogDelivery"
_CANONICAL = re.compile(r"[0-9a-f]{64}")
_INSTANCES = "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c"
#: What lists that have a name grant beside the owner's full control.
_CANNED: dict[str, list[tuple[str, str, str]]] = {
    "private": [],
    "bucket-owner-read": [],
    "bucket-owner-full-control": [],
    "aws-exec-read": [("ID", _INSTANCES, "READ")],
    "public-read": [("URI", _EVERYBODY, "READ")],
    "public-read-write": [("URI", _EVERYBODY, "READ"), ("URI", _EVERYBODY, "WRITE")],
    "authenticated-read": [("URI", _SIGNED, "READ")],
    "log-delivery-write": [("URI", _LOGS, "WRITE"), ("URI", _LOGS, "READ_ACP")],
}
_HEADERS = {
    "GrantFullControl": "FULL_CONTROL",
    "GrantRead": "READ",
    "GrantReadACP": "READ_ACP",
    "GrantWrite": "WRITE",
    "GrantWriteACP": "WRITE_ACP",
}
_GRANTEES = {
    "id": ("CanonicalUser", "ID"),
    "uri": ("Group", "URI"),
    "emailaddress": ("AmazonCustomerByEmail", "EmailAddress"),
}
_GRANTEE = re.compile(r"\s*(\w+)\s*=\s*(?:\"([^\"]*)\"|([^\",]+?))\s*")


def ownership_of(request: Mapping[str, Any]) -> str | None:
    """Return who is to own the objects of a new bucket; None for the usual owner.

    Raises:
        AwsError: InvalidArgument.
    """
    given = request.get("ObjectOwnership")
    if given is None or given in _OWNERSHIPS:
        return given
    raise errors.invalid(
        f"Invalid x-amz-object-ownership header: {given}", ArgumentName="x-amz-object-ownership"
    )


def full_control(account: str) -> dict[str, Any]:
    """Return the list of what only its owner may use."""
    owner = owner_of(account)
    grantee = {**owner, "Type": "CanonicalUser"}
    return {"Owner": owner, "Grants": [{"Grantee": grantee, "Permission": "FULL_CONTROL"}]}


def shown(state: S3, bucket: Bucket, kept: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the list of a bucket, or of an object in it, as it is read.

    Args:
        state: The service's state.
        bucket: The bucket.
        kept: The list that was given; None where none was.
    """
    return dict(kept) if kept and _takes_lists(state, bucket) else full_control(bucket.account)


def of_new_bucket(request: Mapping[str, Any], account: str) -> dict[str, Any] | None:
    """Return the list that CreateBucket gives; None for that of the owner alone.

    Raises:
        AwsError: InvalidBucketAclWithObjectOwnership, InvalidBucketAclWithBlockPublicAccessError.
    """
    given = _given(request, account)
    if given is None or _is_owners_alone(given, account):
        return None
    if (ownership_of(request) or _ENFORCED) == _ENFORCED:
        raise _not_with_ownership()
    if _is_public(given):
        raise errors.invalid(
            "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
            code="InvalidBucketAclWithBlockPublicAccessError",
        )
    return given


def of_request(state: S3, bucket: Bucket, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the list that a request gives a bucket or an object, whole, by name or by grants.

    Args:
        state: The service's state.
        bucket: The bucket.
        request: The request.

    Returns:
        None where it gives none, or the owner's full control.

    Raises:
        AwsError: AccessControlListNotSupported, or AccessDenied: the bucket does not take it.
    """
    given = _given(request, bucket.account)
    if given is None:
        return None
    is_owners = _is_owners_alone(given, bucket.account)
    if not _takes_lists(state, bucket):
        # "private" means the same and is refused, unless the bucket is new.
        if request.get("ACL") in (None, "bucket-owner-full-control") and is_owners:
            return None
        raise errors.invalid("The bucket does not allow ACLs", code="AccessControlListNotSupported")
    if _is_public(given) and public_access.blocks(state, bucket, "BlockPublicAcls"):
        raise AwsError("AccessDenied", "Access Denied", status=403)
    return None if is_owners else given


def needed(state: S3, bucket: Bucket, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what :func:`of_request` does for a request that has to give a list.

    Raises:
        AwsError: MissingSecurityHeader: it gives none; or as there.
    """
    if _given(request, bucket.account) is None:
        raise errors.invalid(
            "Your request was missing a required header",
            code="MissingSecurityHeader",
            MissingHeaderName="x-amz-acl",
        )
    return of_request(state, bucket, request)


def check_ownership(state: S3, bucket: Bucket, body: Mapping[str, Any]) -> None:
    """Refuse ownership controls that S3 does not take.

    Raises:
        AwsError: MalformedXML, or InvalidBucketAclWithObjectOwnership: the bucket's list grants
            something to others.
    """
    rules = body.get("Rules") or []
    if len(rules) != 1 or rules[0].get("ObjectOwnership") not in _OWNERSHIPS:
        raise errors.malformed()
    if rules[0]["ObjectOwnership"] == _ENFORCED and state.held(ACL, bucket.name) is not None:
        raise _not_with_ownership()


def _takes_lists(state: S3, bucket: Bucket) -> bool:
    controls = state.held(OWNERSHIP, bucket.name)
    # Without controls, which only their removal brings about, whoever wrote an object owns it.
    return controls is not None and [
        rule.get("ObjectOwnership") for rule in controls.get("Rules") or []
    ] != [_ENFORCED]


def _given(request: Mapping[str, Any], account: str) -> dict[str, Any] | None:
    """Return the list that a request gives, or None.

    Raises:
        AwsError: InvalidRequest: it gives one in two ways; InvalidArgument: a grantee is none.
    """
    policy, name = request.get("AccessControlPolicy"), request.get("ACL")
    headers = {member: request[member] for member in _HEADERS if request.get(member)}
    if name and headers:
        raise errors.invalid(
            "Specifying both Canned ACLs and Header Grants is not allowed", code="InvalidRequest"
        )
    if policy is not None:
        if name or headers:
            raise errors.invalid("This request does not support content", code="UnexpectedContent")
        _check_policy(policy)
        return dict(policy)
    if not name and not headers:
        return None
    found = full_control(account)
    if headers:
        found["Grants"] = [
            {"Grantee": grantee, "Permission": _HEADERS[member]}
            for member, text in headers.items()
            for grantee in _grantees(str(text), f"x-amz-grant-{_HEADERS[member]}")
        ]
        return found
    if name not in _CANNED:
        raise errors.invalid("", ArgumentName="x-amz-acl", ArgumentValue=str(name))
    for member, grantee_id, permission in _CANNED[name]:
        grantee = {"Type": "Group" if member == "URI" else "CanonicalUser", member: grantee_id}
        found["Grants"].append({"Grantee": grantee, "Permission": permission})
    return found


def _grantees(text: str, header: str) -> list[dict[str, str]]:
    found = []
    for each in text.split(","):
        parts = _GRANTEE.fullmatch(each)
        kind = _GRANTEES.get(parts[1].lower()) if parts else None
        if parts is None or kind is None:
            raise errors.invalid(
                "Argument format not recognized",
                ArgumentName=header.lower().replace("_", "-"),
                ArgumentValue=each.strip(),
            )
        grantee = {"Type": kind[0], kind[1]: parts[2] or parts[3] or ""}
        _check_grantee(grantee, "id", "uri")
        found.append(grantee)
    return found


def _check_policy(policy: Mapping[str, Any]) -> None:
    """Refuse a list that is none.

    Raises:
        AwsError: MalformedACLError or InvalidArgument.
    """
    if "Owner" not in policy or "Grants" not in policy:
        raise _malformed()
    _check_grantee({"Type": "CanonicalUser", **policy["Owner"]}, "CanonicalUser/ID", "")
    for grant in policy["Grants"]:
        grantee = grant.get("Grantee") or {}
        kinds = [kind for kind, _ in _GRANTEES.values()]
        if grant.get("Permission") not in _HEADERS.values() or grantee.get("Type") not in kinds:
            raise _malformed()
        _check_grantee(grantee, "CanonicalUser/ID", "Group/URI")


def _check_grantee(grantee: Mapping[str, Any], id_name: str, uri_name: str) -> None:
    text = str(grantee.get("ID") or "")
    if grantee["Type"] == "CanonicalUser" and _CANONICAL.fullmatch(text) is None:
        raise errors.invalid("Invalid id", ArgumentName=id_name, ArgumentValue=text)
    text = str(grantee.get("URI") or "")
    if grantee["Type"] == "Group" and text not in (_EVERYBODY, _SIGNED, _LOGS):
        raise errors.invalid("Invalid group uri", ArgumentName=uri_name, ArgumentValue=text)


def _malformed() -> AwsError:
    return errors.invalid(errors.malformed().message, code="MalformedACLError")


def _is_owners_alone(given: Mapping[str, Any], account: str) -> bool:
    """Say whether a list grants the owner everything, and nobody else anything."""
    owner, grants = owner_of(account)["ID"], given.get("Grants") or ()
    return bool(grants) and all(
        (grant.get("Grantee") or {}).get("ID") == owner
        and grant.get("Permission") == "FULL_CONTROL"
        for grant in grants
    )


def _is_public(given: Mapping[str, Any]) -> bool:
    return any(
        (grant.get("Grantee") or {}).get("URI") in (_EVERYBODY, _SIGNED)
        for grant in given.get("Grants") or ()
    )


def _not_with_ownership() -> AwsError:
    return errors.invalid(
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        code="InvalidBucketAclWithObjectOwnership",
    )
