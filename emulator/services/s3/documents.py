"""Documents of buckets: policy, lifecycle, CORS and the like, kept whole by one table.

Each is put, got and deleted by operations that differ in their names alone, and where there is none
each has an error (or a default) of its own. What acts on a document reads it where it acts.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.s3 import (
    acls,
    encryption,
    errors,
    expiry,
    public_access,
    rows,
    tags,
    website,
)
from emulator.services.s3.rows import Bucket
from emulator.services.s3.state import ACL, HELD, OWNERSHIP, PUBLIC_ACCESS, S3, of

Handler = Callable[[Context, Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One kind of document."""

    #: What operations call it: "BucketCors" in PutBucketCors.
    name: str
    #: What the database calls it.
    kind: str
    #: The member of the put request that holds it.
    member: str
    #: Code and message where there is none; "" answers ``default`` instead.
    missing: tuple[str, str] = ("", "")
    #: What a bucket has from the start; with ``missing``, until it is deleted.
    default: Mapping[str, Any] = field(default_factory=dict)
    #: Members that are put and got beside it, with what they are without a value.
    beside: Mapping[str, str] = field(default_factory=dict)
    #: The member of the answer that holds it; "" spreads it over the answer.
    answer: str = ""
    #: Names of its operations where they are not Put…, Get… and Delete… of ``name``.
    put: tuple[str, ...] = ()
    get: tuple[str, ...] = ()
    #: None for no such operation.
    delete: str | None = ""
    #: Documents of which a bucket has several, each with an Id: the list operation.
    list: str = ""
    #: The status of the answer to its put.
    status: int = 200
    #: (state, bucket, document): refuses what S3 does not take.
    check: Callable[[S3, Bucket, Mapping[str, Any]], None] = lambda state, bucket, body: None
    #: Adds to what was put what is read although it was not put.
    completed: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda body: body


#: What a check finds the name under by which a request calls a document.
_NAMED = "named"

#: What is kept where a document that a bucket has from the start is deleted.
_DELETED = {"": "deleted"}


def _check_tags(state: S3, bucket: Bucket, body: Mapping[str, Any]) -> None:
    tags.check(body.get("TagSet") or [], "bucket")


def _check_encryption(state: S3, bucket: Bucket, body: Mapping[str, Any]) -> None:
    encryption.check(body)


def _check_not_empty(state: S3, bucket: Bucket, body: Mapping[str, Any]) -> None:
    if not body:
        raise errors.malformed()


def _check_acceleration(state: S3, bucket: Bucket, body: Mapping[str, Any]) -> None:
    if not body.get("Status"):
        raise errors.malformed()
    if "." in bucket.name:
        raise errors.invalid(
            "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names",
            code="InvalidRequest",
        )


#: What ACLs and policies the public may not have, where nothing is said of some.
_BLOCKS = dict.fromkeys(public_access.USUAL, False)


def _whole_block(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**_BLOCKS, **body}


