"""Operations that list objects: both ways, and all versions.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

import re
import sqlite3
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from emulator.services.context import Context, Request, Response
from emulator.services.s3 import errors, rows
from emulator.services.s3.checksums import shown_type
from emulator.services.s3.rows import StoredObject
from emulator.services.s3.state import of

_MOST = 1000


@dataclass(slots=True)
class _Page:
    """A page of a listing."""

    found: list[StoredObject] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    #: Where the next page begins: the last key or prefix of this one; "" if there is none.
    following: str = ""
    following_version: str = ""


def _collect(
    connection: sqlite3.Connection,
    bucket: str,
    *,
    prefix: str,
    delimiter: str,
    start: str,
    most: int,
) -> _Page:
    """Return the newest versions behind ``start``; keys that share a prefix are one entry."""
    page, last = _Page(), ""
    while True:
        jumped = False
        inclusive = last.endswith("\U0010ffff")
        for found in rows.after(connection, bucket, prefix, last or start, inclusive=inclusive):
            common = common_prefix(found.key, prefix, delimiter)
            entry = common or found.key
            # A page that ended with a common prefix: what is below it was shown.
            if common and start.startswith(common) and start != "":
                last, jumped = common + "\U0010ffff", True
                break
            if len(page.found) + len(page.prefixes) >= most:
                page.following = last_entry(page)
                return page
            if common:
                page.prefixes.append(common)
                last, jumped = common + "\U0010ffff", True
                break
            page.found.append(found)
            last = entry
        if not jumped:
            return page


def last_entry(page: _Page) -> str:
    """Return the last key or prefix of a page."""
    keys = [each.key for each in page.found[-1:]] + page.prefixes[-1:]
    return max(keys, default="")


def common_prefix(key: str, prefix: str, delimiter: str) -> str:
    """Return what a key has in common with others up to a delimiter; "" for none."""
    if not delimiter:
        return ""
    end = key.find(delimiter, len(prefix))
    return "" if end < 0 else key[: end + len(delimiter)]


def limit(request: Mapping[str, Any], name: str = "MaxKeys") -> int:
    """Return how many entries a page of a list has at most.

    Args:
        request: The request.
        name: The member that says so.

    Raises:
        AwsError: InvalidArgument: it is negative, or no number.
    """
    return min(whole_number(request, name, _MOST), _MOST)


def whole_number(request: Mapping[str, Any], name: str, usual: int = 0) -> int:
    """Return a number that a request gives, which models of AWS have as a text, too.

    Args:
        request: The request.
        name: The member that says it.
        usual: What it is where nothing is said.

    Raises:
        AwsError: InvalidArgument: it is negative, or no number.
    """
    given = request.get(name)
    if given in (None, ""):
        return usual
    parameter = re.sub(r"\B(?=[A-Z])", "-", name).lower()
    named = {"ArgumentName": parameter, "ArgumentValue": str(given)}
    try:
        found = int(given)
    except ValueError:
        text = f"Provided {parameter} not an integer or within integer range"
        raise errors.invalid(text, **named) from None
    if found < 0:
        argument = name[0].lower() + name[1:]
        text = f"Argument {argument} must be an integer between 0 and 2147483647"
        raise errors.invalid(text, **named)
    return found


class Encoding:
    """How keys stand in an answer."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.kind = request.get("EncodingType")
        if self.kind not in (None, "url"):
            raise errors.invalid(
                "Invalid Encoding Method specified in Request",
                ArgumentName="encoding-type",
                ArgumentValue=str(self.kind),
            )

    def __call__(self, text: str | None) -> str | None:
        return text if self.kind is None or text is None else quote(text, safe="/*-._")


def _view(found: StoredObject, encode: Encoding, *, owner: str = "") -> dict[str, Any]:
    sums = found.details.get("checksums") or {}
    return {
        "Key": encode(found.key),
        "LastModified": found.modified_at,
        "ETag": f'"{found.etag}"',
        "Size": found.size,
        "StorageClass": found.details.get("StorageClass", "STANDARD"),
        "ChecksumAlgorithm": list(sums) or None,
        "ChecksumType": shown_type(sums),
        "Owner": owner_of(owner) if owner else None,
    }


def owner_of(account: str) -> dict[str, str]:
    """Return an account as the owner of buckets and objects."""
    return {"ID": account.zfill(64)}


