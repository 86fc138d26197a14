"""Which bodies are passed on as bytes.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings.html
"""

from __future__ import annotations

from collections.abc import Sequence


def is_binary(types: Sequence[str], content_type: str) -> bool:
    """Say whether an API passes on a type of content as bytes.

    Args:
        types: The API's binary media types.
        content_type: The header's value.
    """
    kind = content_type.partition(";")[0].strip().lower()
    for each in types:
        wanted = each.lower()
        if wanted in ("*/*", "*~1*") or wanted == kind:
            return True
        if wanted.endswith("/*") and kind.startswith(wanted[:-1]):
            return True
    return False


def wants_binary(types: Sequence[str], accept: str) -> bool:
    """Say whether a client's answer is to be bytes: by the first type that it accepts."""
    first = accept.partition(",")[0] or "*/*"
    return is_binary(types, first)
