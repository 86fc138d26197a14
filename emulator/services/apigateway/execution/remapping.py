"""Headers that API Gateway keeps for itself: dropped, renamed, or refused.

Recorded 2024; and
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
"""

from __future__ import annotations

from emulator.services.apigateway.execution.call import Pairs

#: Headers of responses that are passed on by another name.
_REMAPPED = frozenset(
    {
        "authorization", "connection", "content-length", "content-md5", "date", "expect", "host",
        "max-forwards", "proxy-authenticate", "server", "trailer", "upgrade", "user-agent",
        "www-authenticate",
    }
)  # fmt: skip
_DROPPED = frozenset({"transfer-encoding"})
#: Headers that an integration's request must not be given, by the kind of integration.
REFUSED_HTTP = frozenset({"content-length", "transfer-encoding"})
REFUSED_AWS = frozenset(
    {
        "authorization", "connection", "content-length", "expect", "proxy-authenticate", "te",
        "transfer-encoding",
    }
)  # fmt: skip
#: Headers of clients that go no further.
NOT_PASSED_ON = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "te", "transfer-encoding",
     "upgrade", "proxy-connection", "x-amz-cf-id", "x-forwarded-host"}
)  # fmt: skip


def of_response(headers: Pairs) -> Pairs:
    """Return the headers of a response as a client gets them."""
    found = []
    for name, value in headers:
        lower = name.lower()
        if lower in _DROPPED:
            continue
        found.append((f"x-amzn-Remapped-{name}" if lower in _REMAPPED else name, value))
    return found
