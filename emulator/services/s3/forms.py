"""Uploads by a browser's form: its fields become the headers of a PutObject.

The signature of a form is not checked; what its policy allows is.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode
from xml.sax.saxutils import escape, unescape

from emulator.model.errors import AwsError
from emulator.services.s3 import errors

#: Fields that no condition of a policy has to name.
_FREE = frozenset({"awsaccesskeyid", "x-amz-signature", "signature", "file", "policy", "bucket"})
#: Fields that are headers of the upload.
_HEADERS = frozenset(
    "cache-control content-disposition content-encoding content-type expires".split()
)
#: What the fields of a signature begin with.
_SIGNING = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature")
_TAG = re.compile(r"<Tag>\s*<Key>([^<]*)</Key>\s*<Value>([^<]*)</Value>\s*</Tag>")
_LARGEST = 5 << 30

#: A header of the PutObject that stands for a form.
HEADER = "x-localfaas-form"


def key_of(fields: Mapping[str, str]) -> str:
    """Return the key that a form puts.

    Raises:
        AwsError: InvalidArgument: it has none.
    """
    key = fields.get("key", "").replace("${filename}", fields.get("file", ""))
    if key:
        return key
    raise errors.invalid(
        "Bucket POST must contain a field named 'key'.  If it is specified, please check the order"
        " of the fields.",
        ArgumentName="key",
        ArgumentValue="",
    )


def headers_of(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of the PutObject that a form means.

    Raises:
        AwsError: MalformedXML: its tags are not.
    """
    found = {
        name: value
        for name, value in fields.items()
        if name in _HEADERS or (name.startswith("x-amz-") and not name.startswith(_SIGNING))
    }
    found[HEADER] = "1"
    if "acl" in fields:
        found["x-amz-acl"] = fields["acl"]
    if fields.get("tagging"):
        found["x-amz-tagging"] = urlencode(_tags(fields["tagging"]))
    if fields.get("x-amz-credential"):
        found["authorization"] = f"AWS4-HMAC-SHA256 Credential={fields['x-amz-credential']}"
    return found


def _tags(text: str) -> list[tuple[str, str]]:
    pairs = _TAG.findall(text)
    if not pairs and "<Tag>" in text:
        raise errors.invalid("The XML you provided was not well-formed", code="MalformedXML")
    return [(unescape(key), unescape(value)) for key, value in pairs]


def check_policy(bucket: str, fields: Mapping[str, str], now: float) -> tuple[int, int]:
    """Refuse a form that its policy does not allow; return the least and most bytes of its file.

    Raises:
        AwsError: AccessDenied (403), or InvalidPolicyDocument (400).
    """
    encoded = fields.get("policy")
    if not encoded:
        return 0, _LARGEST
    conditions, expires_at = _read(encoded)
    if expires_at <= now:
        raise _denied("Policy expired.")
    given = {**fields, "bucket": bucket}
    named, least, most = set(_FREE), 0, _LARGEST
    for operator, name, value in conditions:
        if operator == "content-length-range":
            least, most = int(name), int(value)
            continue
        named.add(name)
        text = given.get(name, "")
        if not (text.startswith(value) if operator == "starts-with" else text == value):
            shown = json.dumps([operator, f"${name}", value])
            raise _denied(f"Policy Condition failed: {shown}")
    for name in fields:
        if name not in named and not name.startswith("x-ignore-"):
            raise _denied(f"Extra input fields: {name}")
    return least, most


def _read(encoded: str) -> tuple[list[tuple[str, str, str]], float]:
    """Return the conditions of a policy, each as operator, field and value; and when it ends."""
    try:
        document = json.loads(b64decode(encoded))
        moment = datetime.fromisoformat(document["expiration"])
        conditions = [triple for each in document["conditions"] for triple in _triples(each)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise errors.invalid(
            "Invalid Policy: Invalid JSON.", code="InvalidPolicyDocument"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return conditions, moment.timestamp()


def _triples(condition: Any) -> list[tuple[str, str, str]]:
    """Return a condition as triples.

    Raises:
        ValueError: It is none.
    """
    if isinstance(condition, Mapping):
        return [("eq", name.lower(), str(value)) for name, value in condition.items()]
    operator, name, value = condition
    operator = str(operator).lower()
    if operator == "content-length-range":
        return [(operator, str(int(name)), str(int(value)))]
    if operator not in ("eq", "starts-with"):
        raise ValueError(operator)
    return [(operator, str(name).removeprefix("$").lower(), str(value))]


def _denied(why: str) -> AwsError:
    return AwsError("AccessDenied", f"Invalid according to Policy: {why}", status=403)


class Answer(NamedTuple):
    """What a form is answered when its file is there."""

    bucket: str
    key: str
    #: Where the object is now.
    location: str
    fields: Mapping[str, str]

    def of(self, etag: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body.

        Args:
            etag: With its quotes.
        """
        headers = {"location": self.location}
        wanted = self.fields.get("success_action_redirect") or self.fields.get("redirect", "")
        if wanted.startswith(("http://", "https://")):
            query = urlencode({"bucket": self.bucket, "key": self.key, "etag": etag})
            return 303, {"location": f"{wanted}{'&' if '?' in wanted else '?'}{query}"}, b""
        match self.fields.get("success_action_status"):
            case "200":
                return 200, headers, b""
            case "201":
                items = ("Location", self.location), ("Bucket", self.bucket), ("Key", self.key)
                content = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in items)
                body = f"<PostResponse>{content}<ETag>{escape(etag)}</ETag></PostResponse>"
                declared = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
                return 201, {**headers, "content-type": "application/xml"}, declared.encode()
        return 204, headers, b""
