"""Checksums of objects: computed as they stream, compared with what the client says.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from emulator.model.errors import AwsError

#: Algorithms by name, and the member of requests and answers that holds each.
MEMBERS = {
    "CRC32": "ChecksumCRC32",
    "CRC32C": "ChecksumCRC32C",
    "CRC64NVME": "ChecksumCRC64NVME",
    "SHA1": "ChecksumSHA1",
    "SHA256": "ChecksumSHA256",
}
#: What S3 computes where the client says nothing of checksums.
USUAL = "CRC64NVME"
#: Their headers and trailers.
HEADERS = {f"x-amz-checksum-{name.lower()}": name for name in MEMBERS}


class Hash(Protocol):
    """A checksum that grows with what it is fed."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""
        ...

    def digest(self) -> bytes:
        """Return the checksum of all bytes so far."""
        ...


class _Crc:
    """A cyclic redundancy check of ``width`` bytes."""

    def __init__(self, step: Callable[[bytes, int], int], width: int) -> None:
        self._step, self._width, self._value = step, width, 0

    def update(self, data: bytes, /) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width)


def make(algorithm: str) -> Hash:
    """Return an empty checksum.

    Raises:
        AwsError: InvalidRequest: there is no such algorithm.
    """
    match algorithm:
        case "CRC32":
            return _Crc(zlib.crc32, 4)
        case "CRC32C":
            return _Crc(_awscrt().crc32c, 4)
        case "CRC64NVME":
            return _Crc(_awscrt().crc64nvme, 8)
        case "SHA1":
            return hashlib.sha1(usedforsecurity=False)
        case "SHA256":
            return hashlib.sha256()
    raise AwsError(
        "InvalidRequest",
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types:"
        " [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
        status=400,
    )


def _awscrt() -> Any:
    from awscrt import checksums

    return checksums


class Digest:
    """The MD5 and the checksums of a body, while it is read.

    Args:
        algorithms: Names of the checksums that are wanted.
    """

    def __init__(self, algorithms: set[str]) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sums = {name: make(name) for name in algorithms}
        self.size = 0

    def update(self, data: bytes) -> None:
        """Take more bytes; blocks for as long as hashing takes."""
        self.size += len(data)
        self._md5.update(data)
        for one in self._sums.values():
            one.update(data)

    @property
    def md5(self) -> bytes:
        """Return the MD5 of all bytes so far."""
        return self._md5.digest()

    @property
    def etag(self) -> str:
        """Return the ETag, without its quotes."""
        return self._md5.hexdigest()

    def sums(self) -> dict[str, str]:
        """Return the checksums in base64, by algorithm."""
        return {name: b64encode(one.digest()).decode() for name, one in self._sums.items()}


def shown_type(sums: Mapping[str, str]) -> str | None:
    """Return what a checksum is of: the whole object, or the checksums of its parts."""
    if not sums:
        return None
    return "COMPOSITE" if any("-" in value for value in sums.values()) else "FULL_OBJECT"


def combined(parts: Sequence[tuple[str, int]]) -> str:
    """Return the CRC64NVME of what has been uploaded in parts.

    Args:
        parts: The checksum in base64, and the size in bytes, of each.
    """
    whole = 0
    for text, size in parts:
        whole = _awscrt().combine_crc64nvme(whole, int.from_bytes(b64decode(text)), size)
    return b64encode(whole.to_bytes(8)).decode()


def wanted(request: Mapping[str, Any]) -> set[str]:
    """Return the algorithms that a request asks for or gives a value of.

    Raises:
        AwsError: InvalidRequest: it gives two values, or one that is none.
    """
    found = {name for name, member in MEMBERS.items() if request.get(member)}
    if len(found) > 1:
        raise AwsError(
            "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            status=400,
        )
    for name in found:
        _refuse_malformed(name, str(request[MEMBERS[name]]))
    algorithm = request.get("ChecksumAlgorithm")
    return found | ({str(algorithm)} if algorithm else set())


def _refuse_malformed(algorithm: str, value: str) -> None:
    try:
        size = len(b64decode(value, validate=True))
    except ValueError:
        size = 0
    if size != len(make(algorithm).digest()):
        raise AwsError(
            "InvalidRequest",
            f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.",
            status=400,
        )


def refuse_wrong(digest: Digest, request: Mapping[str, Any]) -> None:
    """Refuse a body that is not what the client meant to send.

    Raises:
        AwsError: BadDigest or InvalidDigest (400).
    """
    md5 = request.get("ContentMD5")
    if md5:
        expected = b64encode(digest.md5).decode()
        if len(str(md5)) != 24:
            raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.",
                           status=400)  # fmt: skip
        if md5 != expected:
            raise AwsError(
                "BadDigest",
                "The Content-MD5 you specified did not match what we received.",
                status=400,
                ExpectedDigest=str(md5),
                CalculatedDigest=expected,
            )
    for name, value in digest.sums().items():
        given = request.get(MEMBERS[name])
        if given and given != value:
            raise AwsError(
                "BadDigest",
                f"The {name} you specified did not match the calculated checksum.",
                status=400,
            )