async def list_objects_v2(ctx: Context, request: Request) -> Response:
    """Handle ListObjectsV2."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    encode, most = Encoding(request), limit(request)
    prefix, delimiter = request.get("Prefix") or "", request.get("Delimiter") or ""
    token = request.get("ContinuationToken")
    behind = request.get("StartAfter") if token is None else None
    start = behind or "" if token is None else from_token(token)
    page = await state.database.read(
        lambda c: _collect(
            c, bucket.name, prefix=prefix, delimiter=delimiter, start=start, most=most
        )
    ) if most else _Page()  # fmt: skip
    owner = ctx.account if request.get("FetchOwner") else ""
    return {
        "IsTruncated": bool(page.following),
        "Contents": [_view(each, encode, owner=owner) for each in page.found],
        "Name": bucket.name,
        "Prefix": encode(prefix),
        "Delimiter": encode(delimiter) if delimiter else None,
        "MaxKeys": most,
        "CommonPrefixes": [{"Prefix": encode(each)} for each in page.prefixes],
        "EncodingType": encode.kind,
        "KeyCount": len(page.found) + len(page.prefixes),
        "ContinuationToken": token,
        "NextContinuationToken": to_token(page.following) if page.following else None,
        "StartAfter": encode(behind),
    }


def to_token(key: str) -> str:
    """Return a key as what a next page is asked for by."""
    return urlsafe_b64encode(key.encode()).decode()


def from_token(token: str) -> str:
    """Return the key that a next page begins behind.

    Raises:
        AwsError: InvalidArgument: it is none of ours.
    """
    try:
        if token:
            return b64decode(token, b"-_", validate=True).decode()
    except ValueError:
        pass
    raise errors.invalid(
        "The continuation token provided is incorrect", ArgumentName="continuation-token"
    )


async def list_objects(ctx: Context, request: Request) -> Response:
    """Handle ListObjects."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    encode, most = Encoding(request), limit(request)
    prefix, delimiter = request.get("Prefix") or "", request.get("Delimiter") or ""
    marker = request.get("Marker") or ""
    page = await state.database.read(
        lambda c: _collect(
            c, bucket.name, prefix=prefix, delimiter=delimiter, start=marker, most=most
        )
    ) if most else _Page()  # fmt: skip
    return {
        "IsTruncated": bool(page.following),
        "Marker": encode(marker),
        "NextMarker": encode(page.following) if page.following and delimiter else None,
        "Contents": [_view(each, encode, owner=ctx.account) for each in page.found],
        "Name": bucket.name,
        "Prefix": encode(prefix),
        "Delimiter": encode(delimiter) if delimiter else None,
        "MaxKeys": most,
        "CommonPrefixes": [{"Prefix": encode(each)} for each in page.prefixes],
        "EncodingType": encode.kind,
    }


def _refuse_version_marker(key: str, version: str | None) -> None:
    """Refuse a page of versions that begins nowhere.

    Raises:
        AwsError: InvalidArgument.
    """
    if version is None:
        return
    if not version:
        text = "A version-id marker cannot be empty."
    elif not key:
        text = "A version-id marker cannot be specified without a key marker."
    elif not errors.is_version(version, versioned=True):
        text = "Invalid version id specified"
    else:
        return
    raise errors.invalid(text, ArgumentName="version-id-marker", ArgumentValue=version)


async def list_object_versions(ctx: Context, request: Request) -> Response:
    """Handle ListObjectVersions."""
    state = of(ctx)
    bucket = state.bucket(str(request["Bucket"]))
    encode, most = Encoding(request), limit(request)
    prefix, delimiter = request.get("Prefix") or "", request.get("Delimiter") or ""
    marker, version = request.get("KeyMarker") or "", request.get("VersionIdMarker") or ""
    _refuse_version_marker(marker, request.get("VersionIdMarker"))

    def work(connection: sqlite3.Connection) -> _Page:
        page = _Page()
        last = ("", "")
        number = rows.number_of(connection, bucket.name, marker, version) if version else -1
        for found in rows.versions_after(connection, bucket.name, prefix, marker, number):
            common = common_prefix(found.key, prefix, delimiter)
            if common and (common in page.prefixes[-1:] or marker.startswith(common)):
                continue
            if len(page.found) + len(page.prefixes) >= most:
                page.following, page.following_version = last
                return page
            if common:
                page.prefixes.append(common)
                last = (common, "")
            else:
                page.found.append(found)
                last = (found.key, found.version)
        return page

    page = await state.database.read(work) if most else _Page()
    versions, markers = [], []
    for each in page.found:
        shown = {
            "Key": encode(each.key),
            "VersionId": each.version,
            "IsLatest": each.is_latest,
            "LastModified": each.modified_at,
            "Owner": owner_of(ctx.account),
        }
        if each.is_delete_marker:
            markers.append(shown)
        else:
            versions.append({**_view(each, encode, owner=ctx.account), **shown})
    return {
        "IsTruncated": bool(page.following),
        "KeyMarker": encode(marker),
        "VersionIdMarker": version,
        "NextKeyMarker": encode(page.following) if page.following else None,
        "NextVersionIdMarker": page.following_version or None,
        "Versions": versions,
        "DeleteMarkers": markers,
        "Name": bucket.name,
        "Prefix": encode(prefix),
        "Delimiter": encode(delimiter) if delimiter else None,
        "MaxKeys": most,
        "CommonPrefixes": [{"Prefix": encode(each)} for each in page.prefixes],
        "EncodingType": encode.kind,
    }
