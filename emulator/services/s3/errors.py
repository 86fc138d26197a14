"""S3's errors, in its words.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import re

from emulator.model.errors import AwsError


def no_such_bucket(bucket: str) -> AwsError:
    """Return the error of a bucket that is not there."""
    return AwsError(
        "NoSuchBucket", "The specified bucket does not exist", status=404, BucketName=bucket
    )


def no_such_key(key: str) -> AwsError:
    """Return the error of an object that is not there."""
    return AwsError("NoSuchKey", "The specified key does not exist.", status=404, Key=key)


def no_such_version(key: str, version: str) -> AwsError:
    """Return the error of a version that is not there."""
    return AwsError(
        "NoSuchVersion",
        "The specified version does not exist.",
        status=404,
        Key=key,
        VersionId=version,
    )


def no_such_upload(upload: str) -> AwsError:
    """Return the error of a multipart upload that is not there."""
    return AwsError(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have"
        " been aborted or completed.",
        status=404,
        UploadId=upload,
    )


def invalid(message: str, *, code: str = "InvalidArgument", **fields: str) -> AwsError:
    """Return the error of an argument that S3 does not take."""
    return AwsError(code, message, status=400, **fields)


def malformed() -> AwsError:
    """Return the error of a body that lacks what it needs."""
    return invalid(
        "The XML you provided was not well-formed or did not validate against our published schema",
        code="MalformedXML",
    )


def precondition_failed(condition: str) -> AwsError:
    """Return the error of a condition that does not hold.

    Args:
        condition: The header's name, e.g. "If-Match".
    """
    return AwsError(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        status=412,
        Condition=condition,
    )


def not_implemented(header: str, **fields: str) -> AwsError:
    """Return the error of headers that S3 knows and does not take.

    Args:
        header: Their names, e.g. "If-Match".
        fields: What the error has beside.
    """
    return AwsError(
        "NotImplemented",
        "A header you provided implies functionality that is not implemented",
        status=501,
        Header=header,
        **fields,
    )


def conflict(condition: str, key: str) -> AwsError:
    """Return the error of a condition that another write has come in the way of."""
    return AwsError(
        "ConditionalRequestConflict",
        "The conditional request cannot succeed due to a conflicting operation against this"
        " resource.",
        status=409,
        Condition=condition,
        Key=key,
    )


#: Parts of an upload.
MOST_PARTS = 10_000
_VERSION = re.compile(r"[A-Za-z0-9._-]{32}|null")


def is_version(version: str, *, versioned: bool) -> bool:
    """Say whether a bucket could have a version of this name."""
    return version == "null" or (versioned and _VERSION.fullmatch(version) is not None)


def refuse_version(version: str | None, *, versioned: bool) -> None:
    """Refuse what is no version's name, and every one where there never were versions.

    Args:
        version: It; None for the newest.
        versioned: The bucket has, or had, versions.

    Raises:
        AwsError: InvalidArgument.
    """
    if version is None or is_version(version, versioned=versioned):
        return
    message = "Invalid version id specified" if version else "Version id cannot be the empty string"
    raise invalid(message, ArgumentName="versionId", ArgumentValue=version)


def refuse_part_number(number: int) -> None:
    """Refuse what is no part's number.

    Raises:
        AwsError: InvalidArgument.
    """
    if not 1 <= number <= MOST_PARTS:
        raise invalid(
            f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=str(number),
        )


def not_modified() -> AwsError:
    """Return the answer to a conditional read of what has not changed."""
    return AwsError("304", "Not Modified", status=304)


def method_not_allowed(method: str) -> AwsError:
    """Return the error of reading a delete marker by its version."""
    return AwsError(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        status=405,
        Method=method,
        ResourceType="DeleteMarker",
    )
