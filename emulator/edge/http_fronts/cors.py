"""CORS headers of function URLs, by their ``Cors`` setting.

https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html#urls-cors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Headers = list[tuple[bytes, bytes]]


def is_preflight(method: str, headers: Mapping[bytes, bytes]) -> bool:
    """Say whether a request is a browser's preflight."""
    return (
        method == "OPTIONS" and b"origin" in headers and b"access-control-request-method" in headers
    )


def answer_headers(cors: Mapping[str, Any], origin: bytes | None) -> Headers:
    """Return the headers added to every answer; none for an origin that is not allowed."""
    allowed = _allowed_origin(cors, origin)
    if allowed is None:
        return []
    headers: Headers = [(b"access-control-allow-origin", allowed)]
    if allowed != b"*":
        headers.append((b"vary", b"Origin"))
    if cors.get("AllowCredentials"):
        headers.append((b"access-control-allow-credentials", b"true"))
    return headers + _list(b"access-control-expose-headers", cors.get("ExposeHeaders"))


def preflight_headers(cors: Mapping[str, Any], origin: bytes | None) -> Headers:
    """Return the headers of the answer to a preflight request."""
    headers = answer_headers(cors, origin)
    if not headers:
        return []
    headers += _list(b"access-control-allow-methods", cors.get("AllowMethods"))
    headers += _list(b"access-control-allow-headers", cors.get("AllowHeaders"))
    if cors.get("MaxAge"):
        headers.append((b"access-control-max-age", b"%d" % cors["MaxAge"]))
    return headers


def _allowed_origin(cors: Mapping[str, Any], origin: bytes | None) -> bytes | None:
    origins = cors.get("AllowOrigins") or []
    if origin is None:
        return None
    text = origin.decode("latin-1").lower()
    if any(each.lower() == text for each in origins):
        return origin
    if "*" in origins:
        # Browsers refuse "*" together with credentials.
        return origin if cors.get("AllowCredentials") else b"*"
    return None


def _list(name: bytes, values: list[str] | None) -> Headers:
    return [(name, ",".join(values).encode("utf-8", "replace"))] if values else []
