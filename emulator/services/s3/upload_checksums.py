"""Checksums of multipart uploads: of each part, and of the whole.

A whole has the checksum of its bytes (FULL_OBJECT), or one of its parts' checksums (COMPOSITE).

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.s3 import checksums, errors
from emulator.services.s3.checksums import MEMBERS
from emulator.services.s3.files import ObjectFiles
from emulator.services.s3.rows import StoredObject
from emulator.services.s3.upload_rows import Part, Upload

_WHOLE, _OF_PARTS = "FULL_OBJECT", "COMPOSITE"
#: Algorithms that can do one of both alone.
_ONLY = {"SHA1": _OF_PARTS, "SHA256": _OF_PARTS, "CRC64NVME": _WHOLE}


def of_request(request: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the algorithm of a new upload, and what its checksum is of; None where none is named.

    Raises:
        AwsError: InvalidRequest: they do not go together.
    """
    algorithm, kind = request.get("ChecksumAlgorithm"), request.get("ChecksumType")
    if algorithm is None:
        if kind is not None:
            raise _invalid(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm"
                " header."
            )
        return None, None
    checksums.make(algorithm)
    only = _ONLY.get(algorithm)
    if kind is not None and only not in (None, kind):
        raise _invalid(
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum"
            " algorithm."
        )
    return algorithm, kind or only or _OF_PARTS


def refuse_other(upload: Upload, given: set[str]) -> None:
    """Refuse a part that has another checksum than its upload began with.

    Args:
        upload: The upload.
        given: The algorithms that the part's request names.

    Raises:
        AwsError: InvalidRequest.
    """
    expected = upload.details.get("algorithm")
    others = sorted(given - {str(expected)})
    if expected and others:
        raise _invalid(
            f"Checksum Type mismatch occurred, expected checksum Type: {expected.lower()}, actual"
            f" checksum Type: {others[0].lower()}"
        )


def refuse_kind(upload: Upload, request: Mapping[str, Any]) -> None:
    """Refuse a completion that means another kind of checksum than its upload.

    Raises:
        AwsError: InvalidRequest.
    """
    kind, given = upload.details.get("checksum_type"), request.get("ChecksumType")
    if given not in (None, kind):
        raise _invalid(
            f"The upload was created using the {kind or 'null'} checksum mode. The complete request"
            " must use the same checksum mode."
        )


def is_of(upload: Upload, named: Mapping[str, Any], part: Part) -> bool:
    """Say whether the checksum that a completion names is that of the part.

    Raises:
        AwsError: InvalidRequest: it names none, and the whole's checksum is one of its parts'.
    """
    algorithm = upload.details.get("algorithm")
    if not algorithm:
        return True
    given = named.get(MEMBERS[algorithm])
    if given is None and upload.details["checksum_type"] == _OF_PARTS:
        raise _invalid(
            f"The upload was created using a {algorithm.lower()} checksum. The complete request"
            " must include the checksum for each part. It was missing for part"
            f" {part.number} in the request."
        )
    return given in (None, part.checksums.get(algorithm))


async def of_whole(
    files: ObjectFiles, upload: Upload, parts: list[Part], file: str, request: Mapping[str, Any]
) -> dict[str, str]:
    """Return the checksum of what the parts make together.

    Args:
        files: What objects hold.
        upload: The upload.
        parts: Its parts, in order.
        file: What they were joined in.
        request: The completion, which may name the checksum.

    Raises:
        AwsError: BadDigest: it names another one.
    """
    found = await _sum(files, upload, parts, file)
    for algorithm, value in found.items():
        given = request.get(MEMBERS[algorithm])
        if given is not None and given not in (value, value.partition("-")[0]):
            text = f"The {algorithm.lower()} you specified did not match the calculated checksum."
            raise AwsError("BadDigest", text, status=400)
    return found


async def _sum(files: ObjectFiles, upload: Upload, parts: list[Part], file: str) -> dict[str, str]:
    algorithm = upload.details.get("algorithm")
    if not algorithm:
        usual = [
            (part.checksums[checksums.USUAL], part.size)
            for part in parts
            if checksums.USUAL in part.checksums
        ]
        return {checksums.USUAL: checksums.combined(usual)} if len(usual) == len(parts) else {}
    if upload.details.get("checksum_type") == _WHOLE:
        size = sum(part.size for part in parts)
        digest = checksums.make(str(algorithm))
        whole = StoredObject(bucket="", key="", size=size, file=file)
        async for piece in files.read(whole.body, 0, size):
            digest.update(piece)
        return {str(algorithm): b64encode(digest.digest()).decode()}
    sums = [part.checksums.get(str(algorithm)) for part in parts]
    if not all(sums):
        return {}
    outer = checksums.make(str(algorithm))
    outer.update(b"".join(b64decode(each) for each in sums if each))
    return {str(algorithm): f"{b64encode(outer.digest()).decode()}-{len(parts)}"}


def _invalid(message: str) -> AwsError:
    return errors.invalid(message, code="InvalidRequest")
