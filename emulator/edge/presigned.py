"""Presigned URLs end when they say so.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs

from emulator.model.errors import AwsError

#: Seconds that a URL signed by version 4 may last.
_LONGEST_S = 7 * 86400


#: What a signature in a query consists of, and what S3 says of one that lacks some of it.
_PARTS = (
    (
        ("Algorithm", "Credential", "Signature", "Date", "SignedHeaders", "Expires"),
        "X-Amz-",
        (
            "AuthorizationQueryParametersError",
            "Query-string authentication version 4 requires the X-Amz-Algorithm,"
            " X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and"
            " X-Amz-Expires parameters.",
            400,
        ),
    ),
    (
        ("Signature", "Expires", "AWSAccessKeyId"),
        "",
        (
            "AccessDenied",
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId"
            " parameters",
            403,
        ),
    ),
)


def check_whole(query: str) -> None:
    """Refuse an address whose signature lacks a part, as S3 does.

    Args:
        query: The request's query string.

    Raises:
        AwsError: AuthorizationQueryParametersError (400), or, of version 2, AccessDenied (403).
    """
    if not any(part in query for part in ("X-Amz-", "Signature=", "AWSAccessKeyId=")):
        return
    given = parse_qs(query, keep_blank_values=True)
    for names, prefix, (code, message, status) in _PARTS:
        there = [f"{prefix}{name}" in given for name in names]
        if any(there) and not all(there):
            raise AwsError(code, message, status=status)


def check(query: str, now: float) -> None:
    """Refuse a request by a presigned URL that has expired, or that never says when it does.

    Args:
        query: The request's query string.
        now: Seconds since the epoch.

    Raises:
        AwsError: AccessDenied (403), or AuthorizationQueryParametersError (400).
    """
    if "X-Amz-Expires=" in query:
        given = parse_qs(query)
        _check_dated(given.get("X-Amz-Date", [""])[0], given.get("X-Amz-Expires", [""])[0], now)
    elif "AWSAccessKeyId=" in query and "Expires=" in query:
        text = parse_qs(query).get("Expires", [""])[0]
        if text.isdecimal() and len(text) < 12 and int(text) <= now:
            raise _expired(float(text), now)


def _check_dated(date: str, text: str, now: float) -> None:
    if not text.removeprefix("-").isdecimal():
        raise _malformed("X-Amz-Expires should be a number")
    if text.startswith("-"):
        raise _malformed("X-Amz-Expires must be non-negative")
    if len(text) > 9 or int(text) > _LONGEST_S:
        raise _malformed(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires"
            f" must be less than {_LONGEST_S} seconds"
        )
    try:
        signed = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise _malformed(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        ) from None
    if signed + int(text) <= now:
        raise _expired(signed + int(text), now, **{"X-Amz-Expires": text})


def _expired(end: float, now: float, **more: str) -> AwsError:
    return AwsError(
        "AccessDenied",
        "Request has expired",
        status=403,
        **more,
        Expires=_time(end),
        ServerTime=_time(now),
    )


def _malformed(text: str) -> AwsError:
    return AwsError("AuthorizationQueryParametersError", text, status=400)


def _time(moment: float) -> str:
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
