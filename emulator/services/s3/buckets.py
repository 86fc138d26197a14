"""Operations on buckets themselves.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""

from __future__ import annotations

import ipaddress
import re

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.s3 import acls, errors, locks, rows, tags
from emulator.services.s3.listing import from_token, owner_of, to_token
from emulator.services.s3.rows import Bucket
from emulator.services.s3.state import ACL, OWNERSHIP, of

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]")
_FORBIDDEN = re.compile(r"\.\.|\.-|-\.|^xn--|^sthree-|-s3alias$|--ol-s3$|\.mrap$|--x-s3$")
#: Regions, and the old name of the first one of Europe.
_LOCATION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d|EU")
#: The region whose buckets have no location.
_FIRST_REGION = "us-east-1"
_MOST = 10_000


async def create_bucket(ctx: Context, request: Request) -> Response:
    """Handle CreateBucket."""
    state = of(ctx)
    name = str(request["Bucket"])
    if not _is_name(name):
        raise errors.invalid(
            "The specified bucket is not valid.", code="InvalidBucketName", BucketName=name
        )
    configuration = request.get("CreateBucketConfiguration") or {}
    region = configuration.get("LocationConstraint") or ctx.region
    _check_location(configuration.get("LocationConstraint"), ctx.region)
    there = state.find_bucket(name)
    if there is not None:
        if there.account != ctx.account:
            raise AwsError(
                "BucketAlreadyExists",
                "The requested bucket name is not available. The bucket namespace is shared by all"
                " users of the system. Please select a different name and try again.",
                status=409,
                BucketName=name,
            )
        if ctx.region != _FIRST_REGION:
            raise AwsError(
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own"
                " it.",
                status=409,
                BucketName=name,
            )
        return {"Location": f"/{name}", "BucketArn": arn_of(name)}
    locked = bool(request.get("ObjectLockEnabledForBucket"))
    bucket = Bucket(
        name=name,
        account=ctx.account,
        region="eu-west-1" if region == "EU" else region,
        created_at=ctx.clock.now(),
        versioning="Enabled" if locked else "",
        object_lock=locked,
    )
    given = configuration.get("Tags") or []
    tags.check(given, "new bucket")
    ownership, acl = acls.ownership_of(request), acls.of_new_bucket(request, ctx.account)
    await state.put_bucket(bucket)
    if ownership:
        rule = {"Rules": [{"ObjectOwnership": ownership}]}
        await state.database.write(lambda c: rows.put_document(c, name, OWNERSHIP, "", rule))
        state.hold(OWNERSHIP, name, rule)
    if acl:
        await state.database.write(lambda c: rows.put_document(c, name, ACL, "", acl))
        state.hold(ACL, name, acl)
    if given:
        body = {"TagSet": given}
        await state.database.write(lambda c: rows.put_document(c, name, "tagging", "", body))
    if locked:
        lock = {"ObjectLockEnabled": "Enabled"}
        await state.database.write(lambda c: rows.put_document(c, name, locks.KIND, "", lock))
    location = f"/{name}" if ctx.region == _FIRST_REGION else f"{ctx.endpoint}/{name}"
    return {"Location": location, "BucketArn": arn_of(name)}


def _check_location(location: str | None, region: str) -> None:
    """Refuse a location that is none, or not where the request was sent to.

    The first region takes requests for all of them.

    Raises:
        AwsError: InvalidLocationConstraint, or IllegalLocationConstraintException.
    """
    if location is not None and (location == _FIRST_REGION or not _LOCATION.fullmatch(location)):
        raise errors.invalid(
            "The specified location-constraint is not valid",
            code="InvalidLocationConstraint",
            LocationConstraint=location,
        )
    if region not in (_FIRST_REGION, location) and (location, region) != ("EU", "eu-west-1"):
        raise errors.invalid(
            f"The {location or 'unspecified'} location constraint is incompatible for the region"
            " specific endpoint this request was sent to.",
            code="IllegalLocationConstraintException",
        )


def arn_of(name: str) -> str:
    """Return the ARN of a bucket."""
    return f"arn:aws:s3:::{name}"


def _is_name(name: str) -> bool:
    if not _NAME.fullmatch(name) or _FORBIDDEN.search(name):
        return False
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return True
    return False


async def delete_bucket(ctx: Context, request: Request) -> Response:
    """Handle DeleteBucket."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    if not await state.delete_bucket(bucket.name):
        versioned = ". You must delete all versions in the bucket." if bucket.versioning else ""
        raise AwsError(
            "BucketNotEmpty",
            f"The bucket you tried to delete is not empty{versioned}",
            status=409,
            BucketName=bucket.name,
        )
    return {}


async def head_bucket(ctx: Context, request: Request) -> Response:
    """Handle HeadBucket."""
    bucket = of(ctx).bucket(str(request["Bucket"]))
    return {"BucketRegion": bucket.region, "AccessPointAlias": False}


async def list_buckets(ctx: Context, request: Request) -> Response:
    """Handle ListBuckets."""
    prefix, region = request.get("Prefix") or "", request.get("BucketRegion")
    token = request.get("ContinuationToken")
    start = from_token(token) if token else ""
    most = min(int(request.get("MaxBuckets") or _MOST), _MOST)
    found = [
        each
        for each in of(ctx).buckets_of(ctx.account)
        if each.name.startswith(prefix) and each.name > start and region in (None, each.region)
    ]
    shown = found[:most]
    return {
        "Buckets": [
            {
                "Name": each.name,
                "CreationDate": each.created_at,
                "BucketRegion": each.region if request else None,
                "BucketArn": arn_of(each.name) if request else None,
            }
            for each in shown
        ],
        "Owner": owner_of(ctx.account),
        "ContinuationToken": to_token(shown[-1].name) if len(found) > most else None,
        "Prefix": prefix or None,
    }


async def get_bucket_location(ctx: Context, request: Request) -> Response:
    """Handle GetBucketLocation."""
    bucket = of(ctx).bucket(str(request["Bucket"]))
    return {"LocationConstraint": None if bucket.region == _FIRST_REGION else bucket.region}


async def get_bucket_versioning(ctx: Context, request: Request) -> Response:
    """Handle GetBucketVersioning."""
    return {"Status": of(ctx).bucket(str(request["Bucket"])).versioning or None}


async def put_bucket_versioning(ctx: Context, request: Request) -> Response:
    """Handle PutBucketVersioning."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    status = request["VersioningConfiguration"].get("Status")
    if status and status not in ("Enabled", "Suspended"):
        raise errors.malformed()
    if not status:
        raise errors.invalid(
            "The Versioning element must be specified",
            code="IllegalVersioningConfigurationException",
        )
    if bucket.object_lock and status == "Suspended":
        raise AwsError(
            "InvalidBucketState",
            "An Object Lock configuration is present on this bucket, so the versioning state cannot"
            " be changed.",
            status=409,
        )
    await state.set_versioning(bucket, status)
    return {}
