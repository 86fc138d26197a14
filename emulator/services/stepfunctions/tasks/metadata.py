"""What optimised integrations add to results: the answer's HTTP metadata."""

from __future__ import annotations

from typing import Any
from wsgiref.handlers import format_date_time


def with_metadata(
    result: dict[str, Any],
    request_id: str,
    now: float,
    *,
    headers: dict[str, str],
    status: int = 200,
) -> dict[str, Any]:
    """Return a result with ``SdkHttpMetadata`` and ``SdkResponseMetadata`` (recorded).

    Args:
        result: The operation's result.
        request_id: The call's.
        now: Seconds since the epoch.
        headers: Headers of the answer, beside its date and the request's id.
        status: The answer's.
    """
    all_headers = {**headers, "Date": format_date_time(now), "x-amzn-RequestId": request_id}
    return {
        **result,
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in all_headers.items()},
            "HttpHeaders": all_headers,
            "HttpStatusCode": status,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
    }
