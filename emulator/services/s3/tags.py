"""Tags of buckets and objects: what S3 takes.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import parse_qs

from emulator.model import system_tags
from emulator.model.errors import AwsError
from emulator.services.s3 import errors

#: Tags of one object.
MOST = 10
#: Tags of one bucket.
_MOST_OF_BUCKET = 50
_LONGEST_KEY, _LONGEST_VALUE = 128, 256
_TEXT = re.compile(r"[\w\s.:/=+\-@]*")
#: What has the prefix of AWS's own tags is refused in other words where it is given otherwise.
_RESERVED = {
    "bucket": "System tags cannot be added/updated by requester",
    "new bucket": 'User-defined tag keys can\'t start with "aws:". This prefix is reserved for'
    ' system tags. Remove "aws:" from your tag keys and try again.',
    "object": "Your TagKey cannot be prefixed with aws:",
}


def check(
    given: Sequence[Mapping[str, Any]], on: Literal["bucket", "new bucket", "object"]
) -> None:
    """Refuse a set of tags that S3 does not take.

    Args:
        given: Each with its ``Key`` and ``Value``.
        on: What is to have them.

    Raises:
        AwsError: MalformedXML, InvalidTag, BadRequest, or (as AWS does) InternalError.
    """
    if on == "object" and len(given) > MOST:
        raise too_many()
    own = system_tags.counted(tag.get("Key") or "" for tag in given)
    if on != "object" and own > _MOST_OF_BUCKET:
        text = f"Bucket tag count cannot be greater than {_MOST_OF_BUCKET}"
        raise errors.invalid(text, code="BadRequest")
    seen = set()
    for tag in given:
        key, value = tag.get("Key"), tag.get("Value")
        if key is None or value is None:
            raise errors.malformed()
        if key in seen:
            if on == "new bucket":
                text = "We encountered an internal error. Please try again."
                raise AwsError("InternalError", text, status=500)
            raise _invalid("Cannot provide multiple Tags with the same key", TagKey=key)
        if system_tags.is_refused(key):
            raise _invalid(_RESERVED[on], **({} if on == "new bucket" else {"TagKey": key}))
        if not 0 < len(key) <= _LONGEST_KEY or _TEXT.fullmatch(key) is None:
            raise _invalid("The TagKey you have provided is invalid", TagKey=key)
        if len(value) > _LONGEST_VALUE or _TEXT.fullmatch(value) is None:
            text = "The TagValue you have provided is invalid"
            raise _invalid(text, TagKey=key, TagValue=value)
        seen.add(key)


def of_header(header: Any) -> dict[str, str]:
    """Return the tags of the header ``x-amz-tagging``.

    Raises:
        AwsError: InvalidArgument: it names a tag twice, or has what no tag may have; BadRequest:
            there are more than ten.
    """
    if not header:
        return {}
    named = parse_qs(str(header), keep_blank_values=True)
    for key, values in named.items():
        texts = (key, *values)
        is_key = 0 < len(key) <= _LONGEST_KEY and not key.startswith("aws:")
        if len(values) != 1 or not is_key or not all(map(_TEXT.fullmatch, texts)):
            raise errors.invalid(
                "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query"
                " parameters without tag name duplicates.",
                ArgumentName="x-amz-tagging",
                ArgumentValue=str(header),
            )
    if len(named) > MOST:
        raise too_many()
    return {key: values[0] for key, values in named.items()}


def too_many() -> AwsError:
    """Return the error of an object with more tags than it may have."""
    return errors.invalid(f"Object tags cannot be greater than {MOST}", code="BadRequest")


def _invalid(message: str, **fields: str) -> AwsError:
    return errors.invalid(message, code="InvalidTag", **fields)
