"""Shard iterators: where somebody reads next, as text. Pure.

https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetShardIterator.html
"""

from __future__ import annotations

import binascii
import struct
import zlib
from base64 import b64decode, b64encode
from typing import NamedTuple

from emulator.model.errors import AwsError
from emulator.services.kinesis import errors

#: Milliseconds for which an iterator is good.
LASTS_MS = 300_000
_FORM = struct.Struct("!QQIQQQ16s")


class ShardIterator(NamedTuple):
    """Where somebody reads next."""

    stream: int
    shard: int
    #: The number of the record that is read next.
    number: int
    #: When it was made, in milliseconds since the epoch.
    made_ms: int
    #: Only records that came then or later; milliseconds since the epoch.
    after_ms: int = 0

    def __str__(self) -> str:
        content = _FORM.pack(
            1, self.stream, self.shard, self.number, self.made_ms, self.after_ms, b""
        )
        check = zlib.crc32(content).to_bytes(4)
        # As long as AWS's, so that nobody reserves too little for them.
        return b64encode(content + check * 21).decode()


def parse(text: str) -> ShardIterator:
    """Return what an iterator says.

    Raises:
        AwsError: It is not one of ours.
    """
    try:
        # AWS takes them in quotation marks as well.
        content = b64decode(text.strip('"'), validate=True)
        version, *fields, _ = _FORM.unpack(content[: _FORM.size])
    except (binascii.Error, struct.error, ValueError):
        raise errors.invalid("Invalid ShardIterator.") from None
    check = zlib.crc32(content[: _FORM.size]).to_bytes(4)
    if version != 1 or content[_FORM.size :] != check * 21:
        raise errors.invalid("Invalid ShardIterator.")
    return ShardIterator(*fields)


def expired(made_ms: int, now_ms: int) -> AwsError | None:
    """Return the error for an iterator that is too old; None if it is not."""
    if now_ms - made_ms <= LASTS_MS:
        return None
    return AwsError(
        "ExpiredIteratorException",
        f"Iterator expired. The iterator was created at time {_shown(made_ms)} while right now it "
        f"is {_shown(now_ms)} which is further in the future than the tolerated delay of "
        f"{LASTS_MS} milliseconds.",
    )


def _shown(moment_ms: int) -> str:
    from time import gmtime, strftime

    return strftime("%a %b %d %H:%M:%S UTC %Y", gmtime(moment_ms / 1000))