def _whole_encryption(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Rules": [{"BucketKeyEnabled": False, **rule} for rule in body["Rules"]]}


def _check_same_id(state: S3, bucket: Bucket, body: Mapping[str, Any]) -> None:
    if body["Id"] != body[_NAMED]:
        raise errors.malformed()


def _check_inventory(state: S3, bucket: Bucket, body: Mapping[str, Any]) -> None:
    if body["Id"] != body[_NAMED]:
        text = "Document ID does not match the specified configuration ID."
        raise errors.invalid(text, code="IdMismatch")
    target = ((body.get("Destination") or {}).get("S3BucketDestination") or {}).get("Bucket")
    if not str(target).startswith("arn:aws:s3:::"):
        raise errors.invalid("Invalid bucket ARN.", code="InvalidS3DestinationBucket")


_METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")


def _check_cors(state: S3, bucket: Bucket, body: Mapping[str, Any]) -> None:
    for rule in body.get("CORSRules") or ():
        for method in rule.get("AllowedMethods") or ():
            if method not in _METHODS:
                text = (
                    f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
                )
                raise errors.invalid(text, code="InvalidRequest")
        for member, name in (
            ("AllowedOrigins", "AllowedOrigin"),
            ("AllowedHeaders", "AllowedHeader"),
        ):
            for value in rule.get(member) or ():
                if value.count("*") > 1:
                    text = f'{name} "{value}" can not have more than one wildcard.'
                    raise errors.invalid(text, code="InvalidRequest")
        for value in rule.get("ExposeHeaders") or ():
            if "*" in value:
                text = (
                    f'ExposeHeader "{value}" contains wildcard. We currently do not support'
                    " wildcard for ExposeHeader."
                )
                raise errors.invalid(text, code="InvalidRequest")


def _check_logging(state: S3, bucket: Bucket, body: Mapping[str, Any]) -> None:
    target = (body.get("LoggingEnabled") or {}).get("TargetBucket")
    if target is None:
        return
    there = state.find_bucket(target)
    if there is None:
        raise errors.invalid(
            "The target bucket for logging does not exist",
            code="InvalidTargetBucketForLogging",
            TargetBucket=target,
        )
    if there.region != bucket.region:
        source = {} if bucket.region == "us-east-1" else {"SourceBucketLocation": bucket.region}
        raise AwsError(
            "CrossLocationLoggingProhibitted",
            "Cross S3 location logging not allowed. ",
            status=403,
            **source,
            TargetBucketLocation=there.region,
        )


def _check_website(state: S3, bucket: Bucket, body: Mapping[str, Any]) -> None:
    website.check(body)


def _check_lifecycle(state: S3, bucket: Bucket, body: Mapping[str, Any]) -> None:
    expiry.check(body)


_NO_CONFIGURATION = ("NoSuchConfiguration", "The specified configuration does not exist.")

DOCUMENTS = (
    Document(
        name="BucketCors",
        kind="cors",
        member="CORSConfiguration",
        missing=("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
        check=_check_cors,
    ),
    Document(
        name="BucketLifecycleConfiguration",
        kind="lifecycle",
        member="LifecycleConfiguration",
        missing=(
            "NoSuchLifecycleConfiguration",
            "The lifecycle configuration does not exist",
        ),
        check=_check_lifecycle,
        completed=expiry.with_names,
        beside={"TransitionDefaultMinimumObjectSize": "all_storage_classes_128K"},
        delete="DeleteBucketLifecycle",
    ),
    Document(
        name="BucketTagging",
        kind="tagging",
        member="Tagging",
        missing=("NoSuchTagSet", "The TagSet does not exist"),
        status=204,
        check=_check_tags,
    ),
    Document(
        name="BucketWebsite",
        kind="website",
        member="WebsiteConfiguration",
        missing=(
            "NoSuchWebsiteConfiguration",
            "The specified bucket does not have a website configuration",
        ),
        check=_check_website,
    ),
    Document(
        name="BucketReplication",
        kind="replication",
        member="ReplicationConfiguration",
        missing=(
            "ReplicationConfigurationNotFoundError",
            "The replication configuration was not found",
        ),
        answer="ReplicationConfiguration",
    ),
    Document(
        name="BucketEncryption",
        kind=encryption.KIND,
        check=_check_encryption,
        completed=_whole_encryption,
        member="ServerSideEncryptionConfiguration",
        answer="ServerSideEncryptionConfiguration",
        default={
            "Rules": [
                {
                    "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
                    "BucketKeyEnabled": False,
                }
            ]
        },
    ),
    Document(
        name="BucketOwnershipControls",
        kind=OWNERSHIP,
        member="OwnershipControls",
        answer="OwnershipControls",
        check=acls.check_ownership,
        missing=(
            "OwnershipControlsNotFoundError",
            "The bucket ownership controls were not found",
        ),
        default=acls.USUAL_OWNERSHIP,
    ),
    Document(
        name="PublicAccessBlock",
        kind=PUBLIC_ACCESS,
        member="PublicAccessBlockConfiguration",
        answer="PublicAccessBlockConfiguration",
        check=_check_not_empty,
        completed=_whole_block,
        missing=(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        ),
        default=public_access.USUAL,
    ),
    Document(
        name="BucketLogging",
        kind="logging",
        check=_check_logging,
        member="BucketLoggingStatus",
        delete=None,
    ),
    Document(
        name="BucketAccelerateConfiguration",
        kind="accelerate",
        check=_check_acceleration,
        member="AccelerateConfiguration",
        delete=None,
    ),
    Document(
        name="BucketRequestPayment",
        kind="request-payment",
        member="RequestPaymentConfiguration",
        default={"Payer": "BucketOwner"},
        delete=None,
    ),
    Document(
        name="BucketAnalyticsConfiguration",
        kind="analytics",
        status=204,
        member="AnalyticsConfiguration",
        check=_check_same_id,
        answer="AnalyticsConfiguration",
        missing=_NO_CONFIGURATION,
        list="ListBucketAnalyticsConfigurations",
    ),
    Document(
        name="BucketIntelligentTieringConfiguration",
        kind="intelligent-tiering",
        member="IntelligentTieringConfiguration",
        check=_check_same_id,
        answer="IntelligentTieringConfiguration",
        missing=_NO_CONFIGURATION,
        list="ListBucketIntelligentTieringConfigurations",
    ),
    Document(
        name="BucketInventoryConfiguration",
        kind="inventory",
        status=204,
        member="InventoryConfiguration",
        check=_check_inventory,
        answer="InventoryConfiguration",
        missing=_NO_CONFIGURATION,
        list="ListBucketInventoryConfigurations",
    ),
    Document(
        name="BucketMetricsConfiguration",
        kind="metrics",
        status=204,
        member="MetricsConfiguration",
        check=_check_same_id,
        answer="MetricsConfiguration",
        missing=_NO_CONFIGURATION,
        list="ListBucketMetricsConfigurations",
    ),
)


def _name(name: str) -> Callable[[Handler], Handler]:
    """Name a handler as the SDK for Python names its operation."""

    def decorate(handler: Handler) -> Handler:
        from emulator.wire.model import snake_name

        handler.__name__ = snake_name(name)
        return handler

    return decorate


async def _act(
    state: S3, document: Document, bucket: Bucket, body: Mapping[str, Any] | None
) -> None:
    """Let what acts on a kind of document know of a new one; None: there is none any more."""
    if document.kind == expiry.KIND:
        await state.lifecycle.change(bucket, body)
    elif document.kind in HELD:
        state.hold(document.kind, bucket.name, body)


def _handlers(document: Document) -> dict[str, Handler]:
    several = bool(document.list)

    def id_of(request: Request) -> str:
        return str(request["Id"]) if several else ""

    async def put(ctx: Context, request: Request) -> Response:
        state = of(ctx)
        bucket = state.bucket(str(request["Bucket"]))
        beside = {key: request.get(key) or usual for key, usual in document.beside.items()}
        body = {**(request.get(document.member) or {}), **beside}
        name = id_of(request)
        document.check(state, bucket, {**body, _NAMED: name} if several else body)
        body = {**document.completed(body)}
        await state.database.write(
            lambda c: rows.put_document(c, bucket.name, document.kind, name, body)
        )
        await _act(state, document, bucket, body)
        ctx.status = document.status
        return beside

    async def get(ctx: Context, request: Request) -> Response:
        state = of(ctx)
        bucket = state.bucket(str(request["Bucket"]))
        name = id_of(request)
        found = await state.database.read(
            lambda c: rows.document(c, bucket.name, document.kind, name)
        )
        code, message = document.missing
        if found == _DELETED or (found is None and code and not document.default):
            raise AwsError(
                code, message, status=404, **({} if several else {"BucketName": bucket.name})
            )
        if found is None:
            found = dict(document.default)
        return {document.answer: found} if document.answer else dict(found)

    async def delete(ctx: Context, request: Request) -> Response:
        state = of(ctx)
        bucket = state.bucket(str(request["Bucket"]))
        name = id_of(request)
        left = _DELETED if document.missing[0] and document.default else None
        await state.database.write(
            lambda c: rows.put_document(c, bucket.name, document.kind, name, left)
        )
        await _act(state, document, bucket, left)
        return {}

    async def listed(ctx: Context, request: Request) -> Response:
        state = of(ctx)
        bucket = state.bucket(str(request["Bucket"]))
        found = await state.database.read(lambda c: rows.documents(c, bucket.name, document.kind))
        return {"IsTruncated": False, f"{document.member}List": found or None}

    made = {f"Put{document.name}": put, f"Get{document.name}": get}
    if document.delete is not None:
        made[document.delete or f"Delete{document.name}"] = delete
    if several:
        made[document.list] = listed
    return {name: _name(name)(handler) for name, handler in made.items()}


OPERATIONS: dict[str, Handler] = {
    name: handler for document in DOCUMENTS for name, handler in _handlers(document).items()
}


async def get_bucket_policy(ctx: Context, request: Request) -> Response:
    """Handle GetBucketPolicy."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    found = await state.database.read(lambda c: rows.document(c, bucket.name, "policy"))
    if found is None:
        raise AwsError(
            "NoSuchBucketPolicy",
            "The bucket policy does not exist",
            status=404,
            BucketName=bucket.name,
        )
    return {"Policy": found}


async def put_bucket_policy(ctx: Context, request: Request) -> Response:
    """Handle PutBucketPolicy. The policy is kept, and not evaluated."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    text = str(request["Policy"])
    try:
        policy = json.loads(text)
    except ValueError:
        policy = None
    if not isinstance(policy, dict):
        raise errors.invalid(
            "Policies must be valid JSON and the first byte must be '{'", code="MalformedPolicy"
        )
    if not policy.get("Statement"):
        raise errors.invalid("Missing required field Statement", code="MalformedPolicy")
    public_access.check_policy(ctx, state, bucket, policy)
    await state.database.write(lambda c: rows.put_document(c, bucket.name, "policy", "", text))
    ctx.status = 204
    return {}


async def delete_bucket_policy(ctx: Context, request: Request) -> Response:
    """Handle DeleteBucketPolicy."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    await state.database.write(lambda c: rows.put_document(c, bucket.name, "policy", "", None))
    return {}


async def get_bucket_policy_status(ctx: Context, request: Request) -> Response:
    """Handle GetBucketPolicyStatus."""
    policy = json.loads((await get_bucket_policy(ctx, request))["Policy"])
    return {"PolicyStatus": {"IsPublic": public_access.is_public(policy)}}


async def get_bucket_acl(ctx: Context, request: Request) -> Response:
    """Handle GetBucketAcl: the owner may do everything."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    return acls.shown(state, bucket, state.held(ACL, bucket.name))


async def put_bucket_acl(ctx: Context, request: Request) -> Response:
    """Handle PutBucketAcl: a list is kept, and not evaluated."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    body = acls.needed(state, bucket, request)
    await state.database.write(lambda c: rows.put_document(c, bucket.name, ACL, "", body))
    state.hold(ACL, bucket.name, body)
    return {}


OPERATIONS |= {
    "DeleteBucketPolicy": delete_bucket_policy,
    "GetBucketAcl": get_bucket_acl,
    "GetBucketPolicy": get_bucket_policy,
    "GetBucketPolicyStatus": get_bucket_policy_status,
    "PutBucketAcl": put_bucket_acl,
    "PutBucketPolicy": put_bucket_policy,
}
